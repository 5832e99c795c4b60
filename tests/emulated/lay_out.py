"""Creates what "sam build" would create, from binaries that cargo built: lay_out.py TEMPLATE BINARIES OUT [--without ROLE ACTION]

Writes OUT/template.yaml and OUT/<function>/bootstrap. All workarounds for gaps of ministack 1.5.33 are here. One that
no longer applies fails, so that the list stays current. --without removes a permission, to test that it is needed."""
import copy
import os
import shlex
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "deploy"))
import sam_build

source, binaries, out = sys.argv[1:4]
without = sys.argv[5:7] if sys.argv[4:5] == ["--without"] else None
template = sam_build.read(source)
resources = template["Resources"]


def require_applied(workaround, count):
    if not count:
        sys.exit(f"lay_out.py: nothing in the template needs this workaround any more: {workaround}")


def of_type(kind):
    return sam_build.of_type(template, kind)


def statements(role):
    for policy in role["Properties"].get("Policies") or []:
        policy = policy["Fn::If"][1] if "Fn::If" in policy else policy
        yield from policy["PolicyDocument"]["Statement"]


def actions(statement):
    found = statement["Action"]
    return [found] if isinstance(found, str) else found


def start_script(binary, bootstrap):
    # What is deployed is a script that starts the program: "sam deploy" compresses each function each time, which takes half a
    # minute for debug builds.
    if not os.access(binary, os.X_OK):
        sys.exit(f"lay_out.py: {binary} is missing; run \"cargo build --workspace --bins\" first")
    with open(bootstrap, "w") as file:
        file.write(f"#!/bin/sh\nexec {shlex.quote(binary)}\n")
    os.chmod(bootstrap, 0o755)


functions = of_type("AWS::Serverless::Function")
sam_build.lay_out(template, os.path.abspath(binaries), out, start_script)

# The emulator compares MaximumConcurrency with a number, but does not convert the value of a reference to one.
sized = [e["Properties"]["ScalingConfig"] for f in functions.values() for e in (f["Properties"].get("Events") or {}).values()
         if isinstance(e["Properties"].get("ScalingConfig", {}).get("MaximumConcurrency"), dict)]
for scaling in sized:
    scaling["MaximumConcurrency"] = 5
require_applied("a referenced MaximumConcurrency", len(sized))

# IAM has no separate actions for batches; the emulator requires them.
widened = 0
for role in of_type("AWS::IAM::Role").values():
    for statement in statements(role):
        batches = [a + "Batch" for a in ("sqs:SendMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility") if a in actions(statement)]
        if batches:
            statement["Action"] = actions(statement) + batches
            widened += 1
require_applied("permissions to send and delete batches", widened)

# The emulator has no metric math.
computed = [name for name, alarm in of_type("AWS::CloudWatch::Alarm").items() if "Metrics" in alarm["Properties"]]
for name in computed:
    del resources[name]
require_applied("alarms over several metrics", len(computed))

# The emulator ignores the templates and responses of a mock integration. The path's function answers instead, with the same
# response (tests/suite/template/mocks.rs).
mocked = 0
for methods in resources["Api"]["Properties"]["DefinitionBody"]["paths"].values():
    for method, operation in list(methods.items()):
        if operation["x-amazon-apigateway-integration"]["type"] == "mock":
            methods[method] = copy.deepcopy(methods["x-amazon-apigateway-any-method"])
            mocked += 1
require_applied("mock integrations", mocked)

# The emulator supports neither streamed integrations nor x-amazon-apigateway-any-method.
streamed = any_methods = 0
for methods in resources["Api"]["Properties"]["DefinitionBody"]["paths"].values():
    rest = methods.pop("x-amazon-apigateway-any-method", None)
    if rest is not None:
        any_methods += 1
        for method in ("get", "post", "put", "patch", "delete", "head", "options"):
            methods.setdefault(method, copy.deepcopy(rest))
    for method, operation in list(methods.items()):
        methods[method] = operation = copy.deepcopy(operation)
        integration = operation["x-amazon-apigateway-integration"]
        if integration.pop("responseTransferMode", None):
            uri = integration["uri"]["Fn::Sub"].replace("2021-11-15", "2015-03-31")
            integration["uri"]["Fn::Sub"] = uri.replace("response-streaming-invocations", "invocations")
            streamed += 1
require_applied("streamed integrations", streamed)
require_applied("x-amazon-apigateway-any-method", any_methods)


# Removes a permission on a table, which has to make the run fail. (The emulator checks neither whether a worker may send to a
# queue or a poller may receive, nor whether the gateway may call a function: tests/suite/iam.rs and template.rs do.)
if without:
    role, right = without
    lacking = [s for s in statements(resources[role]) if right in actions(s)]
    for statement in lacking:
        statement["Action"] = [a for a in actions(statement) if not a.startswith(right)]
    require_applied(f"{role} with {right}", len(lacking))

sam_build.write(template, out)
