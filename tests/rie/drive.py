"""Sends every event of events/ to its function behind the emulator: drive.py WORK LOCAL FOLDER [RUNNER...]

LOCAL is the local server's binary, FOLDER contains the functions' binaries. RUNNER is a command
that runs them, for binaries of another processor."""
import contextlib
import os
import sys
import time

from events import every_event
from functions import Function, Local, event, names

work, server, folder = sys.argv[1:4]
runner = sys.argv[4:]


def behind_emulator(function, environment, log):
    command = [*runner, os.path.join(folder, function)]
    return Function(os.path.join(work, "emulator"), command, environment, os.path.join(work, log))


for whole in (False, True):
    begun, running = time.monotonic(), {}
    mode = "whole" if whole else "streamed"
    with contextlib.ExitStack() as stack:
        local = stack.enter_context(Local(server, os.path.join(work, mode), FETCH_ALLOW="127.0.0.0/8"))

        def invoke(name, job):
            function = name.split(".")[0]
            if function not in running:
                environment = local.environment(function) | ({"AWS_SAM_LOCAL": "true"} if whole else {})
                running[function] = stack.enter_context(behind_emulator(function, environment, f"{function}-{mode}.log"))
            return running[function].invoke(event(name, local.origin, job))

        sent = every_event(invoke, whole)
    took = time.monotonic() - begun
    print(f"   {len(running)} functions answered {sent} events correctly, {mode}, in {took:.1f} s", flush=True)

# "sam local" passes its user's own credentials to a function, so without an endpoint the function must not start.
with Local(server, os.path.join(work, "untouched")) as local:
    for function in sorted({name.split(".")[0] for name in names()}):
        environment = {n: v for n, v in local.environment(function).items() if not n.startswith("AWS_ENDPOINT")}
        with behind_emulator(function, environment | {"AWS_SAM_LOCAL": "true"}, "refused.log") as refused:
            with contextlib.suppress(OSError):
                refused.invoke("{}")
            # The response may arrive before the function's output.
            refused.until(lambda: "AWS_ENDPOINT_URL_DYNAMODB nor AWS_ENDPOINT_URL is set" in refused.output())
print("   no function starts under \"sam local\" without an endpoint")
