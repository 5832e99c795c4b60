"""What is retried and when, and what is not; against a scripted server."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support import KEY, Answer, Scripted

from runo import (
    AsyncClient, AuthenticationError, Client, ConnectionFailed, InvalidRequest, PageError, ProtocolError, QuotaExceeded,
    RateLimited, RunoError, ServerError, WaitTimeout,
)
from runo._retry import Attempts

ID = "job_0123456789ab"
JOB_HEADERS = {"X-Job-ID": ID}


def error(status: int, code: str, retryable: bool, **headers: str) -> Answer:
    body = {"status": "error", "error": {"code": code, "message": "words", "retryable": retryable}}
    return Answer(status, json.dumps(body).encode(), {name.replace("_", "-"): value for name, value in headers.items()})


def line(index: int) -> bytes:
    result = {"index": index, "url": f"http://h/{index}", "status": "success", "render_mode": "fetch", "data": {}}
    return json.dumps(result).encode() + b"\n"


def end(total: int, **more: object) -> bytes:
    return json.dumps({"summary": {"total": total, "cancelled": False, **more}}).encode() + b"\n"


EXTRACTED = Answer(
    body=json.dumps({"url": "u", "status": "success", "render_mode": "fetch", "data": {"a": 1}}).encode(),
    headers=JOB_HEADERS,
)


@contextmanager
def script(*answers: Answer, retries: int = 8) -> Iterator[tuple[Scripted, Client]]:
    server = Scripted(*answers)
    with Client(KEY, server.base, max_retries=retries) as client:
        yield server, client
    server.close()


def test_429_and_5xx_are_retried_with_the_same_idempotency_key(waits: list[float]) -> None:
    refused = [error(429, "RATE_LIMITED", True, Retry_After="7"), error(503, "UNAVAILABLE", True, Retry_After="2"),
               Answer(502, b"<html>"), Answer(500, b"{}", cut=True)]
    with script(*refused, EXTRACTED) as (server, client):
        assert client.extract("u", {"a": "integer"}).data == {"a": 1}
    assert 7 <= waits[0] <= 8 and 2 <= waits[1] <= 3 and len(waits) == 4
    assert len({seen.headers["idempotency-key"] for seen in server.seen}) == 1
    assert len({seen.body for seen in server.seen}) == 1


def test_the_asynchronous_client_retries_with_the_same_idempotency_key(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    async def main() -> None:
        server = Scripted(error(429, "RATE_LIMITED", True, Retry_After="7"), EXTRACTED)
        async with AsyncClient(KEY, server.base) as client:
            assert (await client.extract("u", {"a": "integer"})).data == {"a": 1}
        server.close()
        assert len({seen.headers["idempotency-key"] for seen in server.seen}) == 1

    monkeypatch.setattr("anyio.sleep", sleep)
    asyncio.run(main())
    assert len(waited) == 1 and 7 <= waited[0] <= 8


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error(401, "UNAUTHORIZED", False), AuthenticationError),
        (error(429, "QUOTA_EXCEEDED", False), QuotaExceeded),
        (error(400, "INVALID_REQUEST", False), InvalidRequest),
        (error(429, "RATE_LIMITED", True, Retry_After="3600"), RateLimited),
        (Answer(302, b"", {"Location": "http://elsewhere.example/"}), ProtocolError),
        (Answer(200, b"<html>hello</html>"), ProtocolError),
    ],
)
def test_permanent_errors_are_raised_at_once(answer: Answer, kind: type[RunoError], waits: list[float]) -> None:
    with script(answer) as (server, client), pytest.raises(kind):
        client.extract("u", {"a": "integer"})
    assert len(server.seen) == 1 and waits == []


def test_retries_are_bounded(waits: list[float]) -> None:
    with script(*[error(503, "UNAVAILABLE", True)] * 4, retries=3) as (server, client):
        with pytest.raises(ServerError) as raised:
            client.usage()
    assert (raised.value.code, raised.value.retryable, raised.value.status) == ("UNAVAILABLE", True, 503)
    assert len(server.seen) == 4 and len(waits) == 3


def test_waits_grow_to_a_bound_with_jitter() -> None:
    attempts = Attempts(20, random_=random.Random(7).random)
    waited = [attempts.connection_failed("gone") for _ in range(20)]
    assert all(0.125 * 2**n <= wait <= 0.25 * 2**n for n, wait in enumerate(waited[:5]))
    assert all(5 <= wait <= 10 for wait in waited[6:]) and len(set(waited)) == 20
    with pytest.raises(ConnectionFailed):
        attempts.connection_failed("gone")


def test_an_unreachable_service_is_reported_after_two_retries(waits: list[float]) -> None:
    server = Scripted()
    server.close()
    with Client(KEY, server.base) as client, pytest.raises(ConnectionFailed) as raised:
        client.usage()
    assert len(waits) == 2 and raised.value.retryable and isinstance(raised.value, ConnectionError)


def test_reading_resumes_where_it_broke_off(waits: list[float]) -> None:
    with script(
        Answer(body=b"   " + line(1) + line(0) + line(2)[:20], headers=JOB_HEADERS, cut=True),
        error(503, "UNAVAILABLE", True),
        Answer(body=line(3), headers=JOB_HEADERS),  # ends regularly, but without a summary
        Answer(body=line(4) + end(6, status="running", next="/v1/x"), headers=JOB_HEADERS),
        Answer(body=line(5) + line(2) + end(6, credits_charged=6), headers=JOB_HEADERS),
    ) as (server, client):
        job = client.batch(["u"] * 6, {"a": "integer"})
        assert [found.index for found in job] == [1, 0, 3, 4, 5, 2]
    assert [seen.path.partition("?")[2] for seen in server.seen] == ["", "from=2", "from=2", "from=3", "from=4"]
    assert all(seen.headers["accept"] == "application/x-ndjson" for seen in server.seen)
    assert job.summary and (job.summary.total, job.summary.credits_charged) == (6, 6)


def test_results_missed_by_a_reordering_are_read_at_the_end(waits: list[float]) -> None:
    # While the job ran, 2 ended before 1 but was sent after it: "from=2" then leaves out 2 and has 1 a second time.
    with script(
        Answer(body=line(0) + line(1), headers=JOB_HEADERS, cut=True),
        Answer(body=line(1) + end(3), headers=JOB_HEADERS),
        Answer(body=line(0) + line(2) + line(1) + end(3), headers=JOB_HEADERS),
    ) as (server, client):
        assert [found.index for found in client.batch(["u"] * 3, {"a": "integer"})] == [0, 1, 2]
    assert "from" not in server.seen[-1].path


def test_a_job_that_never_sends_all_results_is_an_error(waits: list[float]) -> None:
    with script(*[Answer(body=line(0) + end(2), headers=JOB_HEADERS)] * 3) as (_, client):
        with pytest.raises(ProtocolError) as raised:
            client.batch(["u"] * 2, {"a": "integer"}).results()
    assert raised.value.job_id == ID


def test_a_crawl_that_was_resumed_is_read_again_at_the_end(waits: list[float]) -> None:
    meta = {"summary": {"seed_url": "u", "crawl_meta": {
        "pages_visited": 3, "pages_skipped": 0, "pages_failed": 0, "cancelled": False, "stopped_by": None,
        "credits_reserved": 5, "credits_charged": 3, "credits_refunded": 2, "sitemaps_read": 0, "sitemaps_failed": 0}}}
    last = json.dumps(meta).encode() + b"\n"
    with script(
        Answer(body=line(0) + line(2), headers=JOB_HEADERS, cut=True),
        Answer(body=line(2) + last, headers=JOB_HEADERS),
        Answer(body=line(0) + line(1) + line(2) + last, headers=JOB_HEADERS),
    ) as (_, client):
        job = client.crawl("u", {"a": "integer"}, follow_pattern="*", max_pages=5)
        assert [found.url for found in job] == ["http://h/0", "http://h/2", "http://h/1"]
    assert job.summary and job.summary.credits_refunded == 2 and job.summary.crawl_meta


def test_a_held_extract_is_followed(waits: list[float]) -> None:
    pending = {"url": "u", "status": "pending", "job_id": ID, "next": f"/v1/jobs/{ID}/result"}
    with script(Answer(body=json.dumps(pending).encode(), headers=JOB_HEADERS), EXTRACTED) as (server, client):
        assert client.extract("u", {"a": "integer"}).data == {"a": 1}
    assert server.seen[1].path == f"/v1/jobs/{ID}/result"


def test_the_timeout_ends_the_wait(waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    # Time stands still, so that the whole timeout is left.
    monkeypatch.setattr("runo._send.monotonic", lambda: 100.0)
    with script(
        Answer(202, b"{}", JOB_HEADERS), error(503, "UNAVAILABLE", True, Retry_After="30")
    ) as (server, client), pytest.raises(WaitTimeout) as raised:
        client.batch(["u"], {"a": "integer"}, async_mode=True, timeout=5).results()
    assert raised.value.job_id == ID and waits == []
    assert server.seen[0].headers["prefer"] == "respond-async" and server.seen[1].headers["prefer"] == "wait=5"


def test_the_error_of_a_page_is_raised_with_its_code() -> None:
    body = {"url": "u", "status": "error", "error": {"code": "TIMEOUT", "message": "slow", "retryable": True}}
    with script(Answer(body=json.dumps(body).encode(), headers=JOB_HEADERS)) as (_, client):
        with pytest.raises(PageError, match=f"TIMEOUT: slow .{ID}") as raised:
            client.extract("u", {"a": "integer"})
    assert (raised.value.code, raised.value.retryable, raised.value.job_id) == ("TIMEOUT", True, ID)


def test_captures_are_fetched_by_their_number() -> None:
    body = {**json.loads(EXTRACTED.body), "captures": [{"kind": "screenshot", "n": 3}]}
    with script(Answer(body=json.dumps(body).encode(), headers=JOB_HEADERS), Answer(body=b"\x89PNG")) as (server, client):
        page = client.extract("u", {"a": "integer"}, capture=["screenshot"])
        assert client.capture(ID, page.captures[0].n) == b"\x89PNG"
    assert json.loads(server.seen[0].body)["options"] == {"capture": ["screenshot"]}
    assert server.seen[1].path == f"/v1/jobs/{ID}/captures/3"


def test_a_cancel_whose_response_was_lost_returns_true(waits: list[float]) -> None:
    job = {"job_id": ID, "endpoint": "/batch", "status": "cancelled", "async_mode": False, "ended_at": None,
           "started_at": "2026-05-08T10:14:21Z", "progress": {"total": 1, "done": 0, "failed": 0}}
    with script(Answer(cut=True), error(404, "JOB_NOT_FOUND", False), Answer(body=json.dumps(job).encode())) as (_, c):
        assert c.cancel(ID) is True


def test_ten_thousand_and_one_urls_are_refused_before_anything_is_sent() -> None:
    with script() as (_, client), pytest.raises(InvalidRequest, match="split them into several batches"):
        client.batch(["u"] * 10_001, {"a": "integer"})
    with script() as (_, client), pytest.raises(InvalidRequest, match="not one string"):
        client.batch("http://h/", {"a": "integer"})


def test_the_key_is_in_no_repr_error_or_log(waits: list[float], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with script(error(401, "UNAUTHORIZED", False)) as (server, client):
        with pytest.raises(AuthenticationError) as raised:
            client.usage()
        assert server.seen[0].headers["x-api-key"] == KEY
        parts = [vars(client), vars(client._connection), vars(client._connection.sender)]
        shown = [repr(client), repr(parts), repr(raised.value), caplog.text]
    assert KEY not in "".join(shown)


def test_key_and_base_url_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNO_API_KEY", raising=False)
    with pytest.raises(InvalidRequest, match="RUNO_API_KEY"):
        Client()
    monkeypatch.setenv("RUNO_API_KEY", KEY)
    monkeypatch.setenv("RUNO_BASE_URL", "https://runo.example/prod/")
    with Client() as client:
        assert repr(client) == "Client(base_url='https://runo.example/prod')"
