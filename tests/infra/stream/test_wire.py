"""A message survives the wire whole, and what is no message is refused with the reason."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from events.accounts import AccountHalted
from events.envelope import Envelope, Event, Message, Position
from infra.stream import wire

KINDS: list[type[Event]] = [AccountHalted]
UUIDS = st.uuids().map(str)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
SEQUENCES = st.text("0123456789.", max_size=20)
ENVELOPES = st.builds(
    Envelope,
    message_id=UUIDS,
    source=TEXT,
    sequence=SEQUENCES,
    time_us=st.integers(0, 4_000_000_000_000_000),
    correlation_id=UUIDS,
    causation_id=st.none() | UUIDS,
    tenant=TEXT,
    actor=TEXT,
)
EVENT = AccountHalted(account="alpha", reason="drill")


class OneType:
    """A registry that knows one class."""

    def id_of(self, kind: type[Event]) -> int:
        return KINDS.index(kind) + 7

    def writer(self, schema_id: int) -> tuple[str, Any]:
        return KINDS[schema_id - 7].__name__, None


IDS = OneType()


@given(ENVELOPES, TEXT)
def test_a_message_survives_the_wire(envelope: Envelope, key: str) -> None:
    sent = Message(EVENT, key, envelope)
    back = wire.read(record(wire.write(sent, IDS)), IDS)
    assert back == replace(sent, position=Position("account-events", 1, 42))


@given(st.integers(0, 4_000_000_000_000_000))
def test_times_survive_as_text(time_us: int) -> None:
    assert wire.micros(wire.rfc3339(time_us)) == time_us


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no zone"):
        wire.micros("2026-01-01T00:00:00")


def test_trace_context_is_correlation_and_message() -> None:
    sent = wire.write(Message(EVENT, "alpha", envelope()), IDS)
    assert dict(sent.headers)["traceparent"] == (
        b"00-22222222222222222222222222222222-1111111111111111-01"
    )


@pytest.mark.parametrize("missing", ["ce_id", "ce_source", "ce_sequence", "ce_time"])
def test_a_record_without_an_envelope_is_refused(missing: str) -> None:
    sent = wire.write(Message(EVENT, "alpha", envelope()), IDS)
    headers = [header for header in sent.headers if header[0] != missing]
    with pytest.raises(wire.Unreadable, match=missing):
        wire.envelope_of(headers)


@pytest.mark.parametrize("value", [None, b"", b"\x00\x00", b"\x01\x00\x00\x00\x07abc", b"{}"])
def test_a_value_without_frame_is_refused(value: bytes | None) -> None:
    sent = record(wire.write(Message(EVENT, "alpha", envelope()), IDS))
    with pytest.raises(wire.Unreadable, match="value"):
        wire.read(replace(sent, value=value), IDS)


def test_a_null_key_is_refused() -> None:
    sent = record(wire.write(Message(EVENT, "alpha", envelope()), IDS))
    with pytest.raises(wire.Unreadable, match="key"):
        wire.read(replace(sent, key=None), IDS)


def envelope() -> Envelope:
    return Envelope(
        message_id="11111111-1111-1111-1111-111111111111",
        source="test",
        sequence="1",
        time_us=1,
        correlation_id="22222222-2222-2222-2222-222222222222",
    )


def record(sent: wire.Outgoing) -> wire.Record:
    return wire.Record(sent.topic, 1, 42, sent.key, sent.value, sent.headers)
