"""Calls a deployed stack in every mode and checks its credits: drive.py KEY STACK SECRET

SECRET is the account's webhook secret."""
import base64
import contextlib
import hashlib
import hmac
import json
import os
import signal
import sys
import threading
import time
import urllib.request

from stack import PAGES, SCHEMA, Stack, aws, pages, report_step

key, name, secret = sys.argv[1:]
stack = Stack(name, key)
charged = 0


def charge(job):
    global charged
    charged += job["credits"]["charged"]
    return job


# Health, authentication and methods.
assert stack.call("GET", "/health") == {"status": "ok"}
stack.call("HEAD", "/health")
stack.call("HEAD", "/v1/usage")
stack.call("OPTIONS", "/v1/batch", want=204)
stack.call("PUT", "/v1/batch", want=405)
stack.call("GET", "/openapi.json")
stack.call("GET", "/v1/jobs", want=401, X_API_Key="sk_live_nope")
report_step("health, authentication and methods answer correctly")

# Calls that a handler runs itself.
found = stack.call("POST", "/v1/extract", {"url": PAGES + "/page/3", "schema": SCHEMA})
assert found["data"] == {"title": "Page 3"}, found
charged += 1
found = stack.call("POST", "/v1/batch", {"urls": pages("b", 12), "schema": SCHEMA})
assert found["succeeded"] == 12, found
charged += 12
question = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
    "name": "extract", "arguments": {"url": PAGES + "/page/4", "schema": SCHEMA}}}
found = stack.call("POST", "/mcp", question, Accept="application/json, text/event-stream", MCP_Protocol_Version="2025-11-25")
assert "Page 4" in json.dumps(found), found
charged += 1
report_step("extract, batch and a tool of MCP")

# Jobs through the queue, the workers and settle.
job = charge(stack.end_of(stack.start("/v1/batch", {"urls": pages("q", 25), "schema": SCHEMA}), 180))
assert (job["progress"]["done"], job["credits"]["charged"]) == (25, 25), job
found = stack.call("POST", "/v1/batch", {"urls": pages("h", 8), "schema": SCHEMA, "async_mode": True})
assert found["succeeded"] == 8, found
charged += 8
crawl = {"follow_pattern": "*/page/*", "max_pages": 5}
job = charge(stack.end_of(stack.start("/v1/crawl", {"seed_url": PAGES + "/page/1", "crawl": crawl, "schema": SCHEMA}), 180))
assert (job["status"], job["progress"]["done"], job["credits"]["charged"]) == ("completed", 5, 5), job
report_step(f"a detached batch, a held one and a crawl: {job['progress']}")

# A webhook, sent through its own queue and function and signed by the Standard Webhooks specification.
request = {"urls": pages("w", 3), "schema": SCHEMA, "webhook": {"url": PAGES + "/hook"}}
job = charge(stack.end_of(stack.start("/v1/batch", request), 180))
until = time.monotonic() + 60
while not (received := json.load(urllib.request.urlopen(PAGES + "/hooks"))):
    assert time.monotonic() < until, "no webhook message was received"
    time.sleep(0.5)
[message] = received
headers, body = message["headers"], message["body"]
signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
signature = base64.b64encode(hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()).decode()
assert headers["webhook-signature"] == f"v1,{signature}", headers
assert abs(time.time() - int(headers["webhook-timestamp"])) < 120, headers
event = json.loads(body)
assert (event["type"], event["data"]["job_id"]) == ("job.completed", job["job_id"]), event
assert event["data"]["credits"]["charged"] == job["credits"]["charged"] == 3, event
until = time.monotonic() + 60
while (state := stack.call("GET", f"/v1/jobs/{job['job_id']}")["webhook"])["state"] != "delivered":
    assert time.monotonic() < until, state
    time.sleep(0.5)
assert state["attempts"] == 1 and state["last_status"] == 204, state
report_step("a webhook was delivered with a valid signature")

# DELETE in the middle of a job.
slow = {"urls": pages("d", 200, "slow"), "schema": SCHEMA, "options": {"concurrency": 2}}
job = stack.start("/v1/batch", slow)
stack.wait_for_progress(job)
stack.call("DELETE", f"/v1/jobs/{job}")
job = charge(stack.end_of(job, 180))
progress, credits = job["progress"], job["credits"]
assert job["status"] == "cancelled" and 0 < progress["done"] < 100, job
assert (credits["charged"], credits["refunded"]) == (progress["done"] + progress["failed"], progress["cancelled"]), job
stack.call("DELETE", f"/v1/jobs/{job['job_id']}", want=404)
report_step(f"cancelled midway: {progress}")


# A handler is killed in the middle of a batch; the scheduled sweep hands its job to the workers.
def handlers():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if f"AWS_LAMBDA_FUNCTION_NAME={name}-Batch".encode() in open(f"/proc/{pid}/environ", "rb").read():
                yield int(pid)
        except OSError:
            pass


# The batch runs for more than a minute, unless the gate is opened.
urllib.request.urlopen(PAGES + "/close")
body = {"urls": pages("k", 40, "gate"), "schema": SCHEMA, "options": {"concurrency": 2}}
caller = threading.Thread(target=lambda: stack.call("POST", "/v1/batch", body, want=None), daemon=True)
caller.start()
until = time.monotonic() + 60
while not (running := [j for j in stack.call("GET", "/v1/jobs")["jobs"] if j["progress"]["done"] > 0]):
    assert time.monotonic() < until, "the held batch makes no progress"
    time.sleep(0.5)
killed = list(handlers())
assert killed, "no handler process was found"
for pid in killed:
    # It may have ended since.
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
caller.join()
job = stack.call("GET", f"/v1/jobs/{running[0]['job_id']}")
assert job["status"] == "running" and job["progress"]["done"] < 40, f"it had ended before its handler was killed: {job}"
urllib.request.urlopen(PAGES + "/open")
job = charge(stack.end_of(job["job_id"], 300))
assert (job["progress"]["done"], job["credits"]["charged"]) == (40, 40), job
report_step("the scheduled sweep resumed a killed handler's job")

# A dead letter is read.
sqs = aws("sqs")
dead = sqs.get_queue_url(QueueName=f"{name}-dead")["QueueUrl"]
message = {"v": 1, "kind": "units", "job": job["job_id"], "lane": 0, "seqs": [0, 1]}
sqs.send_message(QueueUrl=dead, MessageBody=json.dumps(message))
until = time.monotonic() + 60
while True:
    depth = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["All"])["Attributes"]
    if depth["ApproximateNumberOfMessages"] == depth["ApproximateNumberOfMessagesNotVisible"] == "0":
        break
    assert time.monotonic() < until, f"the dead letter was not read: {depth}"
    time.sleep(0.5)
report_step("a dead letter was read")

# The daily check, and exact credits.
functions = [f["FunctionName"] for f in aws("lambda").list_functions()["Functions"]]
audit = next(f for f in functions if f.startswith(f"{name}-Audit"))
response = json.load(aws("lambda").invoke(FunctionName=audit, Payload=b'{"check": true}')["Payload"])
assert response == {"violations": 0}, response
assert stack.used() == charged, (stack.used(), charged)
report_step(f"no invariant is violated; exactly {charged} credits were charged")
