"""The Avro schema of a class is what its types, defaults and docstring say."""

from __future__ import annotations

from typing import Any

import pytest

from events.values import Lots, Price, Side
from schemas.derive import Underivable, schema_of
from tests.schemas.strategies import enum, record

DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 18}
SIDE = {
    "type": "enum",
    "name": "Side",
    "namespace": "tapedeck",
    "symbols": ["unrecognised", "buy", "sell"],
    "default": "unrecognised",
}


@pytest.mark.parametrize(
    ("hint", "avro"),
    [
        (str, "string"),
        (int, "long"),
        (float, "double"),
        (bool, "boolean"),
        (bytes, "bytes"),
        (Side, SIDE),
        (Price, {**DECIMAL, "scale": 8}),
        (Lots, {**DECIMAL, "scale": 4}),
        (tuple[float, ...], {"type": "array", "items": "double"}),
        (tuple[Lots, ...], {"type": "array", "items": {**DECIMAL, "scale": 4}}),
        (tuple[str | None, ...], {"type": "array", "items": ["null", "string"]}),
    ],
)
def test_a_type_has_one_avro_type(hint: Any, avro: Any) -> None:
    assert schema_of(record("R", ("x", hint)))["fields"] == [{"name": "x", "type": avro}]


def test_an_optional_field_is_null_by_default() -> None:
    (field,) = schema_of(record("R", ("x", Price | None)))["fields"]
    assert field["type"][0] == "null"
    assert field["default"] is None


@pytest.mark.parametrize(
    ("hint", "default", "written"),
    [
        (int, 3, 3),
        (float, 0.5, 0.5),
        (bool, False, False),
        (str, "x", "x"),
        (Side, Side.SELL, "sell"),
        (tuple[str, ...], (), []),
        (int | None, None, None),
    ],
)
def test_a_default_is_written_as_avro_writes_it(hint: Any, default: Any, written: Any) -> None:
    (field,) = schema_of(record("R", ("x", hint, default)))["fields"]
    assert field["default"] == written
    assert type(field["default"]) is type(written)


def test_the_first_sentence_of_the_docstring_is_the_doc() -> None:
    kind = record("R", doc="It became\n    true at 1.5. And more.")
    assert schema_of(kind)["doc"] == "It became true at 1.5."
    assert schema_of(kind)["name"] == "R"
    assert schema_of(kind)["namespace"] == "tapedeck"


def test_an_enum_is_defined_once_and_then_named() -> None:
    first, second = schema_of(record("R", ("a", Side), ("b", Side | None)))["fields"]
    assert first["type"] == SIDE
    assert second["type"] == ["null", "tapedeck.Side"]


@pytest.mark.parametrize(
    "field",
    [
        ("x", complex),
        ("x", int | str),
        ("x", dict[str, int]),
        ("x", tuple[int, int]),
        ("x", list[int]),
        ("x", enum("Odd", "has space")),
        ("x", enum("Reserved", "unrecognised")),
        ("x", float, 1),
        ("x", int | None, 5),
        ("x", bytes, b"x"),
        ("x", tuple[int, ...], (1,)),
    ],
)
def test_what_avro_cannot_carry_is_refused_by_class_and_field(field: Any) -> None:
    with pytest.raises(Underivable, match=r"^R\.x: "):
        schema_of(record("R", field))


def test_a_class_says_what_became_true() -> None:
    with pytest.raises(Underivable, match=r"^R has no docstring"):
        schema_of(record("R", ("x", int), doc=""))
