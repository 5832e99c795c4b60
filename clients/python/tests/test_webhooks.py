"""Webhooks sent to a receiver in this process and verified with the specification's library."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError
from support import KEY, Answer, Scripted, Server, Site

from runo import AsyncClient, Client, Job, JobNotFound, WebhookState

FIELDS = {"title": "string"}


@pytest.fixture(scope="module")
def secret(server: Server) -> str:
    return str(server.admin("hook", "secret", "create", "--account", "dev")["secret"])


@pytest.fixture
def receiver() -> Iterator[Scripted]:
    receiver = Scripted(Answer(500), Answer(204, b""), *[Answer(204, b"")] * 8)
    yield receiver
    receiver.close()


def final_webhook(client: Client, job: Job[Any]) -> Any:
    """Returns the state of the job's webhook once it is final."""
    for _ in range(600):
        webhook = client.job(job.id).webhook
        assert webhook is not None
        if webhook.state not in ("waiting", "pending"):
            return webhook
        time.sleep(0.05)
    raise AssertionError(f"the message was never delivered: {webhook}")


def test_the_message_is_sent_until_the_receiver_accepts_it(
    server: Server, client: Client, site: Site, secret: str, receiver: Scripted
) -> None:
    job = client.batch(site.urls(2), FIELDS, webhook={"url": receiver.base})
    webhook = final_webhook(client, job)
    assert (webhook.state, webhook.attempts, webhook.last_status) == ("delivered", 2, 204)
    first, second = receiver.seen
    assert first.body == second.body and first.headers["webhook-id"] == second.headers["webhook-id"]
    for seen in receiver.seen:
        message = Webhook(secret).verify(seen.body, seen.headers)
        assert message["type"] == "job.completed" and message["data"]["job_id"] == job.id
        assert message["data"]["progress"]["done"] == 2
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(seen.body.replace(b"completed", b"cancelled"), seen.headers)


def test_a_message_can_be_sent_again(
    server: Server, client: Client, site: Site, secret: str, receiver: Scripted
) -> None:
    receiver.answers[0] = Answer(410)
    job = client.batch(site.urls(1), FIELDS, webhook={"url": receiver.base})
    assert final_webhook(client, job).state == "gone"
    resent = client.resend_webhook(job.id)
    assert (resent.state, resent.attempts, resent.last_status) == ("pending", 1, 410)
    assert final_webhook(client, job) == WebhookState("delivered", 2, 204)
    first, second = receiver.seen
    assert first.body == second.body and first.headers["webhook-id"] == second.headers["webhook-id"]

    async def resend_early() -> WebhookState:
        async with AsyncClient(KEY, server.base) as other:
            return await other.resend_webhook(job.id)

    # The client waits for as long as the service asks.
    assert asyncio.run(resend_early()).attempts == 2
    with pytest.raises(JobNotFound):
        client.resend_webhook("job_0123456789abcdef")


def test_both_secrets_verify_during_a_rotation(
    server: Server, client: Client, site: Site, secret: str, receiver: Scripted
) -> None:
    receiver.answers.pop(0)
    new = server.admin("hook", "secret", "rotate", "--account", "dev")["secret"]
    final_webhook(client, client.batch(site.urls(1), FIELDS, webhook={"url": receiver.base, "events": ["job.completed"]}))
    for one in (secret, new):
        assert Webhook(one).verify(receiver.seen[0].body, receiver.seen[0].headers)["type"] == "job.completed"


def test_a_cancelled_job_sends_job_cancelled(
    server: Server, client: Client, site: Site, secret: str, receiver: Scripted
) -> None:
    receiver.answers.pop(0)
    with Client(KEY, server.base) as other:
        job = other.batch([f"{site.base}/gate/{n}" for n in range(3)], FIELDS, async_mode=True,
                          webhook={"url": receiver.base})
        assert site.waiting.acquire(timeout=30)
        job.cancel()
        site.gate.set()
        assert final_webhook(other, job).state == "delivered"
    assert json.loads(receiver.seen[0].body)["type"] == "job.cancelled"
