"""What cannot name anything is refused as it is read, where it can still be set aside."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from commands.accounts import HaltAccount
from events.envelope import first_cause
from events.market import TickReceived
from events.signals import SignalRaised
from infra.stream import messages, wire
from infra.stream.dead_letters import letter as letter_of
from infra.stream.identity import NAME_CHARS_MAX
from infra.stream.wire import Record
from schemas.samples import samples_of
from tests.infra.market import IDS

TOO_LONG = "x" * (NAME_CHARS_MAX + 1)
NO_NAMES = ("a\0b", TOO_LONG)


def record(event: Any, **headers: str) -> Record:
    """An event as a stranger may write it."""
    message = first_cause(event, source="test", sequence="1", key="EURUSD", time_us=0)
    out = wire.write(message, IDS)
    changed = {name: value.encode() for name, value in headers.items()}
    return Record(out.topic, 0, 7, out.key, out.value, [*(dict(out.headers) | changed).items()])


TICK = replace(samples_of(TickReceived)[0], symbol="EURUSD", source="test")
SIGNAL = replace(samples_of(SignalRaised)[0], symbol="EURUSD", signal_id="s")


def test_ours_are_read() -> None:
    for event in (TICK, SIGNAL):
        assert wire.read(record(event), IDS).event == event


@pytest.mark.parametrize("bad", NO_NAMES)
@pytest.mark.parametrize("header", ["ce_source", "ce_sequence", "ce_tenantid", "ce_actor"])
def test_headers_are_short_and_plain(header: str, bad: str) -> None:
    with pytest.raises(wire.Unreadable, match=header):
        wire.read(record(TICK, **{header: bad}), IDS)


@pytest.mark.parametrize("header", ["ce_id", "ce_correlationid", "ce_causationid"])
@pytest.mark.parametrize("bad", ["", "not a uuid", "g" * 36, TOO_LONG])
def test_identifiers_are_uuids(header: str, bad: str) -> None:
    with pytest.raises(wire.Unreadable, match=header):
        wire.read(record(TICK, **{header: bad}), IDS)


@pytest.mark.parametrize("bad", NO_NAMES)
@pytest.mark.parametrize("event", [TICK, SIGNAL], ids=lambda event: type(event).__name__)
def test_the_fields_that_name_something_are_too(event: Any, bad: str) -> None:
    naming = [name for name in ("symbol", "source", "signal_id") if hasattr(event, name)]
    for field in naming:
        odd = record(replace(event, **{field: bad}))
        for read in (wire.read, lambda one, ids: messages.read_all([one] * 200, ids)):
            with pytest.raises(ValueError, match=field):
                read(odd, IDS)


@pytest.mark.parametrize("bad", NO_NAMES)
def test_and_so_is_the_key(bad: str) -> None:
    with pytest.raises(ValueError, match="the key"):
        wire.read(replace(record(TICK), key=bad.encode()), IDS)


@pytest.mark.parametrize("bad", ["~", "1x", "1~2", "junk", "-1"])
def test_sequences_are_numbers(bad: str) -> None:
    odd = record(TICK, ce_sequence=bad)
    with pytest.raises(wire.Unreadable, match="the sequence"):
        wire.read(odd, IDS)
    with pytest.raises(wire.Unreadable, match="the sequence"):
        wire.place_of(odd.headers)
    assert wire.place_if_any(odd.headers) == ("", "")


def test_what_has_no_headers_stands_nowhere() -> None:
    assert wire.place_if_any(()) == ("", "")


def test_what_leaves_no_room_for_what_follows_is_refused() -> None:
    halt = HaltAccount(account="a", reason="R" * wire.VALUE_BYTES_MAX)
    for read in (wire.read, lambda one, ids: messages.read_all([one], ids)):
        with pytest.raises(wire.Unreadable, match="at most 980000"):
            read(record(halt), IDS)
    letter = letter_of(record(halt), "account-commands", "test", ValueError("x" * 9_999))
    assert len(wire.write(letter, IDS).value) < wire.VALUE_BYTES_MAX


def test_the_letter_of_a_huge_record_fits_into_a_record() -> None:
    huge = replace(record(TICK), key=b"k" * 523_000, value=b"\xff" * 523_000)
    letter = wire.write(letter_of(huge, huge.topic, "test", ValueError("huge")), IDS)
    assert len(letter.value) < 960_000
