"""Converts a JSON Schema of an object, as pydantic writes it, to the service's flat list of fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from ._errors import SchemaError

DEFAULT_EXAMPLES: dict[str, Any] = {
    "string": "",
    "integer": 1,
    "float": 1.5,
    "boolean": True,
    "date": "2025-01-31",
    "array<string>": [],
    "array<integer>": [],
    "array<float>": [],
}
"""Examples that imply nothing but the type, for fields without one."""

_SCALARS = {"string": "string", "integer": "integer", "number": "float", "boolean": "boolean"}
_UNSUPPORTED_FORMATS = frozenset({"date-time", "time", "duration", "binary"})
_TYPES = "str, int, float, bool, datetime.date, list[str], list[int], list[float], Optional of these, or a model of these"


def fields_of(schema: Mapping[str, Any]) -> tuple[list[dict[str, Any]], dict[str, bool]]:
    """Returns the fields, and the names of nested objects with whether they may be null."""
    reader = _Reader(schema)
    root, _ = reader.resolve(schema, "schema")
    if not isinstance(root.get("properties"), Mapping):
        _refuse("schema", "it must be an object with properties")
    reader.read(root, "")
    if not reader.fields:
        _refuse("schema", "it has no properties")
    return reader.fields, reader.groups


class _Reader:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.fields: list[dict[str, Any]] = []
        self.groups: dict[str, bool] = {}

    def read(self, parent: Mapping[str, Any], prefix: str) -> None:
        for name, spec in parent["properties"].items():
            path = prefix + name
            inner, nullable = self.resolve(spec, path)
            if inner.get("type") == "object" or "properties" in inner:
                if prefix:
                    _refuse(path, "models may be nested one level deep, not two")
                if not inner.get("properties"):
                    _refuse(path, "an object needs named properties; a dict with free keys cannot be read")
                self.groups[name] = nullable
                self.read(inner, f"{path}.")
            else:
                self.fields.append(self._field(path, inner))

    def _field(self, path: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        kind = self._type(path, spec)
        result: dict[str, Any] = {"field": path, "type": kind, "example": _example(spec, kind)}
        if spec.get("description"):
            result["hint"] = spec["description"]
        if spec.get("selector"):
            result["selector"] = spec["selector"]
        return result

    def _type(self, path: str, spec: Mapping[str, Any]) -> str:
        name = spec.get("type")
        if name == "array":
            items = spec.get("items")
            if not isinstance(items, Mapping):
                _refuse(path, "a list needs one type of items")
            inner, _ = self.resolve(items, f"{path}[]")
            kind = self._type(f"{path}[]", inner)
            if kind not in ("string", "integer", "float"):
                _refuse(path, f"a list of {kind} cannot be read; lists can be of str, int or float")
            return f"array<{kind}>"
        if name == "string" and spec.get("format") == "date":
            return "date"
        if name == "string" and spec.get("format") in _UNSUPPORTED_FORMATS:
            _refuse(path, f"a {spec['format']} cannot be read; use a date or a str")
        if name in _SCALARS:
            return _SCALARS[name]
        _refuse(path, f"this type cannot be read from a page; use {_TYPES}")

    def resolve(self, spec: Mapping[str, Any], path: str) -> tuple[dict[str, Any], bool]:
        """Resolves references and removes null; returns the schema and whether it may be null."""
        result, nullable = dict(spec), False
        for _ in range(32):
            if "$ref" in result:
                target = self._target(str(result.pop("$ref")), path)
                result = {**target, **result}
            elif isinstance(result.get("allOf"), list) and len(result["allOf"]) == 1:
                result = {**result.pop("allOf")[0], **result}
            elif "anyOf" in result or "oneOf" in result:
                choices = result.pop("anyOf", None) or result.pop("oneOf", [])
                left = [choice for choice in choices if choice.get("type") != "null"]
                nullable |= len(left) < len(choices)
                result = {**self._single_type(left, path), **result}
            else:
                break
        else:
            _refuse(path, "its references are circular")
        if isinstance(result.get("type"), list):
            left = [name for name in result["type"] if name != "null"]
            nullable |= len(left) < len(result["type"])
            result["type"] = self._single_type([{"type": name} for name in left], path)["type"]
        if "const" in result:
            result.setdefault("enum", [result["const"]])
        if "type" not in result and result.get("enum"):
            result["type"] = _type_of_values(result["enum"])
        return result, nullable

    def _target(self, reference: str, path: str) -> Mapping[str, Any]:
        found: Any = self.root
        for part in reference.removeprefix("#/").split("/"):
            found = found.get(part) if isinstance(found, Mapping) else None
        if not reference.startswith("#/") or not isinstance(found, Mapping):
            _refuse(path, f"its reference {reference} cannot be resolved")
        return found

    def _single_type(self, choices: list[Mapping[str, Any]], path: str) -> Mapping[str, Any]:
        if len(choices) == 1:
            return choices[0]
        names = {choice.get("type") for choice in choices}
        # pydantic writes a Decimal as "number or string", and a float may be "number or integer".
        if "number" in names and names <= {"number", "integer", "string"}:
            return {"type": "number"}
        _refuse(path, "a union of several types cannot be read; only Optional can")


def _type_of_values(values: list[Any]) -> str | None:
    kinds = {type(value) for value in values if value is not None}
    return {str: "string", int: "integer", float: "number", bool: "boolean"}.get(kinds.pop()) if len(kinds) == 1 else None


def _example(spec: Mapping[str, Any], kind: str) -> Any:
    examples = spec.get("examples")
    if isinstance(examples, list) and examples and examples[0] is not None:
        return examples[0]
    if spec.get("default") is not None:
        return spec["default"]
    values = spec.get("enum")
    return values[0] if values and values[0] is not None else DEFAULT_EXAMPLES[kind]


def _refuse(path: str, why: str) -> NoReturn:
    raise SchemaError(f"{path}: {why}", code="SCHEMA_INVALID")
