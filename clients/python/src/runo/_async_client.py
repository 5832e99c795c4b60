"""The asynchronous client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from types import TracebackType
from typing import Any, Literal, overload

import httpx
from typing_extensions import Self, Unpack

from . import _calls
from ._async_connection import AsyncConnection
from ._async_job import AsyncJob, PendingJob
from ._calls import Call
from ._errors import ProtocolError
from ._options import BatchOptions, PageOptions, Webhook
from ._rows import extract_result, read_json
from ._schema import M, PlainSchema, Row, Shape, shape_of
from ._send import READ_TIMEOUT, Deadline, Sender
from ._types import JobInfo, Success, Usage, WebhookState, job_of, usage_of, webhook_of


class AsyncClient:
    """Asynchronous client of a Runo service, for asyncio and trio: see :class:`runo.Client`.

    Await ``batch``, ``crawl`` and ``result`` to get their job, or open them with ``async with``.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        max_retries: int = 8,
        silence: float = READ_TIMEOUT,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        self._own = http_client is None
        sender = Sender(api_key, base_url, max_retries, silence)
        self._connection = AsyncConnection(http_client or httpx.AsyncClient(), sender)

    def __repr__(self) -> str:
        return f"AsyncClient(base_url={self._connection.sender.base_url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes connections. Jobs keep running."""
        if self._own:
            await self._connection.http.aclose()

    @overload
    async def extract(
        self, url: str, schema: type[M], *, idempotency_key: str | None = None, timeout: float | None = None,
        **options: Unpack[PageOptions],
    ) -> Success[M]: ...

    @overload
    async def extract(
        self, url: str, schema: PlainSchema = None, *, idempotency_key: str | None = None,
        timeout: float | None = None, **options: Unpack[PageOptions],
    ) -> Success[Row]: ...

    async def extract(
        self, url: str, schema: Any = None, *, idempotency_key: str | None = None, timeout: float | None = None,
        **options: Unpack[PageOptions],
    ) -> Success[Any]:
        """Reads one page. Raises PageError if the page cannot be read."""
        shape, deadline = shape_of(schema), Deadline(timeout)
        call = _calls.extract(url, shape, options, idempotency_key)
        while True:
            response = await self._connection.send(call, deadline)
            job_id = deadline.job_id = response.headers.get("X-Job-ID")
            members = read_json(response.content, job_id)
            if members.get("status") != "pending":
                return extract_result(members, shape, job_id)
            deadline.check()
            call = _calls.result(str(members["job_id"]), 0, None, lines=False)

    @overload
    def batch(
        self, urls: Iterable[str], schema: type[M], *, async_mode: bool = False, webhook: Webhook | None = None,
        idempotency_key: str | None = None, timeout: float | None = None, **options: Unpack[BatchOptions],
    ) -> PendingJob[M]: ...

    @overload
    def batch(
        self, urls: Iterable[str], schema: PlainSchema = None, *, async_mode: bool = False,
        webhook: Webhook | None = None, idempotency_key: str | None = None, timeout: float | None = None,
        **options: Unpack[BatchOptions],
    ) -> PendingJob[Row]: ...

    def batch(
        self, urls: Iterable[str], schema: Any = None, *, async_mode: bool = False, webhook: Webhook | None = None,
        idempotency_key: str | None = None, timeout: float | None = None, **options: Unpack[BatchOptions],
    ) -> PendingJob[Any]:
        """Starts a batch of up to 10,000 URLs and returns its job. Iterate the job for results as they come.

        ``async_mode`` runs the job through the queue: no call is held open until results are read. ``timeout`` limits
        the wait for results, in seconds from this call; after it the job keeps running.
        """
        shape, deadline = shape_of(schema), Deadline(timeout)
        call = _calls.batch(
            urls, shape, options, async_mode=async_mode, webhook=webhook, key=idempotency_key, wait=timeout
        )
        return PendingJob(lambda: self._start(call, shape, deadline, crawl=False))

    @overload
    def crawl(
        self, seed_url: str, schema: type[M], *, follow_pattern: str, max_pages: int, max_depth: int | None = None,
        use_sitemap: bool | None = None, ignore_robots: bool | None = None, allow_large_crawl: bool | None = None,
        async_mode: bool = False, webhook: Webhook | None = None, idempotency_key: str | None = None,
        timeout: float | None = None, **options: Unpack[PageOptions],
    ) -> PendingJob[M]: ...

    @overload
    def crawl(
        self, seed_url: str, schema: PlainSchema = None, *, follow_pattern: str, max_pages: int,
        max_depth: int | None = None, use_sitemap: bool | None = None, ignore_robots: bool | None = None,
        allow_large_crawl: bool | None = None, async_mode: bool = False, webhook: Webhook | None = None,
        idempotency_key: str | None = None, timeout: float | None = None, **options: Unpack[PageOptions],
    ) -> PendingJob[Row]: ...

    def crawl(
        self, seed_url: str, schema: Any = None, *, follow_pattern: str, max_pages: int, max_depth: int | None = None,
        use_sitemap: bool | None = None, ignore_robots: bool | None = None, allow_large_crawl: bool | None = None,
        async_mode: bool = False, webhook: Webhook | None = None, idempotency_key: str | None = None,
        timeout: float | None = None, **options: Unpack[PageOptions],
    ) -> PendingJob[Any]:
        """Starts a crawl from a seed along the links that match ``follow_pattern``. Otherwise like :meth:`batch`."""
        shape, deadline = shape_of(schema), Deadline(timeout)
        rules = {
            "follow_pattern": follow_pattern, "max_pages": max_pages, "max_depth": max_depth,
            "use_sitemap": use_sitemap, "ignore_robots": ignore_robots, "allow_large_crawl": allow_large_crawl,
        }
        call = _calls.crawl(
            seed_url, rules, shape, options,
            async_mode=async_mode, webhook=webhook, key=idempotency_key, wait=timeout,
        )
        return PendingJob(lambda: self._start(call, shape, deadline, crawl=True))

    async def jobs(
        self, state: Literal["running", "finished", "all"] = "running", *, page_size: int = 100
    ) -> AsyncIterator[JobInfo]:
        """Yields the account's jobs, newest first; fetches further pages of the list on demand."""
        cursor: str | None = None
        while True:
            page = await self._connection.json(_calls.jobs(state, page_size, cursor))
            for members in page["jobs"]:
                yield job_of(members)
            cursor = page.get("next_cursor")
            if not cursor:
                return

    async def job(self, job_id: str) -> JobInfo:
        """Returns a job's state and progress."""
        return await self._connection.job(job_id)

    @overload
    def result(self, job_id: str, schema: type[M], *, timeout: float | None = None) -> PendingJob[M]: ...

    @overload
    def result(self, job_id: str, schema: None = None, *, timeout: float | None = None) -> PendingJob[Row]: ...

    def result(self, job_id: str, schema: Any = None, *, timeout: float | None = None) -> PendingJob[Any]:
        """Reads the results of an earlier job, running or ended. With a model class, rows are its instances."""
        shape, deadline = shape_of(schema), Deadline(timeout)

        async def find_job() -> AsyncJob[Any]:
            info = await self.job(job_id)
            deadline.job_id = job_id
            return AsyncJob(self._connection, job_id, shape, deadline, crawl=info.endpoint == "/crawl", first=None)

        return PendingJob(find_job)

    async def cancel(self, job_id: str) -> bool:
        """Cancels a job. Pages that have started finish; the rest never start and are refunded.

        Returns False if the job had already ended by itself. Raises JobNotFound if the job does not exist.
        """
        return await self._connection.cancel(job_id)

    async def resend_webhook(self, job_id: str) -> WebhookState:
        """Sends the webhook message of an ended job again, with a full set of tries.

        Returns the message's state. The service allows this once every 10 s; a call before that waits.
        """
        return webhook_of(await self._connection.json(_calls.resend_webhook(job_id)))

    async def capture(self, job_id: str, n: int) -> bytes:
        """Returns a page's screenshot (``capture=["screenshot"]``), a PNG, by its number in the result."""
        return (await self._connection.send(_calls.capture(job_id, n), Deadline(None))).content

    async def usage(self) -> Usage:
        """Returns the account's plan and what is left of it."""
        return usage_of(await self._connection.json(_calls.usage()))

    async def _start(self, call: Call, shape: Shape[Any], deadline: Deadline, *, crawl: bool) -> AsyncJob[Any]:
        response = await self._connection.send(call, deadline, stream=True)
        job_id = response.headers.get("X-Job-ID")
        if not job_id:
            await response.aclose()
            raise ProtocolError("the response has no X-Job-ID", code="PROTOCOL_ERROR")
        deadline.job_id = job_id
        first: httpx.Response | None = response
        if response.status_code == 202:
            await response.aclose()
            first = None
        return AsyncJob(self._connection, job_id, shape, deadline, crawl=crawl, first=first)
