"""Tests Runo with a real OpenAI-compatible server whose model has random weights: all its values are nonsense, so they are
refused or reported as failed, values of the rules stay, and nothing breaks. Arguments: the programs of the local server
and of admin, and the Python that has the model."""

import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

KEY = "sk_live_real_model"
PAGES = 4
SCHEMA = [
    {"field": "title", "type": "string", "example": "A flat"},
    {"field": "goatCount", "type": "integer", "example": 3},
    {"field": "smokers", "type": "boolean", "example": True},
]
OPEN = [field["field"] for field in SCHEMA[1:]]


class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = "The owners, a couple from Bergen, keep a handful of goats and speak more than one language. "
        body = f"<title>House</title><main><h1>House {self.path}</h1><p>{text * 3}</p></main>".encode()
        status = 404 if self.path == "/robots.txt" else 200
        self.send_response(status)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def call(base, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data=data, headers={"X-API-Key": KEY})
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.load(answer)


def judge(result, what):
    assert result["status"] == "success", (what, result)
    assert result["data"]["title"].startswith("House"), (what, result)
    warnings_text = "\n".join(result.get("warnings", []))
    for field in OPEN:
        assert not result["data"][field], f"{what}: a value of the random model was accepted: {result}"
    # The model gives null or a value that is refused, or its response is truncated or takes too long.
    explained = "was refused" in warnings_text or "LLM_" in warnings_text or not warnings_text
    assert explained and "model_fields" not in result, (what, result)
    return warnings_text


def main():
    local, admin, python = sys.argv[1:]
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    urls = [f"http://127.0.0.1:{site.server_port}/{n}" for n in range(PAGES)]
    serve = Path(__file__).with_name("serve.py")
    model = subprocess.Popen([python, serve], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    with tempfile.TemporaryDirectory() as folder:
        runo = None
        try:
            address = model.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:"), address
            env = dict(os.environ, PORT="0", DATA_DIR=folder, RUNO_DEV_KEY=KEY, FETCH_ALLOW="127.0.0.0/8", BROWSER="off",
                       SWEEP_SECONDS="1", HOST_DELAY_MS="0", RUST_LOG="error", MODEL_URL=f"{address}/v1", MODEL_NAME="random",
                       MODEL_BATCH="openai", MODEL_CONCURRENCY="2", MODEL_TIMEOUT_MS="110000")
            runo = subprocess.Popen([local], env=env, stdout=subprocess.PIPE, text=True)
            base = next(line for line in runo.stdout if line.startswith("listening on ")).split()[-1]
            options = {"timeout_ms": 120000, "concurrency": 2}
            warnings = [judge(call(base, "/v1/extract", {"url": urls[0], "schema": SCHEMA, "options": {"timeout_ms": 120000}}), "extract")]
            for async_mode in [False, True]:
                begun = time.monotonic()
                body = {"urls": urls, "schema": SCHEMA, "options": options, "async_mode": async_mode}
                got = call(base, "/v1/batch", body)
                assert (got["succeeded"], got["total"]) == (PAGES, PAGES), got
                warnings += [judge(result, f"batch, async_mode {async_mode}") for result in got["results"]]
                print(f"batch of {PAGES} pages, async_mode {async_mode}: {time.monotonic() - begun:.1f} s")
            usage = call(base, "/v1/usage")
            print("usage:", json.dumps(usage["model"]))
            assert usage["model"]["calls"] >= 1 + PAGES, usage
            assert usage["monthly"]["used"] == 1 + 2 * PAGES, usage
            check = subprocess.run([admin, "--data-dir", folder, "check", "--json"], capture_output=True, text=True, check=True)
            assert json.loads(check.stdout) == {"violations": []}, check.stdout
            kinds = sorted({line.split(":")[0] if line.startswith("LLM_") else "refused" for text in warnings for line in text.splitlines()})
            print("outcomes of the model's responses:", ", ".join(kinds) or "nulls")
        finally:
            if runo:
                runo.terminate()
                runo.wait(30)
            model.stdin.close()
            model.terminate()
            model.wait(30)
    print("every value was refused and nothing broke")


main()
