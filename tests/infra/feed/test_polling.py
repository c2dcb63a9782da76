"""Each tick of a terminal is taken once and in order, however the reads overlap."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from infra.feed.polling import Feed, figures_of, figures_of_raw, raw_of
from infra.feed.quote_judge import Said
from infra.feed.quotes import FUTURE_US_MAX
from infra.mt5.tuples import TICK_DTYPE

START_MS = 1_700_000_000_000
NOW_US = (START_MS + 100_000) * 1_000
History = list[tuple[int, float, float]]

HISTORIES = st.lists(
    st.tuples(
        st.integers(0, 3_000), st.sampled_from([1.1, 1.2, math.nan]), st.sampled_from([1.2, 1.3])
    ),
    max_size=30,
).map(lambda ticks: sorted(((START_MS + t, b, a) for t, b, a in ticks), key=lambda tick: tick[0]))


def rows(history: History, since_s: int, count: int) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """What a terminal answers."""
    found = [tick for tick in history if tick[0] >= since_s * 1000][:count]
    answer = np.zeros(len(found), dtype=TICK_DTYPE)
    for row, (time_ms, bid, ask) in zip(answer, found, strict=True):
        row["time"], row["time_msc"] = time_ms // 1000, time_ms
        row["bid"], row["ask"], row["flags"] = bid, ask, 6
    return answer


@given(HISTORIES, st.lists(st.integers(0, 30)))
def test_every_tick_once_and_in_order(history: History, lengths: list[int]) -> None:
    feed = Feed("EURUSD", START_MS // 1000)
    said: list[Said] = []
    for known in [*sorted(lengths), len(history)]:
        said += feed.taken(rows(history[:known], feed.since_s, 10**6), NOW_US, 0)
    assert [one.source_seq for one in said] == list(range(1, len(history) + 1))
    taken = [(q.at_us // 1000, q.bid, q.ask) for one in said if (q := one.quote) is not None]
    assert np.array_equal(np.array(taken), np.array(history), equal_nan=True) or not history


@given(HISTORIES, st.integers(1, 5))
def test_pages_that_are_smaller_than_a_second_lose_nothing(history: History, page: int) -> None:
    feed = Feed("EURUSD", START_MS // 1000)
    said: list[Said] = []
    count = page
    while len(said) < len(history):
        before = len(said)
        said += feed.taken(rows(history, feed.since_s, count), NOW_US, 0)
        count = page if len(said) > before else count * 2
    assert len(said) == len(history)


def test_a_tick_from_the_future_hides_none_that_come_after_it() -> None:
    future_ms = (NOW_US + FUTURE_US_MAX) // 1000 + 60_000
    feed = Feed("EURUSD", START_MS // 1000)
    first = [(START_MS + 1, 1.1, 1.2), (future_ms, 1.1, 1.2)]
    then = [first[0], (START_MS + 5_000, 1.1, 1.2), first[1]]
    assert len(feed.taken(rows(first, feed.since_s, 99), NOW_US, 0)) == 2
    assert [s.raw for s in feed.taken(rows(then, feed.since_s, 99), NOW_US, 0)] == [
        raw_of(START_MS + 5_000, 1.1, 1.2, 6)
    ]
    assert feed.taken(rows(then, feed.since_s, 99), NOW_US, 0) == []


def test_what_is_older_than_the_session_is_history() -> None:
    feed = Feed("EURUSD", START_MS // 1000)
    history = [(START_MS + 1, 1.1, 1.2), (START_MS + 2, 1.1, 1.2)]
    said = feed.taken(rows(history, feed.since_s, 99), NOW_US, (START_MS + 2) * 1000)
    assert [one.backfilled for one in said] == [True, False]


@given(st.integers(0, 2**40), st.floats(), st.floats(), st.integers(0, 2**32 - 1))
def test_a_refused_tick_is_recognised_by_its_text(t: int, bid: float, ask: float, f: int) -> None:
    assert figures_of_raw(raw_of(t, bid, ask, f)) == figures_of(t, bid, ask, f)
