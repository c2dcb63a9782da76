"""The quick way reads what the codec reads, for every class, and refuses what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from events.bars import BarClosed
from events.market import TickReceived
from events.predictions import FeaturesComputed, PredictionMade
from schemas import codec, quick_read
from schemas.catalog import TYPES
from schemas.codec import Undecodable, plan_of
from schemas.samples import samples_of
from tests.schemas.strategies import messages

PATIENT = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
MILLIONS = (TickReceived, BarClosed, FeaturesComputed, PredictionMade)
TICK = samples_of(TickReceived)[0]


def by_codec(name: str, payload: bytes) -> Any:
    """The event, or that it is refused."""
    try:
        return codec.decode(name, payload, plan_of(TYPES[name]).schema)
    except Undecodable:
        return Undecodable


def quickly(name: str, payload: bytes) -> Any:
    """The same of the quick way."""
    try:
        return quick_read.decode(name, payload, plan_of(TYPES[name]).schema)
    except Undecodable:
        return Undecodable


@pytest.mark.parametrize("name", TYPES)
def test_what_was_written_is_read(name: str) -> None:
    @PATIENT
    @given(messages(TYPES[name]))
    def is_read(message: Any) -> None:
        assert quickly(name, codec.encode(message)) == message

    is_read()


@pytest.mark.parametrize("kind", MILLIONS)
def test_damaged_bytes_are_read_or_refused_as_the_codec_does(kind: type[Any]) -> None:
    name = kind.__name__

    @settings(PATIENT, max_examples=200)
    @given(st.data())
    def is_the_same(data: st.DataObject) -> None:
        payload = bytearray(codec.encode(samples_of(kind)[0]))
        for _ in range(data.draw(st.integers(1, 3))):
            payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
        cut = bytes(payload[: data.draw(st.integers(0, len(payload)))])
        for damaged in (bytes(payload), cut, bytes(payload) + b"\x00"):
            assert quickly(name, damaged) == by_codec(name, damaged)

    is_the_same()


@given(st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_and_times_of_any_size(number: int) -> None:
    for value in (number, number >> 8, number >> 14, number >> 28, number >> 40):
        tick = replace(TICK, source_seq=value, ts_source_us=-value - 1, ts_received_us=value)
        assert quickly("TickReceived", codec.encode(tick)) == tick


@given(st.lists(st.integers(0, 2**56 - 1), max_size=50))
def test_times_do_not_disturb_each_other(times_us: list[int]) -> None:
    for time_us in times_us:
        tick = replace(TICK, ts_source_us=time_us, ts_received_us=time_us ^ 1)
        assert quickly("TickReceived", codec.encode(tick)) == tick


def test_another_writer_is_left_to_the_codec() -> None:
    payload = codec.encode(TICK)
    written = dict(plan_of(TickReceived).schema)
    assert quick_read.decode("TickReceived", payload, written) == TICK


@pytest.mark.parametrize("kind", MILLIONS)
def test_the_classes_of_which_there_are_millions_are_quick(
    kind: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    times = [name for name in kind.__struct_fields__ if name.endswith("_us")]
    message = replace(samples_of(kind)[0], **dict.fromkeys(times, 1_700_000_000_000_000))
    payload = codec.encode(message)
    monkeypatch.setattr(codec, "decode_as", None)
    assert quickly(kind.__name__, payload) == message
