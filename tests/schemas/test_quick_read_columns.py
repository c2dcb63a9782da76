"""Many payloads at once are read as one by one, whatever stands among them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from events.bars import BarClosed
from events.market import TickReceived
from events.predictions import FeaturesComputed, PredictionMade
from schemas import codec, quick_read, quick_read_columns
from schemas.catalog import TYPES
from schemas.codec import Undecodable, plan_of
from schemas.quick_read_columns import ALIKE_MIN
from schemas.samples import samples_of
from tests.schemas.strategies import messages

PATIENT = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
MILLIONS = (TickReceived, BarClosed, FeaturesComputed, PredictionMade)
NOW_US = 1_700_000_000_000_000


def together(name: str, payloads: list[bytes]) -> Any:
    """The events, or that one is refused."""
    try:
        return quick_read_columns.decode_all(name, payloads, plan_of(TYPES[name]).schema)
    except Undecodable:
        return Undecodable


def one_by_one(name: str, payloads: list[bytes]) -> Any:
    """The same, each by itself."""
    try:
        return [quick_read.decode(name, p, plan_of(TYPES[name]).schema) for p in payloads]
    except Undecodable:
        return Undecodable


def alike(kind: type[Any], count: int = 2 * ALIKE_MIN) -> list[Any]:
    """Messages of a class as a stream has them: their times differ, and little else."""
    times = [name for name in kind.__struct_fields__ if name.endswith("_us")]
    first = samples_of(kind)[0]
    return [replace(first, **dict.fromkeys(times, NOW_US + n)) for n in range(count)]


@pytest.mark.parametrize("name", TYPES)
def test_what_was_written_is_read_in_its_order(name: str) -> None:
    @PATIENT
    @given(st.lists(messages(TYPES[name]), min_size=1, max_size=6), st.randoms())
    def is_read(some: list[Any], luck: Any) -> None:
        many = [luck.choice(some) for _ in range(3 * ALIKE_MIN)]
        assert together(name, [codec.encode(message) for message in many]) == many

    is_read()


@pytest.mark.parametrize("kind", MILLIONS)
def test_a_damaged_one_is_read_or_refused_as_by_itself(kind: type[Any]) -> None:
    whole = [codec.encode(message) for message in alike(kind)]

    @settings(PATIENT, max_examples=200)
    @given(st.data())
    def is_the_same(data: st.DataObject) -> None:
        payloads = list(whole)
        places = st.integers(0, len(payloads) - 1)
        for hit in data.draw(st.lists(places, min_size=1, max_size=3, unique=True)):
            damaged = bytearray(payloads[hit])
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
            payloads[hit] = bytes(damaged[: data.draw(st.integers(0, 2 * len(damaged)))])
        assert together(kind.__name__, payloads) == one_by_one(kind.__name__, payloads)

    is_the_same()


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=6))
def test_whole_numbers_of_any_size(numbers: list[int]) -> None:
    ticks = [
        replace(tick, source_seq=number >> shift, ts_source_us=-number - 1)
        for tick, number in zip(alike(TickReceived), numbers * 2 * ALIKE_MIN, strict=False)
        for shift in (0, 8, 40)
    ]
    assert together("TickReceived", [codec.encode(tick) for tick in ticks]) == ticks


@pytest.mark.parametrize("kind", MILLIONS)
def test_several_layouts_among_the_classes_of_which_there_are_millions_are_quick(
    kind: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    many = alike(kind, 4 * ALIKE_MIN)
    many = [replace(one, symbol=("EURUSD", "GOLD")[n % 2]) for n, one in enumerate(many)]
    payloads = [codec.encode(message) for message in many]
    monkeypatch.setattr(quick_read, "decode", None)
    assert together(kind.__name__, payloads) == many


def test_two_layouts_of_one_size_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = alike(TickReceived, 4 * ALIKE_MIN)
    names = (("GOLD", "simulator"), ("EURUSD", "terminal"[:7]))
    many = [replace(t, symbol=names[n % 2][0], source=names[n % 2][1]) for n, t in enumerate(ticks)]
    payloads = [codec.encode(message) for message in many]
    assert len(set(map(len, payloads))) == 1
    monkeypatch.setattr(quick_read, "decode", None)
    assert together("TickReceived", payloads) == many


def test_another_writer_is_left_to_the_codec() -> None:
    many = alike(TickReceived)
    written = dict(plan_of(TickReceived).schema)
    payloads = [codec.encode(message) for message in many]
    assert quick_read_columns.decode_all("TickReceived", payloads, written) == many
