"""The traps of a schema's evolution: each is refused where it is frozen, where it is registered
and where bytes are read, with the name of the field. What moves its meaning honestly is upcast."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from events.envelope import Event
from events.upcast import Upcast
from events.values import Price, price
from infra.registry import decisions
from infra.registry.canonical import canonical
from infra.registry.refusals import Refusal
from infra.registry.state import State
from schemas import codec, freeze
from schemas.compatibility import Level
from schemas.versions import Frozen, Refused
from tests.schemas.strategies import enum, record

RAW = record("R", ("at", int))
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 18}
ENUM = {"type": "enum", "name": "Side", "symbols": ["buy", "sell"]}


def field(name: str, avro: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": avro, **more}


def of(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": "R", "namespace": "tapedeck", "fields": list(fields)}


def long(logical: str) -> dict[str, Any]:
    return {"type": "long", "logicalType": logical}


TRAPS = {
    "a rename": (field("bid", "double"), field("offer", "double"), "bid: "),
    "a rename that defaults hide": (
        field("at_ms", "long", default=0),
        field("at_us", "long", default=0),
        "at_ms: renamed to at_us",
    ),
    "a rename by an alias": (
        field("count", "int", default=0),
        field("number", "long", default=0, aliases=["count"]),
        "count: renamed to number",
    ),
    "a symbol that old readers do not know": (
        field("side", ENUM),
        field("side", {**ENUM, "symbols": ["buy", "sell", "hold"]}),
        "side: ",
    ),
    "symbols in another order": (
        field("side", {**ENUM, "default": "buy"}),
        field("side", {**ENUM, "symbols": ["sell", "buy"], "default": "buy"}),
        "side: the symbols changed their order",
    ),
    "the scale of a decimal": (
        field("fee", {**DECIMAL, "scale": 2}),
        field("fee", {**DECIMAL, "scale": 4}),
        "fee: scale was 2 and cannot become 4",
    ),
    "the order of a union": (
        field("note", ["null", "long", "string"]),
        field("note", ["null", "string", "long"]),
        "note: the branches of the union changed their order",
    ),
    "milliseconds that become microseconds": (
        field("at", long("timestamp-millis")),
        field("at", long("timestamp-micros")),
        "at: logicalType was 'timestamp-millis' and cannot become 'timestamp-micros'",
    ),
    "microseconds that become a bare number": (
        field("at", long("timestamp-micros")),
        field("at", "long"),
        "at: logicalType was 'timestamp-micros' and cannot become absent",
    ),
}
TRAP = pytest.mark.parametrize(("old", "new", "said"), TRAPS.values(), ids=TRAPS)


@TRAP
def test_a_trap_is_refused_where_it_would_be_frozen(
    old: Any, new: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = (Frozen("R", 1, of(old), ()),)
    monkeypatch.setattr(freeze, "TYPES", {"R": RAW})
    monkeypatch.setattr(freeze, "schema_of", lambda _kind: of(new))
    with pytest.raises(Refused) as refused:
        freeze.to_freeze(kept)
    assert said in str(refused.value)
    assert any(said in fault for fault in freeze.thaw_faults(kept))


@TRAP
def test_a_trap_is_refused_where_it_would_be_registered(old: Any, new: Any, said: str) -> None:
    state = State()
    for ask in (
        decisions.set_level("tapedeck.R", Level.FULL_TRANSITIVE),
        decisions.register("tapedeck.R", canonical(json.dumps(of(old)))),
    ):
        state = state.after(ask(state)[0])
    with pytest.raises(Refusal) as refused:
        decisions.register("tapedeck.R", canonical(json.dumps(of(new))))(state)
    assert said in str(refused.value)


def test_every_version_is_looked_at_and_not_the_last_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    first = of(field("a", "int"), field("b", "int", default=1))
    kept = (Frozen("R", 1, first, ()), Frozen("R", 2, of(field("a", "int")), ()))
    monkeypatch.setattr(freeze, "TYPES", {"R": record("R", ("a", int), ("c", int, 0))})
    with pytest.raises(Refused) as refused:
        freeze.to_freeze((*kept, Frozen("R", 3, of(field("a", "string")), ())))
    assert "a: " in str(refused.value)
    monkeypatch.setattr(freeze, "TYPES", {"R": record("R", ("a", int), ("b", int, 2))})
    with pytest.raises(Refused, match="b: the default changed"):
        freeze.to_freeze(kept)


def test_a_symbol_of_a_later_day_is_no_other_one() -> None:
    today = record("R", ("side", enum("Side", "buy", "sell")))
    side = enum("Side", "buy", "sell", "hold")
    later: Any = record("R", ("side", side))
    written = codec.encode(later(side=side["HOLD"]))
    with pytest.raises(codec.Undecodable, match=r"R.side is "):
        codec.decode_as(today, written, codec.plan_of(later).schema)


def test_golden_bytes_that_mean_something_else_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freeze, "TYPES", {"R": record("R", ("a", int), ("b", str))})
    (kept,) = freeze.to_freeze(())
    assert freeze.golden_faults((kept,)) == ()
    full, bare = kept.golden
    other = {**full, "value": {**full["value"], "a": 1}}
    cut = {**bare, "bytes": bare["bytes"][:-2]}
    moved, unread = freeze.thaw_faults((Frozen("R", 1, kept.schema, (other, cut)),))
    assert moved == "R.v1: its golden bytes mean another a"
    assert unread.startswith("R.v1: its golden bytes cannot be read any more: R: ")


def test_a_meaning_that_moved_is_upcast(monkeypatch: pytest.MonkeyPatch) -> None:
    then: Any = record("R", ("spread_points", int))
    now: Any = record("R", ("spread_points", int), ("spread", Price | None, None))

    def fill(event: Any) -> Event:
        filled: Event = replace(event, spread=price(event.spread_points / 10**5))
        return filled

    monkeypatch.setattr(codec, "UPCASTS", (Upcast(now, "spread", fill),))
    old, new = codec.plan_of(then).schema, codec.plan_of(now).schema
    read = codec.decode_as(now, codec.encode(then(spread_points=12)), old)
    assert read == now(spread_points=12, spread=price("0.00012"))
    same = now(spread_points=12)
    assert codec.decode_as(now, codec.encode(same), new) == same
    monkeypatch.setattr(codec, "UPCASTS", (Upcast(now, "spread", lambda e: e.spread_points / 0),))
    with pytest.raises(codec.Undecodable, match=r"R\.spread: division by zero"):
        codec.decode_as(now, codec.encode(then(spread_points=12)), old)
