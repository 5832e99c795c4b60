"""Measures a function that is started as Lambda starts it: measure.py BINARY EVENT [RUNS]

Init is the time from exec to the first request for an invocation, the median of RUNS. The last run then gets EVENT, and its
memory is read. Takes the functions' variables from the environment (tools/local/watch.env); the stores must be running."""

import os
import statistics
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

binary, event, runs = sys.argv[1], open(sys.argv[2], "rb").read(), int((sys.argv + ["20"])[3])


class Runtime(BaseHTTPRequestHandler):
    """Lambda's Runtime API, for one invocation."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if not asked.is_set():
            asked.at = time.perf_counter()
            asked.set()
            go.wait()
        else:
            over.set()
            threading.Event().wait(5)
        self.send_response(200)
        for name, value in [
            ("Lambda-Runtime-Aws-Request-Id", "00000000-0000-4000-8000-000000000001"),
            ("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 900_000)),
            ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:measured"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(event))),
        ]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self):
        chunks = []
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
        else:
            chunks.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        answer.append(b"".join(chunks))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def memory(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        lines = dict(line.split(":", 1) for line in status)
    return [int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM")]


inits, after = [], None
for run in range(runs):
    asked, go, over, answer = threading.Event(), threading.Event(), threading.Event(), []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Runtime)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    variables = {name: value for name, value in os.environ.items() if name != "PATH"}
    variables |= {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
        "AWS_LAMBDA_FUNCTION_NAME": "measured",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "RUST_LOG": "error",
    }
    begun = time.perf_counter()
    child = subprocess.Popen([binary], env=variables, stdout=subprocess.DEVNULL)
    assert asked.wait(30), "the function never asked for an invocation"
    inits.append((asked.at - begun) * 1000)
    if run == runs - 1:
        idle = memory(child.pid)[0]
        went = time.perf_counter()
        go.set()
        assert over.wait(120), "the function never ended the invocation"
        took = (time.perf_counter() - went) * 1000
        after = memory(child.pid)
    child.kill()
    child.wait()
    server.shutdown()
size = os.path.getsize(binary) / 1024 / 1024
print(
    f"{os.path.basename(binary)}: {size:.2f} MB, init {statistics.median(inits):.1f} ms (least {min(inits):.1f}), "
    f"{idle:.1f} MB before, {after[0]:.1f} MB after the first request (most {after[1]:.1f}), which took {took:.0f} ms"
)
print(f"  answer: {b''.join(answer)[-160:]!r}", file=sys.stderr)
