"""Converts results from the wire into results of the caller's type."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from ._errors import ModelMismatch, PageError, ProtocolError
from ._schema import Shape
from ._types import Capture, Failure, Problem, Result, Success, build

if TYPE_CHECKING:
    import pandas

T = TypeVar("T")


def result_of(members: dict[str, Any], shape: Shape[T]) -> Result[T]:
    """Converts one line, or one element of ``results``."""
    if members.get("status") != "success":
        return build(Failure, members, error=build(Problem, members["error"]), data=None)
    try:
        row = shape.row(members["data"])
    except ValueError as error:
        problem = Problem("MODEL_MISMATCH", str(error), retryable=False)
        page = {name: members.get(name) for name in ("url", "index", "final_url", "attempts")}
        return Failure(error=problem, data=members["data"], **page)  # type: ignore[arg-type]
    lists = {name: tuple(members.get(name) or ()) for name in ("warnings", "model_fields", "explain")}
    captures = tuple(build(Capture, one) for one in members.get("captures") or ())
    return build(Success, members, data=row, captures=captures, **lists)


def extract_result(members: dict[str, Any], shape: Shape[T], job_id: str | None) -> Success[T]:
    """Converts the response of an extract; raises PageError for a failed page."""
    found = result_of(members, shape)
    if isinstance(found, Success):
        return found
    if found.data is not None:
        raise ModelMismatch(found.error.message, data=found.data, job_id=job_id)
    error = found.error
    raise PageError(error.message, code=error.code, retryable=error.retryable, job_id=job_id)


def read_json(body: bytes, job_id: str | None = None) -> dict[str, Any]:
    """Parses a body that must be a JSON object; raises ProtocolError otherwise."""
    try:
        members = json.loads(body)
    except ValueError:
        members = None
    if not isinstance(members, dict):
        raise ProtocolError("the response is not a JSON object", code="PROTOCOL_ERROR", job_id=job_id)
    return members


def index_of(found: Result[Any]) -> int:
    """Returns the key that sorts results."""
    return found.index or 0


def data_frame(lines: Iterable[dict[str, Any]]) -> pandas.DataFrame:
    """Builds a row per page in input order: its fields, then ``page_url`` and ``page_error`` (a code, or None)."""
    frame = _pandas()
    rows = [
        {
            **(line.get("data") or {}),
            "page_url": line["url"],
            "page_error": (line.get("error") or {}).get("code"),
        }
        for line in sorted(lines, key=lambda line: int(line.get("index", 0)))
    ]
    # The first row may be a failure, which has no fields.
    fields = dict.fromkeys(name for row in rows for name in row if name not in ("page_url", "page_error"))
    result: pandas.DataFrame = frame.DataFrame(rows, columns=[*fields, "page_url", "page_error"])
    return result


def _pandas() -> Any:
    try:
        import pandas
    except ImportError:
        raise ImportError("to_dataframe() needs pandas, which is not installed: pip install 'runo[pandas]'") from None
    return pandas
