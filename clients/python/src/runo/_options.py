"""Options of calls: the members of ``options``, ``crawl`` and ``webhook``, with the names of the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from typing_extensions import NotRequired, TypedDict


class PageOptions(TypedDict, total=False):
    """How pages are fetched and read."""

    render_js: Literal["auto", "always", "never"]
    """Whether to render the page in a browser; ``auto``: only if the plain page shows nothing until its scripts run."""
    wait_for: str | int
    """In a browser: a CSS selector to wait for, or milliseconds to wait after load."""
    capture: Sequence[Literal["screenshot"]]
    """What to capture of the page besides its data."""
    model: Literal["auto", "never"]
    """``never``: do not use the operator's language model."""
    retries: int
    """Retries of a page after a transient failure, 0 to 5; the page costs one credit in any case."""
    headers: Mapping[str, str]
    """Request headers for the URL's own origin."""
    locale: str
    """Language tag (BCP 47) that decides how ``1.234,50`` and ``03/04/2025`` are read."""
    timeout_ms: int
    """Timeout for a whole page in milliseconds, 1000 to 120000."""
    no_cache: bool
    """Fetch the page even if the result cache has it."""
    process_images: bool
    """Accepted by the service; see its documentation."""


class BatchOptions(PageOptions, total=False):
    """Options of a batch."""

    concurrency: int
    """Pages to fetch at once, 1 to 100."""
    fail_fast: bool
    """Stop at the first failed URL; pages that have not started are refunded."""


class CrawlRules(TypedDict):
    """Which pages a crawl visits."""

    follow_pattern: str
    max_pages: int
    max_depth: NotRequired[int | None]
    use_sitemap: NotRequired[bool | None]
    ignore_robots: NotRequired[bool | None]
    allow_large_crawl: NotRequired[bool | None]


class Webhook(TypedDict):
    """URL to send a webhook message to when the job has ended."""

    url: str
    events: NotRequired[Sequence[Literal["job.completed", "job.cancelled", "job.expired", "job.failed"]]]
