"""Many messages are read as each would be, or refused as it would be."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from events.envelope import Envelope, Message
from infra.stream import messages, wire
from infra.stream.wire import Record
from tests.infra.stream.test_wire import ENVELOPES, EVENT, IDS, TEXT

BROKEN = st.sampled_from(
    (None, b"", b"\0", b"\0\0\0\0", b"\1\0\0\0\7", b"\0\0\0\0\7", b"\0" * 980_001)
)
FIRST = Envelope(
    message_id="6f2d1c3e-8f5b-5d5c-9f57-0b4a7e1f9a10",
    source="test",
    sequence="1",
    time_us=0,
    correlation_id="6f2d1c3e-8f5b-5d5c-9f57-0b4a7e1f9a10",
    causation_id=None,
    tenant="t",
    actor="a",
)
MESSAGES = st.builds(Message, st.just(EVENT), TEXT, ENVELOPES)
VALUES = st.binary(max_size=40) | st.sampled_from(
    (
        *(b"", b"\xff", b"a\0", b"x" * 201, b"1a1", b"1\n2", b"9" * 201),
        b"2026-02-30T12:00:00.000000Z",
        b"2026-01-31T12:00:60.000000Z",
        b"2026-01-31T12:00:00.00000aZ",
        b"2026-01-31T12:00:00,000000Z",
        b"2026-01-31T12:00:00.000000+",
        b"2026-01-31 12:00:00.000000Z",
        b"2026-W05-6T12:00:00.00000Z0",
        b"2026-01-31T12:00:00Z",
        b"2026-01-31T12:00:00.000000+00:00",
        b"6F2D1C3E-8f5b-5d5c-9f57-0b4a7e1f9a10",
        b"6f2d1c3e-8f5b-5d5c-9f57-0b4a7e1f9a1g",
        b"6f2d1c3e08f5b05d5c09f5700b4a7e1f9a10",
    )
)


@given(st.lists(MESSAGES, min_size=1, max_size=6))
def test_what_is_ours(many: list[Message[Any]]) -> None:
    records = [as_record(message) for message in many]
    headers = [record.headers for record in records]
    assert messages.envelopes_of(headers) == [message.envelope for message in many]
    assert messages.read_all(records, IDS) == [wire.read(record, IDS) for record in records]
    assert messages.places_of(headers) == list(map(wire.place_of, headers))


@given(
    st.lists(MESSAGES, min_size=1, max_size=4),
    st.integers(0),
    st.integers(0),
    st.none() | VALUES,
    st.sampled_from(("value", "name", "missing", "twice")),
)
def test_what_is_not_quite_ours(
    many: list[Message[Any]], which: int, where: int, value: bytes | None, how: str
) -> None:
    records = [as_record(message) for message in many]
    which %= len(records)
    headers: list[Any] = list(records[which].headers)
    where %= len(headers)
    name, old = headers[where]
    headers[where : where + 1] = {
        "value": [(name, value)],
        "name": [("x", old)],
        "missing": [],
        "twice": [(name, old), (name, value)],
    }[how]
    records[which] = as_record(many[which], headers)
    assert said(lambda: messages.read_all(records, IDS)) == said(
        lambda: [wire.read(record, IDS) for record in records]
    )
    try:
        places = messages.places_of([record.headers for record in records])
    except (ValueError, TypeError, AttributeError):
        return  # they are gone through one by one
    assert places == [wire.place_of(record.headers) for record in records]


@given(st.lists(MESSAGES, min_size=2, max_size=4), st.sampled_from((None, b"\xff", b"a\0")))
def test_a_key_that_is_none(many: list[Message[Any]], key: bytes | None) -> None:
    records = [as_record(message) for message in many]
    first = records[0]
    records[0] = Record(first.topic, 1, 42, key, first.value, first.headers)
    assert said(lambda: messages.read_all(records, IDS)) == said(lambda: wire.read(records[0], IDS))


@given(st.lists(MESSAGES, min_size=1, max_size=4), st.integers(0), BROKEN)
def test_values_that_are_none(many: list[Message[Any]], which: int, value: bytes | None) -> None:
    records = [as_record(message) for message in many]
    which %= len(records)
    records[which] = replace(records[which], value=value)
    assert said(lambda: wire.events_of(records, IDS)) == said(
        lambda: [wire.event_of(record, IDS) for record in records]
    )


def test_one_name_of_many_is_none() -> None:
    named = [replace(EVENT, account=account) for account in ("alpha", "a" * 201, "gamma")]
    records = [as_record(Message(event, "k", FIRST)) for event in named]
    assert said(lambda: wire.events_of(records, IDS)) == said(
        lambda: [wire.event_of(record, IDS) for record in records]
    )


def as_record(message: Message[Any], headers: Any = None) -> Record:
    out = wire.write(message, IDS)
    return Record(out.topic, 1, 42, out.key, out.value, out.headers if headers is None else headers)


def said(read: Any) -> Any:
    """What was read, or why nothing was."""
    try:
        return read()
    except (ValueError, TypeError, AttributeError) as bad:
        return type(bad), str(bad)
