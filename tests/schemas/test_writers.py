"""A writer's schema is admitted before its bytes are decoded: ours, readable, and no bomb."""

from __future__ import annotations

import json
from typing import Any

import pytest

from events.market import TickReceived
from schemas.codec import Undecodable, decode, encode, plan_of
from schemas.derive import schema_of
from schemas.samples import samples_of
from schemas.writers import parsed

OURS = schema_of(TickReceived)
TICK = samples_of(TickReceived)[0]


def with_field(avro: Any) -> dict[str, Any]:
    return {**OURS, "fields": [*OURS["fields"], {"name": "more", "type": avro}]}


def recursive(name: str) -> dict[str, Any]:
    below = {"name": "below", "type": ["null", name]}
    return {"type": "record", "name": "Node", "fields": [below]}


EMPTY = {"type": "record", "name": "Empty", "fields": []}


def test_our_own_schema_is_read_without_resolution() -> None:
    reworded = {**OURS, "doc": "Said in another way."}
    for schema in (OURS, json.dumps(OURS, indent=4), reworded):
        name, writer = parsed(schema)
        assert name == "TickReceived"
        assert writer is plan_of(TickReceived).schema


def test_a_later_schema_is_resolved_to_the_class_of_today() -> None:
    name, writer = parsed(with_field("string"))
    assert decode(name, encode(TICK) + b"\x04hi", writer) == TICK
    with pytest.raises(Undecodable):
        decode(name, encode(TICK), writer)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("{", "not usable"),
        ('"string"', "not a type of this tape"),
        ("[]", "not a type of this tape"),
        ("null", "not a type of this tape"),
        ({**OURS, "name": "Foreign"}, "'tapedeck.Foreign' is not a type of this tape"),
        ({**OURS, "namespace": "elsewhere"}, "not a type of this tape"),
        ({**OURS, "type": "error"}, "not a type of this tape"),
        ({**OURS, "fields": OURS["fields"][1:]}, "symbol: it is missing there"),
        (with_field("nonsense"), "not usable"),
        (with_field("TickReceived"), "contains itself"),
        (with_field("tapedeck.TickReceived"), "contains itself"),
        (with_field(recursive("Node")), "contains itself"),
        (with_field(recursive("tapedeck.Node")), "contains itself"),
        (with_field({"type": "array", "items": "null"}), "take no bytes"),
        (with_field({"type": "array", "items": {"type": "null"}}), "take no bytes"),
        (with_field({"type": "array", "items": EMPTY}), "take no bytes"),
        (with_field({"type": "map", "values": "null"}), None),
        (
            with_field(["null", {"type": "array", "items": {**EMPTY, "name": "Nothing"}}]),
            "take no bytes",
        ),
        (
            with_field({"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}}),
            "take no bytes",
        ),
    ],
)
def test_a_schema_that_must_not_be_used_is_refused(schema: Any, said: str | None) -> None:
    if said is None:
        assert parsed(schema)[0] == "TickReceived"
        return
    with pytest.raises(Undecodable, match=said):
        parsed(schema)


def test_an_empty_record_that_is_named_later_is_no_item_either() -> None:
    fields = [{"name": "one", "type": EMPTY}, {"name": "all", "type": {"type": "array"}}]
    fields[1]["type"]["items"] = "tapedeck.Empty"  # type: ignore[index] # plain JSON
    with pytest.raises(Undecodable, match="take no bytes"):
        parsed({**OURS, "fields": [*OURS["fields"], *fields]})


def test_a_deep_schema_ends_without_a_crash() -> None:
    deep: Any = "string"
    for _ in range(5_000):
        deep = {"type": "array", "items": deep}
    with pytest.raises(Undecodable, match="not usable"):
        parsed(with_field(deep))
