"""Reads a job's NDJSON lines over any number of connections and yields each result exactly once. Sans-IO: takes
received bytes and returns what to request next."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ._errors import ProtocolError
from ._types import Summary, summary_of

_MAX_LINE_BYTES = 64 * 1024 * 1024
_MAX_REREADS = 2
IDLE_PAUSE = 0.5
"""Pause in seconds after a response that ended without a result while the job runs."""


class Cursor:
    """The state of reading a job.

    After a broken connection reading resumes with ``from=N``. While a job runs, its order of completion may still shift
    a little, so the cursor remembers the results it has yielded (a number or a URL each, at most 10,000). If any is
    missing at the end, it reads all results again from the start.
    """

    def __init__(self, job_id: str, *, crawl: bool, skip: bool = False) -> None:
        self.job_id = job_id
        self.summary: Summary | None = None
        self._crawl = crawl
        self._skip = skip
        self._seen: set[int | str] = set()
        self._position = 0
        self._received = 0
        self._last_summary: dict[str, Any] | None = None
        self._interrupted = False
        self._rereads = 0
        self._partial_line = bytearray()

    @property
    def done(self) -> bool:
        """Whether the job has ended and every result was yielded."""
        return self.summary is not None

    @property
    def start(self) -> int:
        """How many results the next response should leave out."""
        return 4_294_967_295 if self._skip else self._position

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """Yields those results of a piece of the body that are new."""
        self._partial_line += chunk
        *lines, last = self._partial_line.split(b"\n")
        self._partial_line = last
        if len(last) > _MAX_LINE_BYTES:
            raise self._error("a line of the response is longer than 64 MiB")
        for line in lines:
            text = bytes(line).strip()
            if text and (result := self._line(text)) is not None:
                yield result

    def _line(self, text: bytes) -> dict[str, Any] | None:
        try:
            members = json.loads(text)
        except ValueError:
            raise self._error("a line of the response is not JSON") from None
        if not isinstance(members, dict):
            raise self._error("a line of the response is not a JSON object")
        if "summary" in members:
            self._last_summary = members["summary"]
            return None
        self._position += 1
        self._received += 1
        key = members.get("url") if self._crawl else members.get("index")
        if key is None:
            raise self._error("a result has neither index nor url")
        if key in self._seen:
            return None
        self._seen.add(key)
        return members

    def body_ended(self) -> float | None:
        """Handles the regular end of a body. Returns the seconds to wait before the next request, or None if the body
        ended before its summary."""
        summary, received = self._last_summary, self._received
        if summary is None or self._partial_line.strip():
            self.connection_lost()
            return None
        self._last_summary, self._received = None, 0
        if summary.get("status") == "running":
            self._interrupted = True
            # A service that shuts down ends the calls that it holds at once.
            return 0.0 if received else IDLE_PAUSE
        if self._skip or self._has_all_results(summary):
            self.summary = summary_of(summary)
        elif self._rereads == _MAX_REREADS:
            raise self._error(f"the job has ended, but only {received} of its results were received")
        else:
            # The job has ended: results and their order are final now.
            self._rereads += 1
            self._position, self._interrupted = 0, False
        return 0.0

    def connection_lost(self) -> None:
        """Handles a connection that failed in the middle of a body."""
        self._interrupted = True
        self._last_summary, self._received = None, 0
        self._partial_line.clear()

    def _has_all_results(self, summary: dict[str, Any]) -> bool:
        if self._crawl:
            return not self._interrupted
        # The summary of an extract has no counts; an extract has one result.
        return len(self._seen) >= int(summary.get("total", 1))

    def _error(self, why: str) -> ProtocolError:
        return ProtocolError(why, code="PROTOCOL_ERROR", job_id=self.job_id)
