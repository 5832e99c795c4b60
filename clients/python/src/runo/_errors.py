"""Exceptions: one base class, and subclasses for what programs treat differently."""

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
"""Codes that the service returns. A newer service may return others."""

ClientCode = Literal["CONNECTION_FAILED", "WAIT_TIMEOUT", "PROTOCOL_ERROR", "MODEL_MISMATCH"]
"""Codes that this client adds."""

ERROR_CODES: frozenset[str] = frozenset(get_args(ErrorCode))
CLIENT_CODES: frozenset[str] = frozenset(get_args(ClientCode))


class RunoError(Exception):
    """Base class of all errors of this package.

    ``code`` is for programs, ``retryable`` says whether the same call may succeed later, ``job_id`` is the job that the
    error is about, if any, and ``status`` the HTTP status, if there was a response.
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
        suffix = f" ({self.job_id})" if self.job_id else ""
        return f"{self.code}: {self.message}{suffix}"


class InvalidRequest(RunoError, ValueError):
    """The call is invalid; nothing was charged."""


class SchemaError(InvalidRequest):
    """The schema is invalid, missing, or has a type that cannot be converted."""


class AuthenticationError(RunoError):
    """The API key is unknown or revoked, or the account is suspended."""


class RateLimited(RunoError):
    """Too many calls, and retrying after the waits that the service asked for did not help."""


class QuotaExceeded(RunoError):
    """Too few credits are left; nothing was charged."""


class JobNotFound(RunoError):
    """The job does not exist, or its results are no longer kept."""


class JobForbidden(RunoError):
    """The job belongs to another account."""


class ServerError(RunoError):
    """The service failed repeatedly (5xx)."""


class ConnectionFailed(RunoError, ConnectionError):
    """The service could not be reached in several attempts."""


class ProtocolError(RunoError):
    """The response does not follow this API."""


class WaitTimeout(RunoError, TimeoutError):
    """The call's ``timeout`` has passed. The job keeps running; read it with ``client.result(error.job_id)``."""


class PageError(RunoError):
    """The page of an ``extract`` could not be read; ``code`` says why."""


class ModelMismatch(PageError):
    """The page was read, but its values do not fit the model. ``data`` has the raw values."""

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

_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})


def error_of_response(status: int, body: object, job_id: str | None = None) -> RunoError:
    """Makes an error of a response with a status of 300 or more."""
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict) and isinstance(error.get("code"), str):
        code, message = error["code"], str(error.get("message", ""))
        retryable = bool(error.get("retryable", status in _TRANSIENT))
    else:
        # Not the service's envelope: an intermediary answered.
        code = {429: "RATE_LIMITED", 401: "UNAUTHORIZED", 404: "NOT_FOUND"}.get(status, "PROTOCOL_ERROR")
        if status >= 500:
            code = "UNAVAILABLE"
        message, retryable = f"the response has status {status} and no error object", status in _TRANSIENT
    kind = _CLASSES.get(code, ProtocolError if code == "PROTOCOL_ERROR" else InvalidRequest)
    return kind(message, code=code, retryable=retryable, job_id=job_id, status=status)
