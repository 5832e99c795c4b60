"""Typed objects for the service's responses. Members that a newer service adds are ignored."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache
from typing import Any, Generic, Literal, TypeAlias, TypeVar

T_co = TypeVar("T_co", covariant=True)
C = TypeVar("C")

Endpoint = Literal["/extract", "/batch", "/crawl"]
JobStatus = Literal["running", "cancelling", "completed", "cancelled", "expired"]
RenderMode = Literal["fetch", "headless", "structured", "cache"]
Plan = Literal["free", "starter", "pro", "scale"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a page has no data."""

    code: str
    message: str
    retryable: bool
    attempts: int | None = None


@dataclass(frozen=True, slots=True)
class Capture:
    """A capture of a page; ``client.capture(job_id, n)`` fetches it."""

    kind: str
    n: int


@dataclass(frozen=True, slots=True)
class Success(Generic[T_co]):
    """A page that was read. ``data`` is an instance of the model, if one was given."""

    url: str
    data: T_co
    render_mode: RenderMode
    index: int | None = None
    """The page's position in ``urls``; for a crawl, in the order of completion."""
    final_url: str | None = None
    attempts: int | None = None
    warnings: tuple[str, ...] = ()
    images_processed: int | None = None
    model_fields: tuple[str, ...] = ()
    """The fields that the operator's language model answered."""
    captures: tuple[Capture, ...] = ()
    explain: tuple[dict[str, Any], ...] = ()
    """Why each value was chosen, if the call said ``Prefer: explain`` and the operator allows it."""
    status: Literal["success"] = "success"
    ok: Literal[True] = True


@dataclass(frozen=True, slots=True)
class Failure:
    """A page that could not be read, never started, or does not fit the model."""

    url: str
    error: Problem
    index: int | None = None
    final_url: str | None = None
    attempts: int | None = None
    data: dict[str, Any] | None = None
    """The raw values, if the code is ``MODEL_MISMATCH``."""
    status: Literal["error"] = "error"
    ok: Literal[False] = False


Result: TypeAlias = Success[T_co] | Failure
"""The result of one page of a batch or a crawl."""


@dataclass(frozen=True, slots=True)
class CrawlMeta:
    """The outcome of a crawl."""

    pages_visited: int
    pages_skipped: int
    pages_failed: int
    cancelled: bool
    stopped_by: str | None
    credits_reserved: int
    credits_charged: int | None
    credits_refunded: int | None
    sitemaps_read: int
    sitemaps_failed: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The outcome of a job. Batches have the counts, crawls ``seed_url`` and ``crawl_meta``, both have the credits."""

    cancelled: bool = False
    credits_reserved: int | None = None
    credits_charged: int | None = None
    credits_refunded: int | None = None
    total: int | None = None
    succeeded: int | None = None
    failed: int | None = None
    not_run: int | None = None
    seed_url: str | None = None
    crawl_meta: CrawlMeta | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Pages of a job by state. Lists of jobs have only the first three."""

    total: int
    done: int
    failed: int
    cancelled: int | None = None
    pending: int | None = None


@dataclass(frozen=True, slots=True)
class Credits:
    """Credits of a job; ``charged`` and ``refunded`` are known once it has ended."""

    reserved: int
    charged: int | None
    refunded: int | None
    monthly: int
    prepaid: int


@dataclass(frozen=True, slots=True)
class WebhookState:
    """State of a job's webhook message."""

    state: str
    attempts: int
    last_status: int | None = None


@dataclass(frozen=True, slots=True)
class JobInfo:
    """A job's state. Lists leave out ``result`` and ``webhook``."""

    job_id: str
    endpoint: Endpoint
    status: JobStatus
    async_mode: bool
    started_at: datetime
    progress: Progress
    ended_at: datetime | None = None
    credits: Credits | None = None
    result: str | None = None
    webhook: WebhookState | None = None

    @property
    def ended(self) -> bool:
        """Whether the job has ended."""
        return self.status not in ("running", "cancelling")


@dataclass(frozen=True, slots=True)
class Monthly:
    """The month's quota."""

    limit: int
    used: int
    remaining: int


@dataclass(frozen=True, slots=True)
class Prepaid:
    """Prepaid credits."""

    balance: int


@dataclass(frozen=True, slots=True)
class Rate:
    """The rate limit: accepted calls per minute. ``reset`` is in Unix seconds."""

    limit: int
    remaining: int
    reset: int


@dataclass(frozen=True, slots=True)
class ModelUse:
    """What the operator's language model did for the account in the month; ``failures`` by code."""

    calls: int
    input_tokens: int
    output_tokens: int
    refused_values: int
    failures: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Usage:
    """An account's plan and what is left of it."""

    account_id: str
    plan: Plan
    month: str
    monthly: Monthly
    prepaid: Prepaid
    rate: Rate
    model: ModelUse | None = None


def build(kind: type[C], members: Mapping[str, Any], **more: Any) -> C:
    """Builds a dataclass from those members that it has."""
    known = _known(kind)  # type: ignore[arg-type]
    return kind(**({name: value for name, value in members.items() if name in known} | more))


@lru_cache(maxsize=32)
def _known(kind: Hashable) -> frozenset[str]:
    return frozenset(field.name for field in fields(kind))  # type: ignore[arg-type]


def summary_of(members: Mapping[str, Any]) -> Summary:
    """Builds the summary of an ended job."""
    meta = members.get("crawl_meta")
    if meta is None:
        return build(Summary, members)
    crawl = build(CrawlMeta, meta)
    return build(
        Summary,
        members,
        crawl_meta=crawl,
        cancelled=crawl.cancelled,
        credits_reserved=crawl.credits_reserved,
        credits_charged=crawl.credits_charged,
        credits_refunded=crawl.credits_refunded,
    )


def job_of(members: Mapping[str, Any]) -> JobInfo:
    """Builds a job from ``GET /v1/jobs`` or ``GET /v1/jobs/{id}``."""
    more: dict[str, Any] = {
        "progress": build(Progress, members["progress"]),
        "started_at": _time(members["started_at"]),
        "ended_at": _time(members["ended_at"]) if members.get("ended_at") else None,
    }
    if members.get("credits"):
        more["credits"] = build(Credits, members["credits"])
    if members.get("webhook"):
        more["webhook"] = webhook_of(members)
    return build(JobInfo, members, **more)


def webhook_of(members: Mapping[str, Any]) -> WebhookState:
    """Builds the ``webhook`` member of a response about a job."""
    return build(WebhookState, members["webhook"])


def usage_of(members: Mapping[str, Any]) -> Usage:
    """Builds the response of ``GET /v1/usage``."""
    return build(
        Usage,
        members,
        monthly=build(Monthly, members["monthly"]),
        prepaid=build(Prepaid, members["prepaid"]),
        rate=build(Rate, members["rate"]),
        model=build(ModelUse, members["model"]) if members.get("model") else None,
    )


def _time(text: str) -> datetime:
    # Python 3.10 does not parse the "Z".
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
