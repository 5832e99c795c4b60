#!/usr/bin/env python3
"""Preprocessor of the documentation site, run by `mdbook build` (book.toml). Needs only the standard library.

Does two things that mdBook cannot. Fills the chapters that docs/SUMMARY.md leaves without a file: with documents outside
docs/ (README, clients, CONTRIBUTING …) and with the reference made from shared/api/openapi.json. And points links that
leave the book at the repository, so that each document reads the same on GitHub and on the site.
"""

from __future__ import annotations

import json
import posixpath
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REPOSITORY = "https://github.com/runo-dev/runo"

# Chapters without a file in docs/SUMMARY.md, by name: their source, and their page in the book.
OUTSIDE = {
    "Runo": ("README.md", "introduction.md"),
    "Command line": ("tools/cli/README.md", "clients/command-line.md"),
    "Rust": ("clients/rust/README.md", "clients/rust.md"),
    "Python": ("clients/python/README.md", "clients/python.md"),
    "TypeScript": ("clients/typescript/README.md", "clients/typescript.md"),
    "Sample events": ("events/README.md", "events.md"),
    "Contributing": ("CONTRIBUTING.md", "contributing.md"),
    "Reporting a vulnerability": ("SECURITY.md", "reporting.md"),
    "Changelog": ("CHANGELOG.md", "changelog.md"),
}
DOCUMENT = "shared/api/openapi.json"
REFERENCE = ("Endpoints and types", "reference.md")

LINK = re.compile(r'(\]\(|(?:src|srcset|href)=")([^)"\s]+)')
FENCE = re.compile(r"^\s*```")
# Keywords of JSON Schema that are shown unchanged.
BOUNDS = ["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern", "format", "default"]


def chapters(items: list[Any]) -> list[dict[str, Any]]:
    """Returns all chapters of the book, in order."""
    found = []
    for item in items:
        if isinstance(item, dict) and "Chapter" in item:
            found.append(item["Chapter"])
            found += chapters(item["Chapter"]["sub_items"])
    return found


def rewrite_links(text: str, source: str, page: str, pages: dict[str, str]) -> str:
    """Rewrites the relative links of the document `source` (a path in the repository) for its page in the book."""

    def target(found: re.Match[str]) -> str:
        before, link = found.groups()
        path, mark, anchor = link.partition("#")
        if not path or "://" in link or link.startswith("mailto:"):
            return found.group()
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if path in pages:
            path = posixpath.relpath(pages[path], posixpath.dirname(page) or ".")
        elif path.startswith("docs/") and (ROOT / path).is_file():
            path = posixpath.relpath(path.removeprefix("docs/"), posixpath.dirname(page) or ".")
        else:
            path = f"{REPOSITORY}/{'tree' if (ROOT / path).is_dir() else 'blob'}/main/{path}"
        return before + path + mark + anchor

    lines, code = [], False
    for line in text.splitlines():
        fence = bool(FENCE.match(line))
        code ^= fence
        lines.append(line if code or fence else LINK.sub(target, line))
    return "\n".join(lines) + "\n"


def anchor(heading: str) -> str:
    return "".join("-" if c == " " else c.lower() for c in heading if c.isalnum() or c in " -_")


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


class Reference:
    """The OpenAPI document as a page: one section per operation, one per type."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    def resolve(self, value: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in value:
            found: Any = self.document
            for part in value["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            value = found
        return value

    def type(self, schema: dict[str, Any]) -> str:
        """Returns the type of a schema, in words."""
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/components/schemas/")
            return self.type(self.resolve(schema)) if "/" in name else f"[{name}](#{anchor(name)})"
        if "const" in schema:
            return f"`{json.dumps(schema['const'])}`"
        if "enum" in schema:
            return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
        for choice in ("oneOf", "anyOf"):
            if choice in schema:
                return " or ".join(self.type(one) for one in schema[choice])
        if "allOf" in schema:
            return next(self.type(one) for one in schema["allOf"] if "$ref" in one)
        kinds = schema.get("type", "any")
        kinds = kinds if isinstance(kinds, list) else [kinds]
        if "array" in kinds and "items" in schema:
            kinds = [f"array of {self.type(schema['items'])}" if kind == "array" else kind for kind in kinds]
        return " or ".join(kinds)

    def bounds(self, schema: dict[str, Any]) -> str:
        return ", ".join(f"{key} `{json.dumps(schema[key], ensure_ascii=False)}`" for key in BOUNDS if key in schema)

    def members(self, schema: dict[str, Any], before: str = "") -> list[str]:
        """Returns a table row per member, including those of nested objects."""
        rows = []
        for name, member in schema.get("properties", {}).items():
            needed = "yes" if name in schema.get("required", []) else ""
            notes = [member.get("description", ""), self.bounds(member)]
            note = cell(" ".join(note for note in notes if note))
            rows.append(f"| `{before}{name}` | {cell(self.type(member))} | {needed} | {note} |")
            inner = member.get("items", member) if "properties" not in member else member
            if "$ref" not in inner:
                rows += self.members(inner, f"{before}{name}{'[]' if inner is not member else ''}.")
        return rows

    def operation(self, path: str, method: str, operation: dict[str, Any], shared: list[dict[str, Any]]) -> list[str]:
        lines = [f"### `{method.upper()} {path}`", "", f"{operation['summary']}. {operation.get('description', '')}".strip(), ""]
        notes = ["Needs no API key." if operation.get("security") == [] else "", f"Function: `{operation['x-runo-function']}`."]
        notes.append("The response is streamed while the job runs." if operation.get("x-runo-streaming") else "")
        lines += [" ".join(note for note in notes if note), ""]
        parameters = [self.resolve(one) for one in shared + operation.get("parameters", [])]
        if parameters:
            lines += ["| Parameter | In | Value | |", "|---|---|---|---|"]
            for one in parameters:
                value = " ".join(part for part in (self.type(one["schema"]), self.bounds(one["schema"])) if part)
                lines.append(f"| `{one['name']}` | {one['in']} | {cell(value)} | {cell(one.get('description', ''))} |")
            lines.append("")
        body = self.resolve(operation.get("requestBody", {})).get("content", {})
        lines += [f"Body: {self.type(media['schema'])} (`{kind}`)." for kind, media in body.items()] + [""] * bool(body)
        lines += ["| Status | | Body | Header fields |", "|---|---|---|---|"]
        for status, answer in operation["responses"].items():
            answer = self.resolve(answer)
            kinds = [f"`{kind}`: {self.type(media.get('schema', {}))}" for kind, media in answer.get("content", {}).items()]
            fields = ", ".join(f"`{name}`" for name in answer.get("headers", {}))
            lines.append(f"| {status} | {cell(answer['description'])} | {cell('; '.join(kinds))} | {fields} |")
        return [*lines, ""]

    def page(self) -> str:
        lines = [f"# {REFERENCE[0]}", "", f"Made from [`{DOCUMENT}`]({REPOSITORY}/blob/main/{DOCUMENT}), which the service"]
        lines += ["serves at `GET /openapi.json`. [The API](API.md) explains it.", "", self.document["info"]["description"], ""]
        lines += ["## Endpoints", ""]
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                if method != "parameters":
                    lines += self.operation(path, method, operation, item.get("parameters", []))
        lines += ["## Header fields", "", "| Field | |", "|---|---|"]
        for name, header in self.document["components"]["headers"].items():
            lines.append(f"| `{name}` | {cell(header['description'])} |")
        lines += ["", "## Types", ""]
        for name, schema in self.document["components"]["schemas"].items():
            lines += [f"### {name}", "", schema.get("description", ""), ""]
            rows = self.members(schema)
            if rows:
                lines += ["| Member | Value | Required | |", "|---|---|---|---|", *rows, ""]
            else:
                bounds = self.bounds(schema)
                lines += [f"Value: {self.type(schema)}{'; ' + bounds if bounds else ''}.", ""]
        return "\n".join(lines)


def main() -> None:
    if sys.argv[1:2] == ["supports"]:
        return
    _, book = json.load(sys.stdin)
    all_chapters = chapters(book["items"])
    pages = {source: page for source, page in OUTSIDE.values()} | {DOCUMENT: REFERENCE[1]}
    pages |= {f"docs/{chapter['path']}": chapter["path"] for chapter in all_chapters if chapter["path"]}
    for chapter in all_chapters:
        source = f"docs/{chapter['path']}"
        if chapter["path"] is None and chapter["name"] == REFERENCE[0]:
            chapter["path"] = REFERENCE[1]
            chapter["content"] = Reference(json.loads((ROOT / DOCUMENT).read_text())).page()
            continue
        if chapter["path"] is None:
            source, chapter["path"] = OUTSIDE[chapter["name"]]
            chapter["content"] = (ROOT / source).read_text()
            chapter["source_path"] = posixpath.relpath(source, "docs")
        chapter["content"] = rewrite_links(chapter["content"], source, chapter["path"], pages)
    json.dump(book, sys.stdout)


if __name__ == "__main__":
    main()
