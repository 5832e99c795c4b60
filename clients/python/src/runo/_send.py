"""The part of sending calls that both clients share: builds requests and decides on retries. The clients do the I/O."""

from __future__ import annotations

from time import monotonic

import httpx

from . import _calls
from ._calls import Call, Key
from ._errors import RunoError, WaitTimeout, error_of_response
from ._retry import Attempts

VERSION = "0.2.0"
# Read timeout. The service sends something at least every 15 s while it holds a call.
READ_TIMEOUT = 45.0
CONNECT_TIMEOUT = 10.0
MAX_FIRST_CONNECT_RETRIES = 2
"""Retries of the first connection. A service that has never responded is probably not running."""

NOT_RETRIED = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
CONNECTION_ERRORS = (httpx.TransportError, httpx.DecodingError)


class Sender:
    """Settings of a client; builds its requests and decides on retries."""

    def __init__(self, api_key: str | None, base_url: str | None, max_retries: int, silence: float) -> None:
        self.key, self.base_url = _calls.settings(api_key, base_url)
        self.max_retries = max_retries
        self.timeout = httpx.Timeout(silence, connect=min(CONNECT_TIMEOUT, silence))
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

    def connection_failed(self, attempts: Attempts, error: httpx.HTTPError, deadline: Deadline) -> float:
        """Returns the seconds to wait after a failed connection."""
        never_reached = isinstance(error, httpx.ConnectError) and not self.reached
        max_retries = 0 if isinstance(error, NOT_RETRIED) else MAX_FIRST_CONNECT_RETRIES if never_reached else None
        return deadline.check_delay(attempts.connection_failed(error, max_retries=max_retries, job_id=deadline.job_id))

    def error_response(self, attempts: Attempts, response: httpx.Response, deadline: Deadline) -> float:
        """Returns the seconds to wait after an error response whose body was read."""
        try:
            body = response.json()
        except ValueError:
            body = None
        error = error_of_response(response.status_code, body, response.headers.get("X-Job-ID") or deadline.job_id)
        return deadline.check_delay(attempts.error_response(error, response.headers.get("Retry-After")))


class Deadline:
    """The caller's deadline."""

    def __init__(self, timeout: float | None) -> None:
        self.job_id: str | None = None
        self._timeout = timeout
        self._at = None if timeout is None else monotonic() + timeout

    @property
    def remaining(self) -> float | None:
        return None if self._at is None else self._at - monotonic()

    def check(self) -> None:
        """Raises WaitTimeout after the deadline."""
        if self.remaining is not None and self.remaining <= 0:
            raise self._timeout_error()

    def check_delay(self, delay: float) -> float:
        """Returns ``delay`` if it ends before the deadline; raises WaitTimeout otherwise."""
        if self.remaining is not None and delay >= self.remaining:
            raise self._timeout_error()
        return delay

    def _timeout_error(self) -> RunoError:
        note = "; the job keeps running: read it with client.result(job_id, schema)" if self.job_id else ""
        text = f"the call was not finished after {self._timeout:g} s{note}"
        return WaitTimeout(text, code="WAIT_TIMEOUT", retryable=True, job_id=self.job_id)
