"""Fails unless a stack has these parameters: parameters.py STACK NAME=VALUE..."""
import sys

from stack import aws

[stack] = aws("cloudformation").describe_stacks(StackName=sys.argv[1])["Stacks"]
found = {p["ParameterKey"]: p["ParameterValue"] for p in stack["Parameters"]}
wanted = dict(pair.split("=", 1) for pair in sys.argv[2:])
assert {name: found.get(name) for name in wanted} == wanted, found
