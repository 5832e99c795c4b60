"""Compares the client's types with the OpenAPI document: every option, error code and result member is known."""

from __future__ import annotations

import inspect
import json
from dataclasses import fields
from typing import Any, get_args, get_type_hints

import httpx
import openapi_spec_validator
import pytest
from support import REPOSITORY, Server

import runo
from runo import _types

DOCUMENT = json.loads((REPOSITORY / "shared/api/openapi.json").read_text())
SCHEMAS = DOCUMENT["components"]["schemas"]


def members(name: str, *path: str) -> set[str]:
    found = SCHEMAS[name]
    for part in path:
        found = found["properties"][part]
        found = found.get("items", found)
        if "$ref" in found:
            found = SCHEMAS[found["$ref"].rsplit("/", 1)[1]]
    return set(found["properties"])


def known(kind: type[Any]) -> set[str]:
    return {field.name for field in fields(kind)}


@pytest.mark.parametrize(
    ("request_", "options"),
    [
        ("ExtractRequest", runo.PageOptions),
        ("CrawlRequest", runo.PageOptions),
        ("BatchRequest", runo.BatchOptions),
    ],
)
def test_every_option_is_known(request_: str, options: type[Any]) -> None:
    # `async_mode` is also at the top level of the request, where this client puts it.
    missing = members(request_, "options") - {"async_mode"} - set(get_type_hints(options))
    assert not missing, f"{options.__name__} in src/runo/_options.py lacks {missing}"


def test_every_member_of_a_request_is_known() -> None:
    def arguments(method: Any) -> set[str]:
        return set(inspect.signature(method).parameters) | {"options", "crawl"}

    for client in (runo.Client, runo.AsyncClient):
        assert members("ExtractRequest") <= arguments(client.extract)
        assert members("BatchRequest") <= arguments(client.batch)
        assert members("CrawlRequest") <= arguments(client.crawl)
        assert members("CrawlRequest", "crawl") <= arguments(client.crawl)
    assert members("CrawlRequest", "crawl") <= set(get_type_hints(runo.CrawlRules))
    if "webhook" in members("BatchRequest"):
        assert members("BatchRequest", "webhook") <= set(get_type_hints(runo.Webhook))


def test_every_error_code_is_known() -> None:
    assert set(SCHEMAS["ErrorCode"]["enum"]) <= runo.ERROR_CODES
    assert not runo.CLIENT_CODES & runo.ERROR_CODES


@pytest.mark.parametrize(
    ("names", "kind", "besides"),
    [
        (members("Success"), runo.Success, set()),
        (members("Failure"), runo.Failure, set()),
        (members("UnitError"), runo.Problem, set()),
        (members("BatchAnswer"), runo.Summary, {"results", "status", "job_id", "next"}),
        (members("CrawlAnswer"), runo.Summary, {"results", "status", "job_id", "next"}),
        (members("SummaryLine", "summary"), runo.Summary, {"status", "job_id", "next"}),
        (members("CrawlMeta"), runo.CrawlMeta, set()),
        (members("Job"), runo.JobInfo, set()),
        (members("Job", "progress"), runo.Progress, set()),
        (members("Job", "credits"), runo.Credits, set()),
        (members("JobList", "jobs"), runo.JobInfo, set()),
        (members("JobList", "jobs", "progress"), runo.Progress, set()),
        (members("Usage"), runo.Usage, set()),
        (members("Usage", "monthly"), runo.Monthly, set()),
        (members("Usage", "prepaid"), runo.Prepaid, set()),
        (members("Usage", "rate"), runo.Rate, set()),
        (members("Usage", "model"), runo.ModelUse, set()),
        (members("Field"), None, set(get_type_hints(runo.Field))),
    ],
)
def test_every_member_of_an_answer_is_known(names: set[str], kind: type[Any] | None, besides: set[str]) -> None:
    missing = names - (known(kind) if kind else set()) - besides
    assert not missing, f"{kind and kind.__name__} in src/runo/_types.py lacks {missing}"


def test_values_are_known() -> None:
    def enum(name: str, member: str) -> set[str]:
        return set(SCHEMAS[name]["properties"][member]["enum"])

    assert enum("Field", "type") <= set(get_args(runo.FieldType))
    assert enum("Success", "render_mode") <= set(get_args(_types.RenderMode))
    assert enum("Job", "status") <= set(get_args(_types.JobStatus))
    assert enum("Job", "endpoint") <= set(get_args(_types.Endpoint))
    assert enum("Usage", "plan") <= set(get_args(_types.Plan))
    render = SCHEMAS["BatchRequest"]["properties"]["options"]["properties"]["render_js"]["enum"]
    assert set(render) - {None} <= set(get_args(get_type_hints(runo.PageOptions)["render_js"]))


def test_unknown_members_are_ignored() -> None:
    made = _types.build(runo.Problem, {"code": "NEW", "message": "m", "retryable": False, "of_tomorrow": 1})
    assert made == runo.Problem("NEW", "m", False)


@pytest.mark.parametrize(("version", "begins"), [("3.1", "3.1."), ("3.0", "3.0.")])
def test_the_openapi_document_is_valid(server: Server, version: str, begins: str) -> None:
    document = httpx.get(f"{server.base}/openapi.json", params={"version": version}).json()
    assert document["openapi"].startswith(begins)
    openapi_spec_validator.validate(document)
