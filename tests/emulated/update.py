"""Runs a job while its stack is updated: update.py begin KEY STACK, update.py end KEY STACK JOB"""
import sys

from stack import SCHEMA, Stack, pages

what, key, name = sys.argv[1:4]
stack = Stack(name, key)
if what == "begin":
    print(stack.start("/v1/batch", {"urls": pages("u", 240, "slow"), "schema": SCHEMA, "options": {"concurrency": 4}}))
else:
    job = stack.call("GET", f"/v1/jobs/{sys.argv[4]}")
    assert job["status"] == "running" and job["progress"]["done"] < 240, f"it ended before the update: {job}"
    job = stack.end_of(sys.argv[4], 300)
    assert (job["status"], job["progress"]["done"], job["credits"]["charged"]) == ("completed", 240, 240), job
