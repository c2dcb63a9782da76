"""Every message class comes back as it was written, and nothing else is written or read."""

from __future__ import annotations

import math
import struct
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from events.market import TickReceived
from events.orders import OrderFilled
from events.predictions import FeaturesComputed
from events.values import Price, Side
from schemas.catalog import TYPES
from schemas.codec import PAYLOAD_BYTES_MAX, Undecodable, Unencodable, decode, decode_as, encode
from schemas.samples import samples_of
from tests.schemas.strategies import messages, record

PATIENT = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

TICK = samples_of(TickReceived)[0]
FILL = samples_of(OrderFilled)[0]
FEATURES = samples_of(FeaturesComputed)[0]


@pytest.mark.parametrize("name", TYPES)
def test_a_message_comes_back_whole(name: str) -> None:
    @PATIENT
    @given(messages(TYPES[name]))
    def comes_back(message: Any) -> None:
        payload = encode(message)
        again = decode(name, payload)
        assert again == message
        assert encode(again) == payload

    comes_back()


@pytest.mark.parametrize("name", TYPES)
def test_a_message_comes_back_with_the_types_of_its_class(name: str) -> None:
    for sample in samples_of(TYPES[name]):
        again = decode(name, encode(sample))
        assert repr(again) == repr(sample)


@pytest.mark.parametrize("name", TYPES)
def test_any_bytes_are_a_message_or_undecodable(name: str) -> None:
    whole, _ = (encode(sample) for sample in samples_of(TYPES[name]))
    cut = st.integers(0, len(whole) - 1).map(lambda end: whole[:end])
    bent = st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)).map(
        lambda at: whole[: at[0]] + bytes((at[1],)) + whole[at[0] + 1 :]
    )

    @PATIENT
    @given(st.binary() | cut | bent)
    def is_one_or_the_other(payload: bytes) -> None:
        try:
            message = decode(name, payload)
        except Undecodable:
            return  # and nothing else: any other exception fails the test
        assert decode(name, encode(message)) == message

    is_one_or_the_other()


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        (TICK, {"bid": 1}),
        (TICK, {"bid": Decimal(1)}),
        (TICK, {"bid": math.nan}),
        (TICK, {"ask_volume": -math.inf}),
        (TICK, {"flags": True}),
        (TICK, {"flags": 1.5}),
        (TICK, {"flags": 2**63}),
        (TICK, {"backfilled": 1}),
        (TICK, {"symbol": None}),
        (TICK, {"symbol": b"EURUSD"}),
        (TICK, {"symbol": "\ud800"}),
        (FILL, {"price": Decimal("1.1")}),
        (FILL, {"price": Decimal("1.123456789")}),
        (FILL, {"price": Decimal("NaN")}),
        (FILL, {"price": Decimal(10) ** 11}),
        (FILL, {"price": Decimal(10**18).scaleb(-8)}),
        (FILL, {"price": 1.1}),
        (FILL, {"side": "buy"}),
        (FEATURES, {"values": (1.0, math.nan)}),
        (FEATURES, {"values": (1.0, 2)}),
        (FEATURES, {"values": (1.0, None)}),
        (FEATURES, {"values": [1.0]}),
    ],
)
def test_a_value_of_another_type_is_not_written_and_its_field_is_named(
    message: Any, wrong: dict[str, Any]
) -> None:
    (field,) = wrong
    with pytest.raises(Unencodable, match=rf"^{type(message).__name__}\.{field} "):
        encode(replace(message, **wrong))


def test_bytes_after_the_message_are_refused() -> None:
    with pytest.raises(Undecodable, match="1 bytes follow the message"):
        decode("TickReceived", encode(TICK) + b"\x00")


def test_a_payload_has_a_size_it_may_not_exceed() -> None:
    long = replace(TICK, symbol="x" * PAYLOAD_BYTES_MAX)
    with pytest.raises(Unencodable, match=f"at most {PAYLOAD_BYTES_MAX}"):
        encode(long)
    with pytest.raises(Undecodable, match=f"at most {PAYLOAD_BYTES_MAX}"):
        decode("TickReceived", bytes(PAYLOAD_BYTES_MAX + 1))


def test_a_type_that_is_not_of_the_tape_is_refused() -> None:
    with pytest.raises(Undecodable, match="Elsewhere is not a type of this tape"):
        decode("Elsewhere", b"")


def test_a_nan_that_somebody_else_wrote_is_refused() -> None:
    payload = encode(replace(TICK, bid=1.25)).replace(_double(1.25), _double(math.nan))
    with pytest.raises(Undecodable, match=r"^TickReceived\.bid is nan"):
        decode("TickReceived", payload)


def test_a_decimal_of_too_many_digits_that_somebody_else_wrote_is_refused() -> None:
    kind = record("R", ("x", Price))
    unscaled = (10**19).to_bytes(9, "big", signed=True)
    with pytest.raises(Undecodable, match=r"^R\.x is "):
        decode_as(kind, bytes((2 * len(unscaled),)) + unscaled)


def test_a_symbol_that_this_version_does_not_know_is_not_taken_for_another() -> None:
    kind = record("R", ("side", Side))
    assert decode_as(kind, encode(kind(side=Side.BUY))) == kind(side=Side.BUY)
    with pytest.raises(Undecodable, match=r"^R\.side is 'unrecognised'"):
        decode_as(kind, b"\x00")


def _double(value: float) -> bytes:
    return struct.pack("<d", value)
