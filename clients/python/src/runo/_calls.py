"""The HTTP requests of the API. Each is built once, so all its attempts are byte-identical."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from ._errors import InvalidRequest
from ._schema import Shape

MAX_URLS = 10_000
NDJSON = "application/x-ndjson"
DEFAULT_BASE_URL = "http://127.0.0.1:8080"


@dataclass(frozen=True)
class Call:
    """One HTTP request."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)


class Key:
    """An API key that no repr shows."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Key('…')"


def settings(api_key: str | None, base_url: str | None) -> tuple[Key, str]:
    """Returns the key and the base URL, from the arguments or the environment."""
    key = api_key or os.environ.get("RUNO_API_KEY")
    if not key:
        raise InvalidRequest("there is no API key: pass api_key=… or set RUNO_API_KEY", code="UNAUTHORIZED")
    base = base_url or os.environ.get("RUNO_BASE_URL") or DEFAULT_BASE_URL
    if not base.startswith(("http://", "https://")):
        raise InvalidRequest(f"the base URL must begin with http:// or https://, not {base!r}", code="INVALID_REQUEST")
    return Key(key), base.rstrip("/")


def extract(url: str, shape: Shape[Any], options: Mapping[str, Any], key: str | None) -> Call:
    """``POST /v1/extract``."""
    return _post("/v1/extract", {"url": url}, shape, options, key, {})


def batch(
    urls: Iterable[str],
    shape: Shape[Any],
    options: Mapping[str, Any],
    *,
    async_mode: bool,
    webhook: Mapping[str, Any] | None,
    key: str | None,
    wait: float | None,
) -> Call:
    """``POST /v1/batch``."""
    if isinstance(urls, (str, bytes)):
        raise InvalidRequest("urls must be a list of URLs, not one string", code="INVALID_REQUEST")
    listed = [str(url) for url in urls]
    if not listed:
        raise InvalidRequest("urls is empty: a batch needs at least one URL", code="INVALID_REQUEST")
    if len(listed) > MAX_URLS:
        raise InvalidRequest(
            f"a batch takes up to {MAX_URLS:,} URLs, not {len(listed):,}; "
            "split them into several batches (nothing was sent)",
            code="INVALID_REQUEST",
        )
    members = {"urls": listed, **_mode(async_mode, webhook)}
    return _post("/v1/batch", members, shape, options, key, job_headers(wait, respond_async=async_mode))


def crawl(
    seed_url: str,
    rules: Mapping[str, Any],
    shape: Shape[Any],
    options: Mapping[str, Any],
    *,
    async_mode: bool,
    webhook: Mapping[str, Any] | None,
    key: str | None,
    wait: float | None,
) -> Call:
    """``POST /v1/crawl``."""
    members = {"seed_url": seed_url, "crawl": _without_none(rules), **_mode(async_mode, webhook)}
    return _post("/v1/crawl", members, shape, options, key, job_headers(wait, respond_async=async_mode))


def job(job_id: str) -> Call:
    """``GET /v1/jobs/{job_id}``."""
    return Call("GET", f"/v1/jobs/{_valid_job_id(job_id)}")


def cancel(job_id: str) -> Call:
    """``DELETE /v1/jobs/{job_id}``."""
    return Call("DELETE", f"/v1/jobs/{_valid_job_id(job_id)}")


def resend_webhook(job_id: str) -> Call:
    """``POST /v1/jobs/{job_id}/webhook``. A repeated call may send the message twice, with the same id."""
    return Call("POST", f"/v1/jobs/{_valid_job_id(job_id)}/webhook")


def result(job_id: str, start: int, wait: float | None, *, lines: bool = True) -> Call:
    """``GET /v1/jobs/{job_id}/result``."""
    params = {"from": str(start)} if start else {}
    return Call("GET", f"/v1/jobs/{_valid_job_id(job_id)}/result", job_headers(wait) if lines else {}, params)


def capture(job_id: str, n: int) -> Call:
    """``GET /v1/jobs/{job_id}/captures/{n}``."""
    return Call("GET", f"/v1/jobs/{_valid_job_id(job_id)}/captures/{int(n)}")


def jobs(state: str, limit: int, cursor: str | None) -> Call:
    """``GET /v1/jobs``."""
    params = {"state": state, "limit": str(limit)} | ({"cursor": cursor} if cursor else {})
    return Call("GET", "/v1/jobs", params=params)


def usage() -> Call:
    """``GET /v1/usage``."""
    return Call("GET", "/v1/usage")


def job_headers(wait: float | None, *, respond_async: bool = False) -> dict[str, str]:
    """Returns headers that ask for NDJSON and say how long the service may hold the call."""
    headers = {"Accept": NDJSON}
    if respond_async:
        headers["Prefer"] = "respond-async"
    elif wait is not None:
        headers["Prefer"] = f"wait={max(1, math.ceil(wait))}"
    return headers


def _post(
    path: str,
    members: dict[str, Any],
    shape: Shape[Any],
    options: Mapping[str, Any],
    key: str | None,
    headers: dict[str, str],
) -> Call:
    if shape.fields is not None:
        members["schema"] = shape.fields
    if given := _without_none(options):
        members["options"] = given
    try:
        # Compact, without escaping characters outside ASCII: a batch may be large.
        body = json.dumps(
            members, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_json_default
        ).encode()
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"the call cannot be serialized as JSON: {error}", code="INVALID_REQUEST") from error
    # All attempts have one idempotency key, so they create one job and are charged once.
    sent = {"Content-Type": "application/json", "Idempotency-Key": key or str(uuid4()), **headers}
    return Call("POST", path, sent, body=body)


def _mode(async_mode: bool, webhook: Mapping[str, Any] | None) -> dict[str, Any]:
    return ({"async_mode": True} if async_mode else {}) | ({"webhook": dict(webhook)} if webhook else {})


def _without_none(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _json_default(value: object) -> Any:
    """Serializes dates (in examples) and mappings other than dict."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be serialized as JSON")


def _valid_job_id(job_id: str) -> str:
    if not (job_id.startswith("job_") and job_id[4:].isalnum() and job_id.isascii()):
        raise InvalidRequest(f"{job_id!r} is not a job id like job_0123456789abcdef", code="INVALID_REQUEST")
    return job_id
