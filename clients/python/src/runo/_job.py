"""A job of the synchronous client."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import httpx
from typing_extensions import Self

from . import _calls
from ._connection import Connection
from ._cursor import Cursor
from ._errors import RunoError
from ._rows import data_frame, index_of, result_of
from ._schema import Shape
from ._send import CONNECTION_ERRORS, Deadline
from ._types import JobInfo, Result, Success, Summary

if TYPE_CHECKING:
    import pandas

T = TypeVar("T")


class Job(Generic[T]):
    """A started batch or crawl, or an earlier job that is read by its id.

    Iterating it yields each page's result as it comes, across broken connections and restarts of the service, until
    the job has ended. Results are not kept: iterating again reads them again. As a context manager it cancels the job
    if an exception leaves the block, and leaves the job running otherwise.
    """

    def __init__(
        self, connection: Connection, job_id: str, shape: Shape[T], deadline: Deadline, *, crawl: bool,
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
        return f"Job({self.id!r})"

    def __iter__(self) -> Iterator[Result[T]]:
        for members in self._lines():
            yield result_of(members, self._shape)

    def rows(self) -> Iterator[T]:
        """Yields the rows of the pages that were read, as they come; skips failures."""
        for found in self:
            if isinstance(found, Success):
                yield found.data

    def results(self) -> list[Result[T]]:
        """Waits for the job's end and returns all results in input order (for a crawl, in order of completion)."""
        return sorted(self, key=index_of)

    def wait(self) -> Summary:
        """Waits for the job's end without reading its results."""
        self.close()
        for _ in self._lines(skip=True):
            pass
        assert self.summary is not None  # the lines end with the summary
        return self.summary

    def info(self) -> JobInfo:
        """Returns the job's current state and progress."""
        return self._connection.job(self.id)

    def cancel(self) -> bool:
        """Cancels the job; pages that had started keep their results. Returns False if the job had already ended."""
        return self._connection.cancel(self.id)

    def to_dataframe(self) -> pandas.DataFrame:
        """Returns all results as a pandas DataFrame: the schema's fields, ``page_url`` and ``page_error``."""
        return data_frame(self._lines())

    def close(self) -> None:
        """Closes the connection. The job keeps running."""
        first, self._first = self._first, None
        if first is not None:
            first.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if kind is None:
            return
        try:
            self.cancel()
        except RunoError:
            # The exception that left the block matters more.
            pass

    def _lines(self, *, skip: bool = False) -> Generator[dict[str, Any], None, None]:
        cursor = Cursor(self.id, crawl=self._crawl, skip=skip)
        attempts = self._connection.sender.attempts()
        response, self._first = self._first, None
        try:
            while not cursor.done:
                if response is None:
                    self._deadline.check()
                    call = _calls.result(self.id, cursor.start, self._deadline.remaining)
                    response = self._connection.send(call, self._deadline, stream=True)
                try:
                    for chunk in response.iter_bytes():
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
                response.close()
                response = None
                if delay and not cursor.done:
                    time.sleep(self._deadline.check_delay(delay))
            self.summary = cursor.summary
        finally:
            if response is not None:
                response.close()
