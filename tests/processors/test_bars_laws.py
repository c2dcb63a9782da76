"""Laws of bars over any stream of ticks, against a second implementation that is plainly slow."""

from __future__ import annotations

import copy
import hashlib
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.bars import BarClosed
from events.market import TickReceived
from processors.bars import BARS, TIMEFRAMES_S
from tests.processors.walks import (
    SECOND_US,
    run,
    run_with_a_snapshot,
    tick,
    tick_streams,
)

END = tick(10_000_000)
GOLDEN = "6cdb427eb4d4f094f856e4d8a6bdba1c56c63834c9a36d347ac08eaa286034c4"


@given(tick_streams())
def test_bars_are_what_grouping_the_ticks_gives(ticks: list[TickReceived]) -> None:
    closed = run(BARS, [*ticks, END])
    for timeframe_s in TIMEFRAMES_S:
        mine = [b for b in closed if b.timeframe_s == timeframe_s]
        groups = grouped([*ticks, END], timeframe_s)[:-1]
        assert [b.opened_at_us for b in mine] == [opened_at_us for opened_at_us, _, _ in groups]
        for bar, (_, joined, late) in zip(mine, groups, strict=True):
            assert_holds(bar, joined, late)


@given(tick_streams())
def test_every_tick_is_in_one_bar_or_late(ticks: list[TickReceived]) -> None:
    closed = run(BARS, [*ticks, END])
    for timeframe_s in TIMEFRAMES_S:
        mine = [b for b in closed if b.timeframe_s == timeframe_s]
        assert sum(b.tick_count + b.late_ticks for b in mine) == len(ticks)


@given(tick_streams())
def test_prices_lie_within_the_bar_and_bars_stand_in_line(ticks: list[TickReceived]) -> None:
    closed = run(BARS, [*ticks, END])
    for timeframe_s in TIMEFRAMES_S:
        mine = [b for b in closed if b.timeframe_s == timeframe_s]
        for bar in mine:
            assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
            assert bar.closed_at_us - bar.opened_at_us == timeframe_s * SECOND_US
            assert bar.opened_at_us % (timeframe_s * SECOND_US) == 0
            assert bar.closed_at_us <= bar.observed_at_us
        for before, after in pairwise(mine):
            skipped_us = after.opened_at_us - before.closed_at_us
            assert skipped_us == after.gap_bars * timeframe_s * SECOND_US


@given(tick_streams(), st.integers(0, 60))
def test_a_snapshot_anywhere_changes_nothing(ticks: list[TickReceived], after: int) -> None:
    whole = run(BARS, [*ticks, END])
    assert run_with_a_snapshot(BARS, [*ticks, END], after) == whole


@given(tick_streams())
def test_a_step_leaves_the_state_it_was_given(ticks: list[TickReceived]) -> None:
    state = BARS.initial
    for each in ticks:
        before = copy.deepcopy(state)
        state, outputs = BARS.step(state, each)
        assert BARS.step(before, each) == (state, outputs)


def test_bars_are_golden() -> None:
    ticks = [tick(n * 0.7, 1.0 + (n * 37 % 101) / 1024) for n in range(2_000)]
    closed = run(BARS, ticks)
    digest = hashlib.sha256(msgspec.json.encode(closed)).hexdigest()
    assert (len(closed), digest) == (166, GOLDEN), "bars changed: raise the version of BARS"


def grouped(
    ticks: list[TickReceived], timeframe_s: int
) -> list[tuple[int, list[TickReceived], int]]:
    """(opened_at_us, ticks that join, late ticks) per bar; late is older than the finest span."""
    finest_us, length_us = TIMEFRAMES_S[0] * SECOND_US, timeframe_s * SECOND_US
    groups: list[tuple[int, list[TickReceived], int]] = []
    newest_us = -1
    for each in ticks:
        finest_start_us = each.ts_source_us - each.ts_source_us % finest_us
        if finest_start_us < newest_us:
            opened_at_us, joined, late = groups[-1]
            groups[-1] = (opened_at_us, joined, late + 1)
            continue
        newest_us = finest_start_us
        start_us = each.ts_source_us - each.ts_source_us % length_us
        if not groups or start_us != groups[-1][0]:
            groups.append((start_us, [], 0))
        groups[-1][1].append(each)
    return groups


def assert_holds(bar: BarClosed, joined: list[TickReceived], late: int) -> None:
    mids = [(each.bid + each.ask) / 2 for each in joined]
    assert (bar.open, bar.high, bar.low, bar.close) == (mids[0], max(mids), min(mids), mids[-1])
    assert (bar.bid_close, bar.ask_close) == (joined[-1].bid, joined[-1].ask)
    assert (bar.first_seq, bar.last_seq) == (joined[0].source_seq, joined[-1].source_seq)
    assert (bar.tick_count, bar.late_ticks) == (len(joined), late)
    spread = sum(each.ask - each.bid for each in joined) / len(joined)
    assert bar.spread_mean == pytest.approx(spread, rel=1e-12, abs=1e-12)
