"""Runs a job while its stack is updated: update.py begin KEY STACK, update.py end KEY STACK JOB"""
import sys
import urllib.request

from stack import PAGES, SCHEMA, Stack, pages

step, key, name = sys.argv[1:4]
stack = Stack(name, key)
if step == "begin":
    # The job runs for five minutes, unless the gate is opened.
    urllib.request.urlopen(PAGES + "/close")
    job = stack.start("/v1/batch", {"urls": pages("u", 240, "gate"), "schema": SCHEMA, "options": {"concurrency": 4}})
    # An update that replaces the worker before its first pages are done leaves nothing to compare.
    stack.wait_for_progress(job)
    print(job)
else:
    job = stack.call("GET", f"/v1/jobs/{sys.argv[4]}")
    assert job["status"] == "running" and 0 < job["progress"]["done"] < 240, f"it did not run before and after the update: {job}"
    urllib.request.urlopen(PAGES + "/open")
    job = stack.end_of(sys.argv[4], 300)
    assert (job["status"], job["progress"]["done"], job["credits"]["charged"]) == ("completed", 240, 240), job
