"""The part of sending calls that both clients share: builds requests and decides on retries. The clients do the I/O."""

from __future__ import annotations

from time import monotonic

import httpx

from . import _calls
from ._calls import Call, Key
from ._errors import RunoError, WaitTimeout, refusal
from ._retry import Attempts

VERSION = "0.2.0"
# Read timeout. The service sends something at least every 15 s while it holds a call.
SILENCE = 45.0
CONNECT = 10.0
FIRST_CONTACT = 2
"""Retries of the first connection. A service that has never responded is likely not there."""

NOT_RETRIED = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
BROKEN = (httpx.TransportError, httpx.DecodingError)


class Sender:
    """Settings of a client; builds its requests and decides on retries."""

    def __init__(self, api_key: str | None, base_url: str | None, max_retries: int, silence: float) -> None:
        self.key, self.base_url = _calls.settings(api_key, base_url)
        self.max_retries = max_retries
        self.timeout = httpx.Timeout(silence, connect=min(CONNECT, silence))
        self.reached = False

    def attempts(self) -> Attempts:
        return Attempts(self.max_retries)

    def request(self, http: httpx.Client | httpx.AsyncClient, call: Call) -> httpx.Request:
        request = http.build_request(
            call.method,
            self.base_url + call.path,
            params=call.params or None,
            headers={"User-Agent": f"runo-python/{VERSION}", **call.headers},
            content=call.body,
            timeout=self.timeout,
        )
        request.headers["X-API-Key"] = self.key.reveal()
        return request

    def broken(self, attempts: Attempts, error: httpx.HTTPError, deadline: Deadline) -> float:
        """Returns the seconds to wait after a failed connection."""
        never = isinstance(error, httpx.ConnectError) and not self.reached
        most = 0 if isinstance(error, NOT_RETRIED) else FIRST_CONTACT if never else None
        return deadline.within(attempts.broken(error, most=most, job_id=deadline.job_id))

    def refused(self, attempts: Attempts, response: httpx.Response, deadline: Deadline) -> float:
        """Returns the seconds to wait after an error response whose body was read."""
        try:
            body = response.json()
        except ValueError:
            body = None
        error = refusal(response.status_code, body, response.headers.get("X-Job-ID") or deadline.job_id)
        return deadline.within(attempts.refused(error, response.headers.get("Retry-After")))


class Deadline:
    """The caller's deadline."""

    def __init__(self, timeout: float | None) -> None:
        self.job_id: str | None = None
        self._timeout = timeout
        self._at = None if timeout is None else monotonic() + timeout

    @property
    def left(self) -> float | None:
        return None if self._at is None else self._at - monotonic()

    def check(self) -> None:
        """Raises WaitTimeout after the deadline."""
        if self.left is not None and self.left <= 0:
            raise self._over()

    def within(self, delay: float) -> float:
        """Returns ``delay`` if it ends before the deadline; raises WaitTimeout otherwise."""
        if self.left is not None and delay >= self.left:
            raise self._over()
        return delay

    def _over(self) -> RunoError:
        goes_on = "; the job keeps running" if self.job_id else ""
        text = f"not finished after {self._timeout:g} s{goes_on}"
        return WaitTimeout(text, code="WAIT_TIMEOUT", retryable=True, job_id=self.job_id)
