"""Converts a JSON Schema of an object, as pydantic writes it, to the service's flat list of fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from ._errors import SchemaError

NEUTRAL: dict[str, Any] = {
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
_NOT_READ = frozenset({"date-time", "time", "duration", "binary"})
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
        made: dict[str, Any] = {"field": path, "type": kind, "example": _example(spec, kind)}
        if spec.get("description"):
            made["hint"] = spec["description"]
        if spec.get("selector"):
            made["selector"] = spec["selector"]
        return made

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
        if name == "string" and spec.get("format") in _NOT_READ:
            _refuse(path, f"a {spec['format']} cannot be read; use a date or a str")
        if name in _SCALARS:
            return _SCALARS[name]
        _refuse(path, f"this type cannot be read from a page; use {_TYPES}")

    def resolve(self, spec: Mapping[str, Any], path: str) -> tuple[dict[str, Any], bool]:
        """Resolves references and removes null; returns the schema and whether it may be null."""
        made, nullable = dict(spec), False
        for _ in range(32):
            if "$ref" in made:
                target = self._target(str(made.pop("$ref")), path)
                made = {**target, **made}
            elif isinstance(made.get("allOf"), list) and len(made["allOf"]) == 1:
                made = {**made.pop("allOf")[0], **made}
            elif "anyOf" in made or "oneOf" in made:
                choices = made.pop("anyOf", None) or made.pop("oneOf", [])
                left = [choice for choice in choices if choice.get("type") != "null"]
                nullable |= len(left) < len(choices)
                made = {**self._one(left, path), **made}
            else:
                break
        else:
            _refuse(path, "its references are circular")
        if isinstance(made.get("type"), list):
            left = [name for name in made["type"] if name != "null"]
            nullable |= len(left) < len(made["type"])
            made["type"] = self._one([{"type": name} for name in left], path)["type"]
        if "const" in made:
            made.setdefault("enum", [made["const"]])
        if "type" not in made and made.get("enum"):
            made["type"] = _type_of_values(made["enum"])
        return made, nullable

    def _target(self, reference: str, path: str) -> Mapping[str, Any]:
        found: Any = self.root
        for part in reference.removeprefix("#/").split("/"):
            found = found.get(part) if isinstance(found, Mapping) else None
        if not reference.startswith("#/") or not isinstance(found, Mapping):
            _refuse(path, f"its reference {reference} cannot be resolved")
        return found

    def _one(self, choices: list[Mapping[str, Any]], path: str) -> Mapping[str, Any]:
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
    return values[0] if values and values[0] is not None else NEUTRAL[kind]


def _refuse(path: str, why: str) -> NoReturn:
    raise SchemaError(f"{path}: {why}", code="SCHEMA_INVALID")
