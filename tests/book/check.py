"""Checks the built site: every link between its pages leads to an existing file and anchor, and every schema and operation
of the OpenAPI document has a section. Takes the site's folder."""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent.parent
# Generated from the other pages by mdBook.
NOT_PAGES = ("print.html", "404.html", "toc.html")


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            elif name in ("href", "src", "srcset") and value:
                self.links.append(value)


def main() -> None:
    site = Path(sys.argv[1]).resolve()
    files = [path for path in site.rglob("*.html") if path.name not in NOT_PAGES]
    pages = {path: Page(path.read_text()) for path in files}
    faults, count = [], 0
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            count += 1
            to = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            to = to / "index.html" if to.is_dir() else to
            has_anchor = not parts.fragment or to not in pages or unquote(parts.fragment) in pages[to].ids
            if not to.is_file() or not has_anchor:
                faults.append(f"{path.relative_to(site)}: {link}")
    document, reference = json.loads((ROOT / "shared/api/openapi.json").read_text()), site / "reference.html"
    text = reference.read_text()
    operations = [f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item]
    operations = [operation for operation in operations if not operation.startswith("PARAMETERS")]
    missing = [operation for operation in operations if f"<code>{operation}</code>" not in text]
    missing += [name for name in document["components"]["schemas"] if name.lower() not in pages[reference].ids]
    faults += [f"reference.html has no section for {name}" for name in missing]
    if count < 1000 or len(pages) < 40:
        faults.append(f"found only {count} links on {len(pages)} pages")
    if faults:
        sys.exit("the site has errors:\n" + "\n".join(sorted(set(faults))))
    print(f"the site is complete: {len(pages)} pages, {count} links")


main()
