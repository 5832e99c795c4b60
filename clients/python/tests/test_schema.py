"""Schemas: how they are converted, and which messages refuse the others."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, Optional, Union

import pytest
from pydantic import BaseModel, ConfigDict, Field, HttpUrl

from runo import SchemaError
from runo._schema import shape_of


class Colour(str, Enum):
    RED = "red"
    BLUE = "blue"


class Offer(BaseModel):
    price: float | None = None
    currency: Optional[str] = None


class Product(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    title: str = Field(description="the product's name", examples=["A kettle", "Another"])
    price: Decimal = Field(examples=[9.99], json_schema_extra={"selector": ".price"})
    stock: Annotated[int, Field(ge=0)] = 3
    available: bool | None = None
    released: Optional[date] = Field(None, examples=[date(2024, 5, 1)])
    tags: list[str] = []
    ratings: list[float] | None = None
    counts: list[int] = Field(default_factory=list)
    link: HttpUrl
    size: Literal["S", "M"]
    colour: Optional[Colour] = None
    in_stock: bool = Field(alias="inStock")
    offer: Offer | None = None


def test_a_model_becomes_fields() -> None:
    assert shape_of(Product).fields == [
        {"field": "title", "type": "string", "example": "A kettle", "hint": "the product's name"},
        {"field": "price", "type": "float", "example": 9.99, "selector": ".price"},
        {"field": "stock", "type": "integer", "example": 3},
        {"field": "available", "type": "boolean", "example": True},
        {"field": "released", "type": "date", "example": "2024-05-01"},
        {"field": "tags", "type": "array<string>", "example": []},
        {"field": "ratings", "type": "array<float>", "example": []},
        {"field": "counts", "type": "array<integer>", "example": []},
        {"field": "link", "type": "string", "example": ""},
        {"field": "size", "type": "string", "example": "S"},
        {"field": "colour", "type": "string", "example": "red"},
        {"field": "inStock", "type": "boolean", "example": True},
        {"field": "offer.price", "type": "float", "example": 1.5},
        {"field": "offer.currency", "type": "string", "example": ""},
    ]


ROW: dict[str, Any] = {
    "title": "Kettle", "price": 49.9, "stock": 1, "available": None, "released": "2024-05-02", "tags": ["a"],
    "ratings": [], "counts": [1], "link": "https://example.com/", "size": "M", "colour": "blue", "inStock": True,
}


def test_rows_become_instances_of_the_model() -> None:
    row = shape_of(Product).row({**ROW, "offer.price": 1.0, "offer.currency": None})
    assert isinstance(row, Product)
    assert (row.price, row.released, row.in_stock) == (Decimal("49.9"), date(2024, 5, 2), True)
    assert row.offer == Offer(price=1.0)


def test_a_nested_model_without_values_is_none() -> None:
    assert shape_of(Product).row({**ROW, "offer.price": None, "offer.currency": None}).offer is None


def test_dicts_are_short_forms_or_json_schemas() -> None:
    short = {"title": "string", "price": {"type": "float", "example": 9.99, "hint": "now"}, "day": {"type": "date"}}
    assert shape_of(short).fields == [
        {"field": "title", "type": "string", "example": ""},
        {"field": "price", "type": "float", "example": 9.99, "hint": "now"},
        {"field": "day", "type": "date", "example": "2025-01-31"},
    ]
    described = {
        "type": "object",
        "properties": {
            "title": {"type": ["string", "null"], "description": "its name", "default": "x"},
            "on": {"$ref": "#/$defs/Day"},
            "n": {"const": 3},
        },
        "$defs": {"Day": {"type": "string", "format": "date"}},
    }
    assert shape_of(described).fields == [
        {"field": "title", "type": "string", "example": "x", "hint": "its name"},
        {"field": "on", "type": "date", "example": "2025-01-31"},
        {"field": "n", "type": "integer", "example": 3},
    ]
    assert shape_of(None).fields is None


def model_of(kind: Any) -> type[BaseModel]:
    class Wrong(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        bad: kind

    return Wrong


class Own:
    pass


class Deep(BaseModel):
    offer: Offer


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (datetime, "bad: a date-time cannot be read"),
        (dict[str, str], "bad: an object needs named properties"),
        (list[date], "bad: a list of date cannot be read"),
        (list[bool], "bad: a list of boolean cannot be read"),
        (list[Offer], "bad[]: this type cannot be read"),
        (Union[str, list[str]], "bad: a union of several types"),
        (Deep, "bad.offer: models may be nested one level deep"),
        (Any, "bad: this type cannot be read"),
        (Own, "Wrong cannot be converted"),
    ],
)
def test_a_type_that_cannot_be_converted_is_named(kind: Any, words: str) -> None:
    with pytest.raises(SchemaError) as refused:
        shape_of(model_of(kind))
    assert words in refused.value.message
    assert refused.value.code == "SCHEMA_INVALID"


def test_other_objects_are_refused() -> None:
    with pytest.raises(SchemaError, match="pass the class, not an instance"):
        shape_of(Offer())
    for wrong in (int, "title", {"type": "object", "properties": {}}, {"title": 3}):
        with pytest.raises(SchemaError):
            shape_of(wrong)
