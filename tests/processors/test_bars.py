"""Bars: what closes one, what a gap is, and what a late tick may not do."""

from __future__ import annotations

import pytest
from msgspec.structs import asdict

from events.bars import BarClosed
from processors.bars import BARS, TIMEFRAMES_S
from tests.processors.walks import SECOND_US, START_US, run, tick


def test_a_bar_closes_on_the_first_tick_at_its_end() -> None:
    before_end = [tick(0), tick(9.999)]
    assert run(BARS, before_end) == []
    assert [(b.timeframe_s, b.tick_count) for b in run(BARS, [*before_end, tick(10)])] == [(10, 2)]


def test_a_bar_holds_the_mids_of_its_ticks() -> None:
    ticks = [tick(1, 1.5), tick(2, 2.0), tick(3, 1.0), tick(4, 1.75), tick(12, 9.0)]
    assert run(BARS, ticks) == [
        BarClosed(
            symbol="EURUSD",
            timeframe_s=10,
            opened_at_us=START_US,
            closed_at_us=START_US + 10 * SECOND_US,
            observed_at_us=START_US + 12 * SECOND_US,
            open=1.5,
            high=2.0,
            low=1.0,
            close=1.75,
            bid_close=1.6875,
            ask_close=1.8125,
            spread_mean=0.125,
            tick_count=4,
            late_ticks=0,
            gap_bars=0,
            first_seq=1000,
            last_seq=4000,
        )
    ]


def test_a_tick_may_close_a_bar_of_every_timeframe_finest_first() -> None:
    closed = run(BARS, [tick(299), tick(300)])
    assert [b.timeframe_s for b in closed] == list(TIMEFRAMES_S)
    assert {(b.closed_at_us - START_US) / SECOND_US for b in closed} == {300}


def test_empty_spans_make_no_bar_and_are_counted_by_the_next() -> None:
    closed = run(BARS, [tick(1), tick(41), tick(51)])
    assert [(b.timeframe_s, b.gap_bars, b.tick_count) for b in closed] == [(10, 0, 1), (10, 3, 1)]


def test_a_late_tick_changes_no_price_and_is_counted_in_every_timeframe() -> None:
    on_time = [tick(1, 1.0), tick(11, 2.0), tick(301, 3.0)]
    late = [on_time[0], on_time[1], tick(9, 99.0), on_time[2]]
    plain = {b.closed_at_us: b for b in run(BARS, on_time) if b.timeframe_s == 10}
    for closed in run(BARS, late):
        first_bar = closed.opened_at_us == START_US and closed.timeframe_s == 10
        assert closed.late_ticks == (0 if first_bar else 1)
        assert closed.high <= 2.0
        if closed.timeframe_s == 10:
            expected = {**asdict(plain[closed.closed_at_us]), "late_ticks": closed.late_ticks}
            assert asdict(closed) == expected


def test_a_tick_out_of_order_in_the_open_span_joins_it_as_received() -> None:
    (closed,) = run(BARS, [tick(1, 1.0), tick(5, 2.0), tick(3, 1.5), tick(10)])
    assert (closed.close, closed.tick_count, closed.late_ticks) == (1.5, 3, 0)


@pytest.mark.parametrize("backfilled", [True, False])
def test_a_bar_is_history_if_the_tick_that_ends_it_is(backfilled: bool) -> None:
    (closed,) = run(BARS, [tick(1, backfilled=True), tick(10, backfilled=backfilled)])
    assert closed.backfilled is backfilled


def test_symbols_do_not_mix() -> None:
    other = tick(5, 7.0, symbol="XAUUSD")
    assert [b.high for b in run(BARS, [tick(1, 1.0), other, tick(10, 1.0)])] == [1.0]


def test_coarser_timeframes_are_whole_multiples_of_the_finest() -> None:
    assert [timeframe_s % TIMEFRAMES_S[0] for timeframe_s in TIMEFRAMES_S] == [0, 0, 0]
    assert sorted(TIMEFRAMES_S) == list(TIMEFRAMES_S)
