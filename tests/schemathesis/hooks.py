"""Makes valid requests meaningful, in ways that the OpenAPI document cannot express: a URL that can be fetched quickly, an
example that reads as its type, no invented cursor, a fresh idempotency key. Leaves invalid requests as they are."""

import os
import uuid

import jsonschema
import requests
import schemathesis

BASE = os.environ["RUNO_BASE"]
PAGE = BASE + "/sample/product"
EXAMPLES = {
    "string": "A title",
    "integer": 3,
    "float": 9.99,
    "boolean": True,
    "date": "2026-11-24",
    "array<string>": ["a"],
    "array<integer>": [3],
    "array<float>": [9.99],
}
DOCUMENT = requests.get(BASE + "/openapi.json", timeout=10).json()
VALID = {
    path: jsonschema.Draft202012Validator({**DOCUMENT, "$ref": f"#/components/schemas/{name}"})
    for path, name in {
        "/v1/extract": "ExtractRequest",
        "/v1/batch": "BatchRequest",
        "/v1/crawl": "CrawlRequest",
    }.items()
}


def meaningful(body):
    body = dict(body)
    if "url" in body:
        body["url"] = PAGE
    if "urls" in body:
        body["urls"] = [PAGE] * min(len(body["urls"]), 3)
    if "seed_url" in body:
        body["seed_url"] = PAGE
        pages = min(body["crawl"]["max_pages"], 3)
        body["crawl"] = {**body["crawl"], "follow_pattern": "*", "max_pages": pages}
    # The account has no webhook secret, and the generated URL could be anybody's.
    body.pop("webhook", None)
    fields = body.get("schema") or [{"field": "title", "type": "string", "example": "x"}]
    body["schema"] = [
        {**field, "field": f"f{i}", "example": EXAMPLES[field["type"]], "selector": "h1"}
        for i, field in enumerate(fields)
    ]
    return body


@schemathesis.hook
def before_call(context, case, kwargs):
    path = case.operation.path
    if path in VALID and isinstance(case.body, dict) and VALID[path].is_valid(case.body):
        case.body = meaningful(case.body)
    if case.meta is None or case.meta.generation.mode.is_positive:
        if case.headers and "Idempotency-Key" in case.headers:
            case.headers["Idempotency-Key"] = str(uuid.uuid4())
        if case.query:
            case.query.pop("cursor", None)
