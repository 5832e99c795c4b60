"""Decides whether and when to retry a call. Every call can be retried: reads and DELETE are idempotent, and each POST
has an Idempotency-Key."""

from __future__ import annotations

import random
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from time import time

from ._errors import ConnectionFailed, RunoError

FIRST_WAIT = 0.25
MAX_WAIT = 10.0
MAX_RETRY_AFTER = 120.0
"""Maximum ``Retry-After`` to wait for, in seconds; beyond it the error is raised at once."""


class Attempts:
    """Counts the failures of one call since its last progress."""

    def __init__(self, max_retries: int, *, random_: Callable[[], float] = random.random) -> None:
        self._max_retries = max_retries
        self._random = random_
        self._failed = 0

    def progress(self) -> None:
        """Resets the count after progress."""
        self._failed = 0

    def connection_failed(self, why: object, *, max_retries: int | None = None, job_id: str | None = None) -> float:
        """Returns the seconds to wait after a failed connection; raises ConnectionFailed after too many."""
        limit = self._max_retries if max_retries is None else min(max_retries, self._max_retries)
        if self._failed >= limit:
            # Only a service that was never reached has a limit of its own.
            hint = "" if max_retries is None else " (check the base URL)"
            text = f"{self._failed + 1} attempts failed{hint}; the last: {_describe(why)}"
            cause = why if isinstance(why, BaseException) else None
            raise ConnectionFailed(text, code="CONNECTION_FAILED", retryable=True, job_id=job_id) from cause
        return self._next()

    def error_response(self, error: RunoError, retry_after: str | None) -> float:
        """Returns the seconds to wait after an error response; raises ``error`` if it is not to be retried."""
        requested = _seconds(retry_after)
        if not error.retryable or self._failed >= self._max_retries or (requested or 0) > MAX_RETRY_AFTER:
            raise error
        wait = self._next()
        # Not earlier than the service asked for; a little later, so that clients do not all return at once.
        return wait if requested is None else requested + min(wait, 1.0) * self._random()

    def _next(self) -> float:
        max_wait = min(MAX_WAIT, FIRST_WAIT * 2.0**self._failed)
        self._failed += 1
        return float(max_wait * (0.5 + self._random() / 2))


def _seconds(retry_after: str | None) -> float | None:
    if retry_after is None:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time())
    except ValueError:
        return None


def _describe(why: object) -> str:
    return f"{type(why).__name__}: {why}" if isinstance(why, BaseException) else str(why)
