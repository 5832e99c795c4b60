"""Sends every event of events/, ordered so that the jobs they name exist, and asserts the responses."""
import json

from functions import NO_JOB, Answer, event, names

NOTHING_FAILED = {"batchItemFailures": []}


def every_event(invoke, whole):
    """Sends each event with `invoke(name, job)`, which returns the function's response: `whole` as "sam local" expects it, else
    streamed as in AWS. Returns the number of events."""
    sent = set()

    def send(name, job):
        sent.add(name)
        return invoke(name, job)

    def call(name, status, job=NO_JOB):
        # HEAD is never streamed.
        return Answer(name, send(name, job), whole or name.endswith("-head")).expect(status)

    def expect(name, want, job=NO_JOB):
        response = json.loads(send(name, job))
        assert response == want, f"{name}: expected {want}, got {response}"

    found = call("extract.post", 200)
    assert found.json()["data"]["title"] == "Copper Kettle", found.text
    job = found.job()
    assert call("extract.refused", 422).json()["error"]["code"] == "SCHEMA_REQUIRED"
    found = call("batch.options", 204)
    assert (found.headers["allow"], found.text) == ("POST, OPTIONS", ""), found.headers
    found = call("batch.post", 200).json()
    assert found["succeeded"] == 2, found
    found = call("crawl.post", 200).json()
    assert found["crawl_meta"]["pages_visited"] == 1, found

    # A detached job: the worker runs its units, settle settles it.
    found = call("batch.respond-async", 202)
    detached = found.job()
    assert found.json() == {"job_id": detached, "status": "running"}, found.text
    assert found.headers["location"] == f"/live/v1/jobs/{detached}/result", found.headers
    bad_id = json.loads(event("worker.one-bad", "", ""))["Records"][1]["messageId"]
    expect("worker.one-bad", {"batchItemFailures": [{"itemIdentifier": bad_id}]}, detached)
    expect("worker.units", NOTHING_FAILED, detached)
    expect("settle.settle", NOTHING_FAILED, detached)
    found = call("jobs.get", 200, detached).json()
    assert (found["status"], found["progress"]["done"], found["credits"]["charged"]) == ("completed", 2, 2), found
    expect("settle.dead", NOTHING_FAILED)
    expect("notify.notify", NOTHING_FAILED)
    expect("settle.sweep", {"looked_after": 0})

    cancelled = call("batch.respond-async", 202).job()
    found = call("jobs.cancel", 200, cancelled).json()
    assert found["status"] in ("cancelling", "cancelled"), found
    expect("settle.settle", NOTHING_FAILED, cancelled)
    found = call("jobs.get", 200, cancelled).json()
    assert (found["status"], found["credits"]["charged"], found["credits"]["refunded"]) == ("cancelled", 0, 2), found

    assert call("jobs.get", 404).json()["error"]["code"] == "JOB_NOT_FOUND"
    assert detached in call("jobs.list", 200).text
    lines = [json.loads(line) for line in call("jobs.result", 200, job).text.splitlines()]
    assert lines[0]["index"] == 0 and "summary" in lines[-1], lines
    call("jobs.webhook", 404, job)
    call("jobs.capture", 404, job)
    assert call("jobs.usage", 200).json()["monthly"]["used"] >= 6
    assert call("jobs.health", 200).json()["status"] == "ok"
    found = call("jobs.health-head", 200)
    assert (found.headers["content-type"], found.text) == ("application/json", ""), found.headers
    assert "/v1/batch" in call("jobs.openapi", 200).json()["paths"]
    assert call("jobs.keys", 200).json()["keys"]
    assert call("jobs.console", 200).text.startswith("<!doctype html>")
    assert call("jobs.root", 302).headers["location"] == "/live/console"
    found = call("mcp.call", 200).json()
    assert json.loads(found["result"]["content"][0]["text"])["data"]["title"] == "Copper Kettle", found
    call("mcp.get", 405)
    expect("settle.check", {"violations": 0})
    expect("settle.check-on", {"nothing_to_go_on_with": True})
    assert sent == names(), f"not sent: {names() - sent}"
    return len(sent)
