"""The quick way writes what the codec writes, for every class, and refuses what it refuses."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from events.market import QuoteQuarantined, TickReceived
from events.predictions import FeaturesComputed, PredictionMade
from schemas import codec, quick
from schemas.catalog import TYPES
from schemas.codec import PAYLOAD_BYTES_MAX, Unencodable
from schemas.quick_columns import encode_all
from schemas.samples import samples_of
from tests.schemas.strategies import messages

PATIENT = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
TICK = samples_of(TickReceived)[0]
REFUSAL = samples_of(QuoteQuarantined)[0]
FEATURES = samples_of(FeaturesComputed)[0]


@pytest.mark.parametrize("name", TYPES)
def test_the_bytes_are_those_of_the_codec(name: str) -> None:
    @PATIENT
    @given(messages(TYPES[name]))
    def are_the_same(message: Any) -> None:
        assert quick.encode(message) == codec.encode(message)
        assert quick.encode(message) == codec.encode(message)

    are_the_same()


@given(st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_of_any_size(number: int) -> None:
    quick.encode(TICK)
    for value in (number, number >> 8, number >> 20, number >> 40):
        tick = replace(TICK, source_seq=value, ts_source_us=-value - 1)
        assert quick.encode(tick) == codec.encode(tick)


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        (TICK, {"bid": math.nan}),
        (TICK, {"bid": math.inf, "ask": -math.inf}),
        (TICK, {"ask_volume": math.inf}),
        (TICK, {"bid": 1}),
        (TICK, {"flags": True}),
        (TICK, {"flags": 2**63}),
        (TICK, {"symbol": None}),
        (TICK, {"symbol": "\ud800"}),
        (FEATURES, {"values": (1.0, math.nan)}),
        (FEATURES, {"values": (1.0, 2)}),
        (FEATURES, {"values": [1.0]}),
        (REFUSAL, {"reason": "stale"}),
        (REFUSAL, {"raw": "x" * (PAYLOAD_BYTES_MAX + 1)}),
    ],
)
def test_what_the_codec_refuses_is_refused_in_its_words(message: Any, wrong: Any) -> None:
    quick.encode(message)
    bad = replace(message, **wrong)
    with pytest.raises(Unencodable) as refused:
        codec.encode(bad)
    with pytest.raises(Unencodable) as also:
        quick.encode(bad)
    with pytest.raises(Unencodable) as among_others:
        encode_all([message, bad, message])
    assert str(also.value) == str(among_others.value) == str(refused.value)


@pytest.mark.parametrize("name", TYPES)
def test_many_at_once_are_written_as_one_after_the_other(name: str) -> None:
    @PATIENT
    @given(st.lists(messages(TYPES[name]), max_size=4))
    def are_the_same(several: list[Any]) -> None:
        assert encode_all(several) == [codec.encode(message) for message in several]

    are_the_same()


@pytest.mark.parametrize(
    "time_us", [0, 2**48 - 1, 2**48, 2**55 - 1, 2**55, 2**63 - 1, -1, -(2**63) + 2**50, 2**63]
)
def test_times_of_any_day_are_written_or_refused_as_by_the_codec(time_us: int) -> None:
    several = [TICK, replace(TICK, ts_source_us=time_us)]
    try:
        written = [codec.encode(message) for message in several]
    except Unencodable:
        with pytest.raises(Unencodable):
            encode_all(several)
    else:
        assert encode_all(several) == written


def test_zeros_of_either_sign_are_told_apart() -> None:
    zeros = [replace(TICK, bid_volume=zero, ask_volume=zero) for zero in (0.0, -0.0, 0.0)]
    assert encode_all(zeros) == [codec.encode(message) for message in zeros]


def test_doubles_whose_sum_is_beyond_all_doubles_are_written() -> None:
    huge = replace(TICK, bid=1.7e308, ask=1.7e308)
    assert quick.encode(huge) == codec.encode(huge)


def test_the_classes_of_which_there_are_millions_are_quick() -> None:
    for kind in (TickReceived, QuoteQuarantined, FeaturesComputed, PredictionMade):
        assert quick.encoder(kind) is not codec.encode
