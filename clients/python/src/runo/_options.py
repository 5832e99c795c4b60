"""What may be said about a call: the members of ``options``, ``crawl`` and ``webhook``, under the names that they have
on the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from typing_extensions import NotRequired, TypedDict


class PageOptions(TypedDict, total=False):
    """How pages are fetched and read."""

    render_js: Literal["auto", "always", "never"]
    """``auto``: a browser where the plain page shows nothing without its programs."""
    wait_for: str | int
    """In a browser: a CSS selector to wait for, or milliseconds after load."""
    capture: Sequence[Literal["screenshot"]]
    """What to keep of the page besides its data."""
    model: Literal["auto", "never"]
    """``never`` keeps the operator's language model out."""
    retries: int
    """Further tries of a page after a failure that may pass, 0 to 5; one credit whatever happens."""
    headers: Mapping[str, str]
    """Request fields for the URL's own origin."""
    locale: str
    """BCP 47; decides how ``1.234,50`` and ``03/04/2025`` read."""
    timeout_ms: int
    """For a whole page, 1000 to 120000."""
    no_cache: bool
    """Fetch anew, whatever the result cache has."""
    process_images: bool
    """Accepted by the service; see its documentation."""


class BatchOptions(PageOptions, total=False):
    """What a batch takes besides."""

    concurrency: int
    """Parallel fetches, 1 to 100."""
    fail_fast: bool
    """Stop at the first failed URL; what had not started is refunded."""


class CrawlRules(TypedDict):
    """Where a crawl goes."""

    follow_pattern: str
    max_pages: int
    max_depth: NotRequired[int | None]
    use_sitemap: NotRequired[bool | None]
    ignore_robots: NotRequired[bool | None]
    allow_large_crawl: NotRequired[bool | None]


class Webhook(TypedDict):
    """Where a message goes when the job has ended."""

    url: str
    events: NotRequired[Sequence[Literal["job.completed", "job.cancelled", "job.expired", "job.failed"]]]
