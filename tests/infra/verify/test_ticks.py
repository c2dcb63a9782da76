"""The drill's check of the ticks: a lost head, tail, middle, repeat or symbol is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from msgspec.structs import replace

from events.envelope import Message
from events.market import TickReceived
from infra.verify.checks import every_tick_once_in_order
from infra.verify.evidence import Evidence, Quote, Tape, seconds_due
from tests.infra.market import tick
from tests.orders import said

COUNT = 100
SYMBOLS = ("EURUSD", "GBPUSD")


def ticks_of(symbol: str) -> list[Message[TickReceived]]:
    """A tick each second."""
    return [said(tick(symbol, 1_000 * number), number) for number in range(1, COUNT + 1)]


def evidence(kept: Mapping[str, Sequence[Message[TickReceived]]]) -> Evidence:
    """A venue that quoted all the time, and a tape that has some of it.

    That the bridge was there is known from the tenth second on.
    """
    raw = {"market-data-events": [m for each in kept.values() for m in each]}
    tape, told = Tape(raw, raw), [m.event for m in ticks_of("EURUSD")]
    fed_us = (told[10].ts_source_us, told[-1].ts_source_us)
    first_s, last_s = seconds_due(tape, fed_us)
    quotes: dict[str, list[Quote]] = {
        symbol: [
            (event.ts_source_us // 1_000, event.bid, event.ask)
            for event in (m.event for m in ticks_of(symbol))
            if first_s <= event.ts_source_us // 1_000_000 <= last_s
        ]
        for symbol in SYMBOLS
    }
    return Evidence(tape, [], quotes, {}, fed_us=fed_us)


@pytest.mark.parametrize(
    ("lost", "holds"),
    [
        (slice(0, 0), True),
        (slice(COUNT - 3, COUNT), True),  # of the last five seconds nothing is asked
        (slice(COUNT // 2, COUNT), False),
        (slice(0, COUNT // 2), False),
        (slice(0, 1), False),
        (slice(40, 41), False),
        (slice(0, COUNT), False),
    ],
)
def test_what_one_symbol_lost_is_told(lost: slice, holds: bool) -> None:
    kept = ticks_of("GBPUSD")
    del kept[lost]
    tape = {"EURUSD": ticks_of("EURUSD"), "GBPUSD": kept}
    assert every_tick_once_in_order(evidence(_renumbered(tape))).holds is holds


def test_a_repeat_is_told() -> None:
    ticks = ticks_of("EURUSD")
    tape = {"EURUSD": [*ticks, ticks[-1]], "GBPUSD": ticks_of("GBPUSD")}
    assert not every_tick_once_in_order(evidence(tape)).holds


@pytest.mark.parametrize(
    ("kept", "holds"),
    [
        (slice(0, COUNT), True),
        (slice(10, COUNT - 3), True),  # began when it was seen to be there
        (slice(12, COUNT), False),
        (slice(0, COUNT - 10), False),
    ],
)
def test_what_all_symbols_lost_is_told(kept: slice, holds: bool) -> None:
    tape = {symbol: ticks_of(symbol)[kept] for symbol in SYMBOLS}
    assert every_tick_once_in_order(evidence(_renumbered(tape))).holds is holds


def _renumbered(
    tape: dict[str, list[Message[TickReceived]]],
) -> dict[str, Sequence[Message[TickReceived]]]:
    """Numbers without a hole: the loss shows by the venue's quotes alone."""
    return {
        symbol: [
            replace(m, event=replace(m.event, source_seq=n)) for n, m in enumerate(messages, 1)
        ]
        for symbol, messages in tape.items()
    }
