"""Checks that a deleted stack leaves only its accounts table: deleted.py STACK"""
import sys

from stack import aws

name = sys.argv[1]
tables = {t for t in aws("dynamodb").list_tables()["TableNames"] if t.startswith(name + "-")}
assert f"{name}-accounts" in tables and not tables & {f"{name}-jobs", f"{name}-hosts"}, tables
functions = [f["FunctionName"] for f in aws("lambda").list_functions()["Functions"] if f["FunctionName"].startswith(name + "-")]
assert not functions, functions
