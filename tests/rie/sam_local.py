"""Drives "sam local": sam_local.py WORK LOCAL BRIDGE ARCHITECTURE

Sends every event through "sam local invoke", then calls the API through "sam local start-api", both with the repository's
samconfig.toml and the tables and queues of a local server (the binary LOCAL) on the address BRIDGE, as in docs/OPERATIONS.md."""
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

from events import every_event
from functions import KEY, Local, Process, event, free_port

work, server, bridge, architecture = sys.argv[1:]
FUNCTIONS = {name: name.capitalize() + "Function" for name in ("extract", "batch", "crawl", "jobs", "mcp", "worker", "settle", "notify")}
COMMON = ["--template", os.path.join(work, "build", "template.yaml"), "--config-file", os.path.abspath("samconfig.toml"), "--skip-pull-image",
          "--parameter-overrides", f"Architecture={architecture}"]
SCHEMA = [{"field": "title", "type": "string", "example": "A title"}]
invoked = []


def function_of(name):
    # The schedule of the daily check has a function of its own with the same binary.
    return "AuditFunction" if name == "settle.check" else FUNCTIONS[name.split(".")[0]]


def sam_invoke(function, payload, environment, *more):
    file = os.path.join(work, "event.json")
    with open(file, "w") as out:
        out.write(payload)
    command = ["sam", "local", "invoke", function, "--event", file, *COMMON, *more]
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=180)
    with open(os.path.join(work, "invoke.log"), "ab") as log:
        log.write(done.stderr)
    return done


with Local(server, os.path.join(work, "data"), BIND_ADDRESS=bridge, SERVER_NAMES="host.docker.internal", PORT="8080", DYNAMODB_PORT="8000",
           SQS_PORT="9324", FETCH_ALLOW=bridge) as local:
    # The credentials that the local server printed.
    credentials = {name: local.exports[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    environment = dict(os.environ) | credentials
    begun = time.monotonic()

    def invoke(name, job):
        function = function_of(name)
        invoked.append(function)
        done = sam_invoke(function, event(name, local.origin, job), environment)
        assert done.returncode == 0, f"{name}: {done.stderr.decode()[-2000:]}"
        # sam may print other lines before the response.
        return done.stdout.strip().splitlines()[-1]

    sent = every_event(invoke, whole=True)
    print(f"   sam local invoke: {len(set(invoked))} functions answered {sent} events correctly in {time.monotonic() - begun:.0f} s", flush=True)

    # Without the file of variables there is no endpoint, so nothing is called with the user's credentials.
    empty = os.path.join(work, "empty.json")
    with open(empty, "w") as out:
        out.write("{}")
    for function in ("ExtractFunction", "WorkerFunction"):
        done = sam_invoke(function, "{}", environment, "--env-vars", empty)
        assert b"AWS_ENDPOINT_URL_DYNAMODB nor AWS_ENDPOINT_URL is set" in done.stderr + done.stdout, done
    print("   sam local invoke starts no function without an endpoint", flush=True)

    port = free_port()
    with Process(["sam", "local", "start-api", "--port", str(port), *COMMON], environment, os.path.join(work, "api.log")) as api:
        api.until(lambda: f"Running on http://127.0.0.1:{port}" in api.output())

        def call(method, path, body=None, want=200, **headers):
            fields = {"X-API-Key": KEY, "Content-Type": "application/json"} | {n.replace("_", "-"): v for n, v in headers.items()}
            data = None if body is None else json.dumps(body).encode()
            request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method, data=data, headers=fields)
            try:
                answer = urllib.request.urlopen(request, timeout=180)
            except urllib.error.HTTPError as error:
                answer = error
            text = answer.read().decode()
            assert answer.status == want, f"{method} {path}: {answer.status}: {text[:500]}\n{api.output()[-2000:]}"
            return answer.headers, text

        page = local.origin + "/sample/product"
        assert json.loads(call("GET", "/health")[1])["status"] == "ok"
        found = json.loads(call("POST", "/v1/extract", {"url": page, "schema": SCHEMA})[1])
        assert found["data"] == {"title": "Copper Kettle"}, found
        headers, text = call("POST", "/v1/batch", {"urls": [page, page + "?2"], "schema": SCHEMA})
        assert json.loads(text)["succeeded"] == 2, text
        lines = call("GET", f"/v1/jobs/{headers['x-job-id']}/result", Accept="application/x-ndjson")[1].splitlines()
        assert "summary" in json.loads(lines[-1]), lines
        crawl = {"seed_url": page, "crawl": {"follow_pattern": "*/sample/*", "max_pages": 1}, "schema": SCHEMA}
        assert json.loads(call("POST", "/v1/crawl", crawl)[1])["crawl_meta"]["pages_visited"] == 1
        tools = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        assert "tools" in call("POST", "/mcp", tools, Accept="application/json, text/event-stream")[1]
        call("PUT", "/v1/batch", want=405)
        call("GET", "/v1/jobs", want=401, X_API_Key="sk_live_nope")
        print("   sam local start-api: every function behind the API answers", flush=True)
