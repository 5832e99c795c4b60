"""Schemas: converts the caller's schema (fields, a dict, a JSON Schema, a pydantic model) to the service's flat list of
fields, and rows to the caller's type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar, Union

from typing_extensions import NotRequired, Self, TypedDict

from ._errors import SchemaError
from ._json_schema import DEFAULT_EXAMPLES, fields_of

FieldType = Literal[
    "string", "integer", "float", "boolean", "date", "array<string>", "array<integer>", "array<float>"
]


class Field(TypedDict):
    """One field of a schema, with the names of the wire."""

    field: str
    type: FieldType
    example: Any
    hint: NotRequired[str]
    selector: NotRequired[str]


class Model(Protocol):
    """What this client needs of a model class; every ``pydantic.BaseModel`` has it."""

    @classmethod
    def model_validate(cls, obj: Any) -> Self: ...

    @classmethod
    def model_json_schema(cls) -> dict[str, Any]: ...


M = TypeVar("M", bound=Model)
T = TypeVar("T")

Row = dict[str, Any]
"""The type of rows without a model."""

PlainSchema = Union[Sequence[Field], Mapping[str, Any], None]
"""A list of fields, a JSON Schema, or a dict like ``{"title": "string"}``; None for a key that has a schema bound."""


@dataclass(frozen=True)
class Shape(Generic[T]):
    """A schema as it is sent, and how to convert the rows that come back."""

    fields: list[dict[str, Any]] | None
    model: type[Any] | None = None
    groups: dict[str, bool] = field(default_factory=dict)
    """Names of nested models, and whether they may be None."""

    def row(self, data: dict[str, Any]) -> T:
        """Converts a row; raises ValueError (pydantic's errors are subclasses) if values do not fit the model."""
        if self.model is None:
            return data  # type: ignore[return-value]
        return self.model.model_validate(self._nest(data))  # type: ignore[no-any-return]

    def _nest(self, data: dict[str, Any]) -> dict[str, Any]:
        nested: dict[str, Any] = {}
        for name, value in data.items():
            group, dot, inner = name.partition(".")
            if dot and group in self.groups:
                nested.setdefault(group, {})[inner] = value
            else:
                nested[name] = value
        for group, may_be_none in self.groups.items():
            values = nested.get(group)
            if may_be_none and values and all(value is None or value == [] for value in values.values()):
                nested[group] = None
        return nested


def shape_of(schema: object) -> Shape[Any]:
    """Converts a caller's schema."""
    if schema is None:
        return Shape(None)
    if isinstance(schema, type):
        return _of_model(schema)
    if isinstance(schema, Mapping):
        if isinstance(schema.get("properties"), Mapping):
            return Shape(fields_of(schema)[0])
        return Shape([_short_form_field(str(name), spec) for name, spec in schema.items()])
    if isinstance(schema, Sequence) and not isinstance(schema, (str, bytes)):
        return Shape([dict(one) for one in schema])
    raise SchemaError(
        "a schema must be a list of fields, a dict or a pydantic model class, "
        f"not {type(schema).__name__}{' (pass the class, not an instance)' if hasattr(schema, 'model_validate') else ''}",
        code="SCHEMA_INVALID",
    )


def _of_model(model: type[Any]) -> Shape[Any]:
    if not hasattr(model, "model_json_schema") or not hasattr(model, "model_validate"):
        raise SchemaError(f"{model.__name__} is not a pydantic model (version 2)", code="SCHEMA_INVALID")
    try:
        described = model.model_json_schema()
    except Exception as error:  # pydantic raises several classes for types without a JSON Schema
        raise SchemaError(f"{model.__name__} cannot be converted: {error}", code="SCHEMA_INVALID") from error
    fields, groups = fields_of(described)
    return Shape(fields, model, groups)


def _short_form_field(name: str, spec: object) -> dict[str, Any]:
    """``"price": "float"`` or ``"price": {"type": "float", "example": 9.99, "hint": …}``."""
    members = {"type": spec} if isinstance(spec, str) else spec
    if not isinstance(members, Mapping):
        raise SchemaError(f"{name}: give a type such as \"float\", or a dict with \"type\"", code="SCHEMA_INVALID")
    result = {"field": name, **members}
    if result.get("example") is None:
        result["example"] = DEFAULT_EXAMPLES.get(str(result.get("type")), "")
    return result

