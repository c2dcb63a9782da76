"""Made-up markets: ticks and bars that look like some, the same on every machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from hypothesis import strategies as st

from events.bars import BarClosed
from events.envelope import Event
from events.market import TickReceived
from processors.processor import Processor

START_US = 1_700_000_000_000_000 - 1_700_000_000_000_000 % 300_000_000
SECOND_US = 1_000_000


def tick(at_s: float, mid: float = 1.25, **over: Any) -> TickReceived:
    """A quote `at_s` seconds after the start, a sixteenth wide on both sides of `mid`."""
    at_us = START_US + round(at_s * SECOND_US)
    fields = {
        "symbol": "EURUSD",
        "source": "test",
        "source_seq": round(at_s * 1000),
        "ts_source_us": at_us,
        "ts_received_us": at_us,
        "bid": mid - 0.0625,
        "ask": mid + 0.0625,
    }
    return TickReceived(**{**fields, **over})


def bar(number: int, close: float = 1.25, **over: Any) -> BarClosed:
    """The 10 s bar with this number that opened where it closed, unless told otherwise."""
    opened_at_us = START_US + number * 10 * SECOND_US
    fields = {
        "symbol": "EURUSD",
        "timeframe_s": 10,
        "opened_at_us": opened_at_us,
        "closed_at_us": opened_at_us + 10 * SECOND_US,
        "observed_at_us": opened_at_us + 11 * SECOND_US,
        "open": close,
        "high": close,
        "low": close,
        "close": close,
        "bid_close": close - 0.0001,
        "ask_close": close + 0.0001,
        "spread_mean": 0.0002,
        "tick_count": 5,
        "late_ticks": 0,
        "gap_bars": 0,
        "first_seq": number,
        "last_seq": number,
    }
    return BarClosed(**{**fields, **over})


def wandering_bars(count: int, seed: int = 1, scale: float = 1.0) -> list[BarClosed]:
    """Bars of a random walk from a plain congruential generator: integers, so exact anywhere."""
    bars, price = [], 120_000
    for number in range(count):
        moves = []
        for _ in range(4):
            seed = (seed * 1_103_515_245 + 12_345) % 2**31
            moves.append(price := price + (seed >> 16) % 41 - 20)
        mids = [scale * each / 100_000 for each in moves]
        bars.append(
            bar(
                number,
                mids[-1],
                open=mids[0],
                high=max(mids),
                low=min(mids),
                spread_mean=scale * (10 + (seed >> 20) % 9) / 100_000,
                tick_count=1 + (seed >> 18) % 12,
                gap_bars=1 if (seed >> 10) % 17 == 0 else 0,
            )
        )
    return bars


def run(processor: Processor[Any, Any, Any], events: Iterable[Event]) -> list[Any]:
    """All that the processor makes of the events, each key with its own state."""
    states: dict[str, Any] = {}
    outputs: list[Any] = []
    for event in events:
        key = processor.key(event)
        states[key], made = processor.step(states.get(key, processor.initial), event)
        outputs += made
    return outputs


def run_with_a_snapshot(
    processor: Processor[Any, Any, Any], events: Sequence[Event], after: int
) -> list[Any]:
    """As `run` for one key, but the state is written and read back after so many events."""
    state = processor.initial
    outputs: list[Any] = []
    for number, event in enumerate(events):
        if number == after:
            state = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=processor.state)
        state, made = processor.step(state, event)
        outputs += made
    return outputs


@st.composite
def tick_streams(draw: st.DrawFn, size_max: int = 60) -> list[TickReceived]:
    """Ticks of one symbol: bursts, gaps, and some that are older than those before them."""
    steps = draw(
        st.lists(
            st.tuples(
                st.one_of(st.integers(0, 4_000), st.integers(-15_000, 400_000)),
                st.integers(1, 4_000),
                st.integers(0, 50),
            ),
            min_size=1,
            max_size=size_max,
        )
    )
    ticks, at_ms = [], 1_000_000
    for number, (step_ms, mid, width) in enumerate(steps):
        at_ms += step_ms
        price = mid / 1024
        ticks.append(tick(at_ms / 1000, bid=price, ask=price + width / 1024, source_seq=number))
    return ticks
