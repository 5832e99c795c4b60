"""A client of a deployed stack."""
import json
import os
import time
import urllib.error
import urllib.request

import boto3

PAGES = "http://127.0.0.1:8080"
SCHEMA = [{"field": "title", "type": "string", "example": "A title"}]
STARTED_AT = time.monotonic()


def aws(service):
    return boto3.client(service, endpoint_url=os.environ["AWS_ENDPOINT_URL"])


def report_step(text):
    print(f"   {time.monotonic() - STARTED_AT:6.1f} s {text}", flush=True)


def pages(name, count, path="page"):
    return [f"{PAGES}/{path}/{i}?{name}" for i in range(count)]


class Stack:
    def __init__(self, name, key):
        self.key = key
        apis = {api["name"]: api["id"] for api in aws("apigateway").get_rest_apis(limit=100)["items"]}
        self.base = f"{os.environ['AWS_ENDPOINT_URL']}/restapis/{apis[name]}/live/_user_request_"

    def call(self, method, path, body=None, want=200, timeout=300, **headers):
        """Sends a call, asserts the status, and returns the body's JSON, or its text if it is not JSON."""
        fields = {"X-API-Key": self.key, "Content-Type": "application/json"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, method=method, data=data, headers=fields)
        try:
            answer = urllib.request.urlopen(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            answer = error
        status, raw = answer.status, answer.read()
        # The emulated gateway forwards a streamed response in Lambda's internal format: a head in JSON, eight zero bytes, the body.
        head, streamed, rest = raw.partition(b"\0" * 8)
        if streamed:
            status, raw = json.loads(head)["statusCode"], rest
        assert want is None or status == want, f"{method} {path}: expected {want}, got {status}: {raw[:500]}"
        try:
            return json.loads(raw)
        except ValueError:
            return raw.decode()

    def start(self, path, body):
        """Starts a detached job and returns its id."""
        return self.call("POST", path, body, want=202, Prefer="respond-async")["job_id"]

    def wait_for_progress(self, job):
        """Waits until a page of a job is done."""
        until = time.monotonic() + 60
        while self.call("GET", f"/v1/jobs/{job}")["progress"]["done"] == 0:
            assert time.monotonic() < until, "the detached batch makes no progress"
            time.sleep(0.5)

    def end_of(self, job, timeout):
        """Waits until the job has ended and is settled, asserts that its credits add up, and returns it."""
        until = time.monotonic() + timeout
        while True:
            found = self.call("GET", f"/v1/jobs/{job}")
            credits = found.get("credits", {})
            if found.get("ended_at") and credits.get("charged") is not None:
                break
            assert time.monotonic() < until, f"the job has not ended within {timeout} s: {found}"
            time.sleep(0.5)
        assert credits["reserved"] == credits["charged"] + credits["refunded"], found
        return found

    def used(self):
        usage = self.call("GET", "/v1/usage")
        return usage["monthly"]["used"]
