"""A local server's tables and queues, and functions behind the Runtime Interface Emulator that use them."""
import contextlib
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request

EVENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "events")
# Placeholders in the files of events/, replaced by each run's values.
FILE_ORIGIN, FILE_JOB = "http://127.0.0.1:8080", "job_0123456789abcdef"
KEY = "sk_live_try_me"
NO_JOB = "job_0000000000000000"
# Below the range from which systems choose ports (from 32,768 on Linux, from 49,152 on others). Runs at the same time begin at
# different ports.
PORTS = itertools.count(10_000 + 100 * (os.getpid() % 40))


def names():
    """Returns the events' names, `function.case`."""
    return {name.removesuffix(".json") for name in os.listdir(EVENTS) if name.endswith(".json")}


def free_port():
    """Returns a port for a server that starts later. The system does not give it to a socket that asks for any free port."""
    while True:
        port = next(PORTS)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


class Process:
    """A process and its children, killed at the end of the block."""

    def __init__(self, command, environment, log):
        self.log = log
        with open(log, "wb") as out:
            self.child = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)

    def output(self):
        return open(self.log, errors="replace").read()

    def until(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while True:
            # Before the condition, so that the condition sees all output of a process that has ended.
            over = self.child.poll() is not None or time.monotonic() > end
            if found := condition():
                return found
            if over:
                raise AssertionError(f"{self.child.args} is not ready: {self.output()[-2000:]}")
            time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()


class Local(Process):
    """A local server with tables, queues and pages, but without workers."""

    def __init__(self, binary, folder, **more):
        environment = {"PORT": "0", "DYNAMODB_PORT": "any", "SQS_PORT": "any", "DATA_DIR": folder, "RUNO_DEV_KEY": KEY, "BROWSER": "off",
                       "WORKER_CONCURRENCY": "0", "SWEEP_SECONDS": "3600"}
        super().__init__([binary], environment | more, folder + ".log")
        self.origin = self.until(lambda: re.search(r"listening on (http://\S+)", self.output()))[1]
        self.exports = dict(re.findall(r"export (\w+)=(\S+)", self.output()))

    def environment(self, function):
        """Returns the function's environment. The worker does not get the accounts table."""
        queue = lambda name: f"{self.exports['AWS_ENDPOINT_URL_SQS']}/000000000000/runo-{name}"
        variables = {
            "AWS_LAMBDA_FUNCTION_NAME": function, "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "300", "AWS_REGION": "us-east-1", "FETCH_ALLOW": "127.0.0.0/8", "RUST_LOG": "info",
            "JOBS_TABLE": "runo-jobs", "HOSTS_TABLE": "runo-hosts", "UNITS_QUEUE_URL": queue("units"), "SETTLE_QUEUE_URL": queue("settle"),
            "NOTIFY_QUEUE_URL": queue("notify"),
        }
        if function != "worker":
            variables["ACCOUNTS_TABLE"] = "runo-accounts"
        return variables | self.exports


class Function(Process):
    """A bootstrap behind the emulator."""

    def __init__(self, emulator, command, environment, log):
        self.port = free_port()
        addresses = ["--runtime-interface-emulator-address", f"127.0.0.1:{self.port}", "--runtime-api-address", f"127.0.0.1:{free_port()}"]
        super().__init__([emulator, *addresses, *command], environment, log)
        self.until(self.listens)

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def invoke(self, payload):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/2015-03-31/functions/function/invocations", payload.encode())
        return urllib.request.urlopen(request, timeout=300).read()


def event(name, origin, job):
    text = open(os.path.join(EVENTS, name + ".json")).read()
    return text.replace(FILE_ORIGIN, origin).replace(FILE_JOB, job)


class Answer:
    """The HTTP response that the gateway makes of a function's response."""

    def __init__(self, name, raw, whole):
        head, streamed, body = raw.partition(b"\0" * 8)
        assert bool(streamed) != whole, f"{name}: {raw[:300]}"
        head = json.loads(head)
        self.name, self.status = name, head["statusCode"]
        multiple = {n: values[-1] for n, values in (head.get("multiValueHeaders") or {}).items()}
        self.headers = {n.lower(): value for n, value in (multiple | (head.get("headers") or {})).items()}
        if whole:
            assert not head["isBase64Encoded"], f"{name}: {raw[:300]}"
            body = (head["body"] or "").encode()
        self.text = body.decode()

    def expect(self, status):
        assert self.status == status, f"{self.name}: {self.status}: {self.text[:500]}"
        return self

    def json(self):
        return json.loads(self.text)

    def job(self):
        return self.headers["x-job-id"]
