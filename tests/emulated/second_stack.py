"""Checks that a second stack works and does not accept the first one's keys: second_stack.py KEY STACK FOREIGN_KEY"""
import sys

from stack import PAGES, SCHEMA, Stack, report_step

key, name, foreign = sys.argv[1:]
stack = Stack(name, key)
found = stack.call("POST", "/v1/extract", {"url": PAGES + "/page/1", "schema": SCHEMA})
assert found["data"] == {"title": "Page 1"} and stack.used() == 1, found
stack.call("GET", "/v1/usage", want=401, X_API_Key=foreign)
report_step("the second stack has its own accounts")
