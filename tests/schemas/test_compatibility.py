"""The verdicts: what may follow what, at every level, and which field is at fault."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.alterations import altered, misread
from schemas.compatibility import InvalidSchema, Level, check, faults_of, verdict
from schemas.derive import schema_of
from tests.schemas.strategies import record

BEFORE = schema_of(record("R", ("a", int)))
OPTIONAL_MORE = schema_of(record("R", ("a", int), ("b", str | None, None)))
REQUIRED_MORE = schema_of(record("R", ("a", int), ("b", str)))
NONE_LEFT = schema_of(record("R"))


def of_type(avro: Any) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": [{"name": "x", "type": avro}]}


def decimal(precision: int, scale: int) -> dict[str, Any]:
    shape = {"precision": precision, "scale": scale}
    return {"type": "bytes", "logicalType": "decimal", **shape}


def enum(*symbols: str, **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "E", "symbols": list(symbols), **more}


@pytest.mark.parametrize(
    ("new", "allowed"),
    [
        (OPTIONAL_MORE, {"BACKWARD", "FORWARD", "FULL"}),
        (REQUIRED_MORE, {"FORWARD"}),
        (NONE_LEFT, {"BACKWARD"}),
        (of_type("string"), set()),
    ],
)
@pytest.mark.parametrize("level", Level)
def test_a_level_allows_what_its_name_says(
    level: Level, new: dict[str, Any], allowed: set[str]
) -> None:
    may = verdict(level, new, [BEFORE]) == ()
    assert may is (level is Level.NONE or level.value.removesuffix("_TRANSITIVE") in allowed)


@pytest.mark.parametrize("level", Level)
def test_only_a_transitive_level_looks_behind_the_last_version(level: Level) -> None:
    history = [schema_of(record("R", ("a", int), ("b", int))), BEFORE]
    new = schema_of(record("R", ("a", int), ("b", str | None)))
    assert bool(verdict(level, new, history)) is (level.transitive)


def test_nothing_is_compatible_with_no_history() -> None:
    assert all(verdict(level, BEFORE, []) == () for level in Level)


@pytest.mark.parametrize(
    ("reader", "writer"),
    [
        (decimal(18, 4), decimal(18, 2)),
        (decimal(20, 4), decimal(18, 4)),
        (decimal(18, 4), "bytes"),
        (["null", decimal(18, 4)], ["null", decimal(18, 8)]),
        (["null", decimal(18, 4)], decimal(18, 8)),
        ({"type": "array", "items": decimal(18, 4)}, {"type": "array", "items": decimal(18, 8)}),
        ({"type": "map", "values": decimal(18, 4)}, {"type": "map", "values": decimal(18, 8)}),
        (
            {"type": "long", "logicalType": "timestamp-micros"},
            {"type": "long", "logicalType": "timestamp-millis"},
        ),
        (
            {"type": "record", "name": "S", "fields": [{"name": "y", "type": decimal(9, 2)}]},
            {"type": "record", "name": "S", "fields": [{"name": "y", "type": decimal(9, 3)}]},
        ),
    ],
)
def test_what_would_read_as_another_value_is_refused_though_avro_allows_it(
    reader: Any, writer: Any
) -> None:
    (fault,) = faults_of(of_type(reader), of_type(writer))
    assert fault.startswith("x")
    assert misread(of_type(writer), of_type(writer)) == ()


@pytest.mark.parametrize(
    ("reader", "writer", "named"),
    [
        (of_type("long"), of_type("string"), "x: "),
        (of_type("int"), of_type("long"), "x: "),
        (of_type("string"), of_type(["null", "string"]), "x: "),
        (of_type({"type": "array", "items": "int"}), of_type("int"), "x: "),
        (of_type(enum("a")), of_type(enum("a", "b")), "x: "),
        (OPTIONAL_MORE | {"name": "Other"}, OPTIONAL_MORE, "the name is"),
        (REQUIRED_MORE, BEFORE, "b: "),
    ],
)
def test_a_fault_names_its_field(reader: Any, writer: Any, named: str) -> None:
    (fault,) = faults_of(reader, writer)
    assert fault.startswith(named)


def test_an_enum_with_a_default_may_grow_and_an_old_reader_sees_the_default() -> None:
    less, more = enum("none", "a", default="none"), enum("none", "a", "b", default="none")
    assert verdict(Level.FULL_TRANSITIVE, of_type(more), [of_type(less)]) == ()


def test_a_recursive_schema_is_judged_and_ends() -> None:
    node = {
        "type": "record",
        "name": "N",
        "fields": [{"name": "x", "type": decimal(9, 2)}, {"name": "next", "type": ["null", "N"]}],
    }
    assert faults_of(node, node) == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (of_type(enum("a", "b")), of_type(enum("b", "a")), "x: the symbols changed their order"),
        (of_type(enum("a", "b")), of_type(enum("a", "c", "b")), "x: the symbols changed"),
        (of_type(enum("a", default="a")), of_type(enum("a")), "x: the default symbol"),
        (of_type(enum("a")), of_type(enum("a") | {"name": "F"}), "x: the name"),
        (
            {"type": "record", "name": "R", "fields": [{"name": n, "type": "int"} for n in "ab"]},
            {"type": "record", "name": "R", "fields": [{"name": n, "type": "int"} for n in "ba"]},
            "the fields changed their order",
        ),
        (
            schema_of(record("R", ("a", int, 1))),
            schema_of(record("R", ("a", int))),
            "a: the default was removed",
        ),
        (
            schema_of(record("R", ("a", int, 1))),
            schema_of(record("R", ("a", int, 2))),
            "a: the default changed",
        ),
        (
            of_type("int"),
            {"type": "record", "name": "R", "fields": [_ignored := {"name": "x", "type": "int"}]}
            and {"type": "record", "name": "R", "fields": [{**_ignored, "order": "ignore"}]},
            "x: the sort order changed",
        ),
    ],
)
def test_our_own_schemas_keep_more_than_avro_asks(old: Any, new: Any, said: str) -> None:
    assert any(fault.startswith(said) for fault in altered(old, new))
    assert altered(old, old) == ()


def test_a_new_docstring_and_a_new_optional_field_alter_nothing() -> None:
    reworded = schema_of(record("R", ("a", int), doc="Said in another way."))
    assert altered(BEFORE, reworded) == ()
    assert altered(BEFORE, OPTIONAL_MORE) == ()


@pytest.mark.parametrize(
    "schema", [{"type": "record", "name": "R"}, {"type": "nonsense"}, 7, {"name": "R"}]
)
def test_what_is_no_schema_is_said_to_be_none(schema: Any) -> None:
    with pytest.raises(InvalidSchema):
        check(schema)
