"""A job of the asynchronous client."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator
from contextlib import aclosing
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio
import httpx
from typing_extensions import Self

from . import _calls
from ._async_connection import AsyncConnection
from ._cursor import Cursor
from ._errors import RunoError
from ._rows import data_frame, index_of, result_of
from ._schema import Shape
from ._send import CONNECTION_ERRORS, Deadline
from ._types import JobInfo, Result, Success, Summary

if TYPE_CHECKING:
    import pandas

T = TypeVar("T")

CANCEL_TIMEOUT = 10.0
"""Seconds that cancelling a job may take when a block is left."""


class AsyncJob(Generic[T]):
    """A started batch or crawl, or an earlier job that is read by its id: see :class:`runo.Job`."""

    def __init__(
        self, connection: AsyncConnection, job_id: str, shape: Shape[T], deadline: Deadline, *, crawl: bool,
        first: httpx.Response | None,
    ) -> None:
        self.id = job_id
        self.summary: Summary | None = None
        """The summary, once the results have been iterated to the end."""
        self._connection = connection
        self._shape = shape
        self._deadline = deadline
        self._crawl = crawl
        self._first = first

    def __repr__(self) -> str:
        return f"AsyncJob({self.id!r})"

    async def __aiter__(self) -> AsyncIterator[Result[T]]:
        async with aclosing(self._lines()) as lines:
            async for members in lines:
                yield result_of(members, self._shape)

    async def rows(self) -> AsyncIterator[T]:
        """Yields the rows of the pages that were read, as they come; skips failures."""
        async for found in self:
            if isinstance(found, Success):
                yield found.data

    async def results(self) -> list[Result[T]]:
        """Waits for the job's end and returns all results in input order (for a crawl, in order of completion)."""
        return sorted([found async for found in self], key=index_of)

    async def wait(self) -> Summary:
        """Waits for the job's end without reading its results."""
        await self.aclose()
        async for _ in self._lines(skip=True):
            pass
        assert self.summary is not None  # the lines end with the summary
        return self.summary

    async def info(self) -> JobInfo:
        """Returns the job's current state and progress."""
        return await self._connection.job(self.id)

    async def cancel(self) -> bool:
        """Cancels the job; pages that had started keep their results. Returns False if the job had already ended."""
        return await self._connection.cancel(self.id)

    async def to_dataframe(self) -> pandas.DataFrame:
        """Returns all results as a pandas DataFrame: the schema's fields, ``page_url`` and ``page_error``."""
        data_frame(())  # raises ImportError before anything is read if pandas is missing
        return data_frame([members async for members in self._lines()])

    async def aclose(self) -> None:
        """Closes the connection. The job keeps running."""
        first, self._first = self._first, None
        if first is not None:
            await first.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The task itself may be cancelled; the job must be cancelled all the same.
        with anyio.move_on_after(CANCEL_TIMEOUT, shield=True):
            await self.aclose()
            if kind is None:
                return
            try:
                await self.cancel()
            except RunoError:
                # The exception that ended the block is more important.
                pass

    async def _lines(self, *, skip: bool = False) -> AsyncGenerator[dict[str, Any], None]:
        cursor = Cursor(self.id, crawl=self._crawl, skip=skip)
        attempts = self._connection.sender.attempts()
        response, self._first = self._first, None
        try:
            while not cursor.done:
                if response is None:
                    self._deadline.check()
                    call = _calls.result(self.id, cursor.start, self._deadline.remaining)
                    response = await self._connection.send(call, self._deadline, stream=True)
                try:
                    async for chunk in response.aiter_bytes():
                        for members in cursor.feed(chunk):
                            attempts.progress()
                            yield members
                        self._deadline.check()
                    delay = cursor.body_ended()
                    if delay is None:
                        delay = attempts.connection_failed("the response broke off", job_id=self.id)
                except CONNECTION_ERRORS as error:
                    cursor.connection_lost()
                    delay = self._connection.sender.connection_failed(attempts, error, self._deadline)
                await response.aclose()
                response = None
                if delay and not cursor.done:
                    await anyio.sleep(self._deadline.check_delay(delay))
            self.summary = cursor.summary
        finally:
            if response is not None:
                with anyio.CancelScope(shield=True):
                    await response.aclose()


class PendingJob(Generic[T]):
    """A job that is about to start: ``job = await client.batch(…)`` or ``async with client.batch(…) as job``."""

    def __init__(self, start: Callable[[], Awaitable[AsyncJob[T]]]) -> None:
        self._start = start
        self._job: AsyncJob[T] | None = None

    def __await__(self) -> Generator[Any, None, AsyncJob[T]]:
        return self._start().__await__()

    async def __aenter__(self) -> AsyncJob[T]:
        self._job = await self._start()
        return self._job

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._job is not None:
            await self._job.__aexit__(kind, error, trace)
