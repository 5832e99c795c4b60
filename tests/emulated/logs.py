"""Checks that a stack's functions logged no unexpected warning or error: logs.py STACK LINES

They must have logged at least LINES lines."""
import sys

from stack import aws, report_step

# Caused by the run itself, which kills a handler.
EXPECTED = ("running a job that has no driver",)
name, min_lines = sys.argv[1], int(sys.argv[2])
logs, group = aws("logs"), f"/runo/{name}"
unexpected, lines = [], 0


def events_of(stream):
    """Yields all events of a stream. The last page is the one whose token does not change."""
    token = {}
    while True:
        page = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True, **token)
        yield from page["events"]
        if not page["events"] or page["nextForwardToken"] == token.get("nextToken"):
            return
        token = {"nextToken": page["nextForwardToken"]}


for page in logs.get_paginator("describe_log_streams").paginate(logGroupName=group):
    for stream in page["logStreams"]:
        for event in events_of(stream["logStreamName"]):
            lines += 1
            text = event["message"]
            if any(sign in text for sign in ('"ERROR"', '"WARN"', "Denied", "not authorized", "panicked")):
                if not any(expected in text for expected in EXPECTED):
                    unexpected.append(text[:600])
for text in unexpected[:20]:
    print("      ", text)
assert lines >= min_lines, f"the functions of {name} logged only {lines} lines"
assert not unexpected, f"{len(unexpected)} of {lines} log lines are unexpected warnings or errors"
report_step(f"{name}: {lines} lines were logged, without unexpected warnings")
