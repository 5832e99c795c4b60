"""What can go wrong, as exceptions: one base class, and subclasses for what programs treat differently."""

from __future__ import annotations

from typing import Any, Literal, get_args

ErrorCode = Literal[
    "INVALID_REQUEST",
    "SCHEMA_INVALID",
    "SCHEMA_NOT_ALLOWED",
    "SCHEMA_REQUIRED",
    "IDEMPOTENCY_MISMATCH",
    "UNAUTHORIZED",
    "ACCOUNT_SUSPENDED",
    "TIER_REQUIRED",
    "JOB_FORBIDDEN",
    "JOB_NOT_FOUND",
    "NOT_FOUND",
    "METHOD_NOT_ALLOWED",
    "PAYLOAD_TOO_LARGE",
    "RATE_LIMITED",
    "QUOTA_EXCEEDED",
    "KEY_LIMIT_REACHED",
    "INTERNAL",
    "UNAVAILABLE",
    "FETCH_BLOCKED",
    "URL_UNREACHABLE",
    "TIMEOUT",
    "UNSUPPORTED_CONTENT",
    "ROBOTS_DENIED",
    "CRAWL_LIMIT_REACHED",
    "JOB_CANCELLED",
    "JOB_EXPIRED",
]
"""The codes that the service gives. A newer service may give others."""

ClientCode = Literal["CONNECTION_FAILED", "WAIT_TIMEOUT", "PROTOCOL_ERROR", "MODEL_MISMATCH"]
"""The codes that this client gives by itself."""

ERROR_CODES: frozenset[str] = frozenset(get_args(ErrorCode))
CLIENT_CODES: frozenset[str] = frozenset(get_args(ClientCode))


class RunoError(Exception):
    """Base of every error of this package.

    ``code`` is what programs read, ``retryable`` whether the same call may succeed later, ``job_id`` the job that it
    is about (if there is one), ``status`` the HTTP status (if there was one).
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        retryable: bool = False,
        job_id: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.retryable = retryable
        self.job_id = job_id
        self.status = status

    def __str__(self) -> str:
        about = f" ({self.job_id})" if self.job_id else ""
        return f"{self.code}: {self.message}{about}"


class InvalidRequest(RunoError, ValueError):
    """The call itself is wrong; nothing was charged."""


class SchemaError(InvalidRequest):
    """The schema is wrong, missing, or has something that cannot be converted."""


class AuthenticationError(RunoError):
    """No key, an unknown one, a revoked one, or a suspended account."""


class RateLimited(RunoError):
    """Too many calls, and waiting as long as the service asked did not help."""


class QuotaExceeded(RunoError):
    """Too few credits are left; nothing was charged."""


class JobNotFound(RunoError):
    """There is no such job, or its results are no longer kept."""


class JobForbidden(RunoError):
    """The job belongs to another account."""


class ServerError(RunoError):
    """The service failed (5xx), repeatedly."""


class ConnectionFailed(RunoError, ConnectionError):
    """The service could not be reached, repeatedly."""


class ProtocolError(RunoError):
    """What answered does not speak this API."""


class WaitTimeout(RunoError, TimeoutError):
    """The call's ``timeout`` is over. The job goes on: take it up with ``client.result(error.job_id)``."""


class PageError(RunoError):
    """The page of an ``extract`` could not be had; ``code`` says why."""


class ModelMismatch(PageError):
    """The page was read, but the values do not fit the model. ``data`` has them as they came."""

    def __init__(self, message: str, *, data: dict[str, Any], job_id: str | None = None) -> None:
        super().__init__(message, code="MODEL_MISMATCH", job_id=job_id)
        self.data = data


_CLASSES: dict[str, type[RunoError]] = {
    "SCHEMA_INVALID": SchemaError,
    "SCHEMA_NOT_ALLOWED": SchemaError,
    "SCHEMA_REQUIRED": SchemaError,
    "UNAUTHORIZED": AuthenticationError,
    "ACCOUNT_SUSPENDED": AuthenticationError,
    "RATE_LIMITED": RateLimited,
    "QUOTA_EXCEEDED": QuotaExceeded,
    "JOB_NOT_FOUND": JobNotFound,
    "JOB_FORBIDDEN": JobForbidden,
    "INTERNAL": ServerError,
    "UNAVAILABLE": ServerError,
}

_PASSING = frozenset({408, 429, 500, 502, 503, 504})


def refusal(status: int, body: object, job_id: str | None = None) -> RunoError:
    """The error that an answer with a status of 300 or more stands for."""
    told = body.get("error") if isinstance(body, dict) else None
    if isinstance(told, dict) and isinstance(told.get("code"), str):
        code, message = told["code"], str(told.get("message", ""))
        retryable = bool(told.get("retryable", status in _PASSING))
    else:
        # Not the service's own envelope: something on the way answered.
        code = {429: "RATE_LIMITED", 401: "UNAUTHORIZED", 404: "NOT_FOUND"}.get(status, "PROTOCOL_ERROR")
        if status >= 500:
            code = "UNAVAILABLE"
        message, retryable = f"the answer has status {status} and no error that is known", status in _PASSING
    kind = _CLASSES.get(code, ProtocolError if code == "PROTOCOL_ERROR" else InvalidRequest)
    return kind(message, code=code, retryable=retryable, job_id=job_id, status=status)
