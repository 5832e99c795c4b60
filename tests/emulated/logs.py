"""Checks that a stack's functions logged no unexpected warning or error: logs.py STACK"""
import sys

from stack import aws, report_step

# Caused by the run itself, which kills a handler.
EXPECTED = ("running a job that has no driver",)
logs, group = aws("logs"), f"/runo/{sys.argv[1]}"
bad, lines = [], 0
for page in logs.get_paginator("describe_log_streams").paginate(logGroupName=group):
    for stream in page["logStreams"]:
        events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)["events"]
        lines += len(events)
        for event in events:
            text = event["message"]
            if any(sign in text for sign in ('"ERROR"', '"WARN"', "Denied", "not authorized", "panicked")):
                if not any(expected in text for expected in EXPECTED):
                    bad.append(text[:600])
for text in bad[:20]:
    print("      ", text)
assert lines > 100, f"the functions logged only {lines} lines"
assert not bad, f"{len(bad)} of {lines} log lines are unexpected warnings or errors"
report_step(f"{lines} lines were logged, without unexpected warnings")
