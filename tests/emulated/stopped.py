"""Checks the responses to callers after an operator has stopped a job, an account or a key: stopped.py cancelled KEY STACK JOB,
or one of stopped.py served|suspended|unknown|closed KEY STACK"""
import sys

from stack import PAGES, SCHEMA, Stack

expected, key, name = sys.argv[1:4]
stack = Stack(name, key)
body = {"url": PAGES + "/page/8?" + key, "schema": SCHEMA}
if expected == "cancelled":
    job = stack.end_of(sys.argv[4], 90)
    assert job["status"] == "cancelled" and job["credits"]["refunded"] > 0, job
elif expected == "served":
    before = stack.used()
    found = stack.call("POST", "/v1/extract", body | {"options": {"no_cache": True}})
    assert found["data"] == {"title": "Page 8"} and stack.used() == before + 1, found
elif expected == "closed":
    # No function runs, so there is no response of ours and no charge.
    found = stack.call("POST", "/v1/extract", body, want=None)
    assert "data" not in found, found
else:
    status, code = {"suspended": (403, "ACCOUNT_SUSPENDED"), "unknown": (401, "UNAUTHORIZED")}[expected]
    found = stack.call("POST", "/v1/extract", body, want=status)
    assert found["error"]["code"] == code, found
