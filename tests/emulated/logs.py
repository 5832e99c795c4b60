"""Checks that a stack's functions logged no unexpected warning or error: logs.py STACK LINES

They must have logged at least LINES lines."""
import sys

from stack import aws, report_step

# A slow emulator causes it, and the step is repeated. A missing permission causes it, too, and is unexpected.
RETRIED = "a store step failed; trying again"
name, min_lines = sys.argv[1], int(sys.argv[2])
logs, group = aws("logs"), f"/runo/{name}"
unexpected, lines = [], 0


def is_unexpected(text):
    if any(sign in text for sign in ("Denied", "not authorized", "panicked")):
        return True
    return any(level in text for level in ('"ERROR"', '"WARN"')) and RETRIED not in text


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
            if is_unexpected(text):
                unexpected.append(text[:600])
for text in unexpected[:20]:
    print("      ", text)
assert lines >= min_lines, f"the functions of {name} logged only {lines} lines"
assert not unexpected, f"{len(unexpected)} of {lines} log lines are unexpected warnings or errors"
report_step(f"{name}: {lines} lines were logged, without unexpected warnings")
