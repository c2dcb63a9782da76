"""Features: the registry, the warm-up, and that no output ever depends on what comes later."""

from __future__ import annotations

import hashlib
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from events.bars import BarClosed
from processors.features import (
    FEATURE_DIGEST,
    FEATURE_NAMES,
    FEATURES,
    FEATURES_OF_BARS,
    schema_digest,
)
from processors.training.stream import features_of
from processors.window import WARM_UP_BARS, WINDOW_BARS
from tests.processors.walks import bar, run, run_with_a_snapshot, tick, wandering_bars

WALK = wandering_bars(WARM_UP_BARS + 40)
GOLDEN_DIGEST = "6ca4cbdbacd7d7ce51eaaef4cab05737c3a1bcbac982a67a5632eda000dbdfbc"
GOLDEN_VALUES = "2042c71ead09d0751a1948e5be7596b49bc8cb660b8e38382d48ecf47b2fd21b"


def test_there_are_at_least_twenty_features_each_named_once_and_explained() -> None:
    assert len(FEATURES) >= 20
    assert len(set(FEATURE_NAMES)) == len(FEATURES)
    assert all(feature.formula for feature in FEATURES)
    assert all(1 <= feature.window_bars <= WINDOW_BARS for feature in FEATURES)


def test_the_digest_changes_with_what_the_values_mean() -> None:
    others = [
        schema_digest(FEATURES, version=2),
        schema_digest(FEATURES[1:], version=1),
        schema_digest((FEATURES[1], FEATURES[0], *FEATURES[2:]), version=1),
    ]
    assert FEATURE_DIGEST == GOLDEN_DIGEST
    assert len({FEATURE_DIGEST, *others}) == 4


def test_nothing_is_emitted_before_the_window_is_warm() -> None:
    assert run(FEATURES_OF_BARS, WALK[: WARM_UP_BARS - 1]) == []
    (first,) = run(FEATURES_OF_BARS, WALK[:WARM_UP_BARS])
    assert first.bars_seen == WARM_UP_BARS
    assert first.as_of_us == WALK[WARM_UP_BARS - 1].closed_at_us


def test_an_event_says_what_it_was_computed_from() -> None:
    last = replace(WALK[-1], backfilled=True)
    event = run(FEATURES_OF_BARS, [*WALK[:-1], last])[-1]
    assert (event.symbol, event.timeframe_s, event.feature_digest) == ("EURUSD", 10, FEATURE_DIGEST)
    assert (event.close, event.observed_at_us) == (last.close, last.observed_at_us)
    assert event.spread == last.ask_close - last.bid_close
    assert event.backfilled
    assert len(event.values) == len(FEATURES)


def test_symbols_and_timeframes_have_windows_of_their_own() -> None:
    minutes = [replace(each, timeframe_s=60) for each in WALK]
    gold = [replace(each, symbol="XAUUSD", close=each.close) for each in WALK]
    mixed = [each for three in zip(WALK, minutes, gold, strict=True) for each in three]
    alone = [event.values for event in run(FEATURES_OF_BARS, WALK)]
    assert [event.values for event in run(FEATURES_OF_BARS, mixed)] == [
        values for values in alone for _ in range(3)
    ]


def test_values_are_golden() -> None:
    lines = [
        " ".join(f"{value:.9g}" for value in event.values) for event in run(FEATURES_OF_BARS, WALK)
    ]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    assert digest == GOLDEN_VALUES, "features changed: raise SCHEMA_VERSION"


def test_features_depend_on_the_last_bars_alone() -> None:
    """So a state can be rebuilt from a bounded stretch of the tape, to the same bits."""
    for end in range(WARM_UP_BARS, len(WALK) + 1):
        whole = run(FEATURES_OF_BARS, WALK[:end])[-1]
        short = run(FEATURES_OF_BARS, WALK[end - WARM_UP_BARS : end])[-1]
        assert short.values == whole.values


@given(st.integers(WARM_UP_BARS, len(WALK) - 1), st.floats(0.5, 2.0))
@settings(max_examples=20)
def test_what_comes_later_never_moves_an_output(cut: int, shock: float) -> None:
    changed = [
        replace(
            each,
            open=each.open * shock,
            high=each.high * shock,
            low=each.low * shock,
            close=each.close * shock,
            tick_count=each.tick_count + 7,
        )
        for each in WALK[cut:]
    ]
    plain = run(FEATURES_OF_BARS, WALK)
    shocked = run(FEATURES_OF_BARS, [*WALK[:cut], *changed])
    known = cut - WARM_UP_BARS + 1
    assert shocked[:known] == plain[:known]


@given(st.integers(0, len(WALK)))
@settings(max_examples=20)
def test_a_snapshot_anywhere_changes_nothing(after: int) -> None:
    plain = run(FEATURES_OF_BARS, WALK)
    assert run_with_a_snapshot(FEATURES_OF_BARS, WALK, after) == plain


def test_batch_and_stream_are_one_computation() -> None:
    ticks = [tick(n * 4.0, 1.0 + (n * n * 37 % 101) / 1024) for n in range(400)]
    batch = list(features_of(ticks, timeframe_s=10))
    assert len(batch) > 50
    for size in (1, 100, 399):
        prefix = list(features_of(ticks[:size], timeframe_s=10))
        assert prefix == batch[: len(prefix)]


BARS = st.builds(
    lambda number, mids, ticks, spread, gap: bar(
        number,
        mids[-1],
        open=mids[0],
        high=max(mids),
        low=min(mids),
        tick_count=ticks,
        spread_mean=spread,
        gap_bars=gap,
    ),
    st.integers(0, 1000),
    st.lists(st.sampled_from((1e-5, 1.0, 1.0, 1.0001, 1.3, 5e4)), min_size=1, max_size=4),
    st.integers(1, 10_000),
    st.sampled_from((0.0, 1e-6, 0.01)),
    st.sampled_from((0, 0, 1, 100_000)),
)


@given(st.lists(BARS, min_size=WARM_UP_BARS, max_size=WARM_UP_BARS + 3))
@settings(max_examples=50)
def test_values_are_finite_whatever_the_market_does(bars: list[BarClosed]) -> None:
    for event in run(FEATURES_OF_BARS, bars):
        assert all(math.isfinite(value) for value in event.values)


def test_a_market_that_stands_still_has_features() -> None:
    event = run(FEATURES_OF_BARS, [bar(number) for number in range(WARM_UP_BARS)])[-1]
    flat = dict(zip(FEATURE_NAMES, event.values, strict=True))
    assert event.volatility == 0.0
    assert flat["relative_strength_14"] == 0.5
    still = ("return_1", "bollinger_20", "macd_12_26", "kurtosis_60", "spread_cost_1", "body_1")
    assert {flat[name] for name in still} == {0.0}


def test_the_unit_of_the_price_does_not_matter() -> None:
    """What makes symbols comparable: a model may learn from all of them at once."""
    plain = run(FEATURES_OF_BARS, WALK)[-1]
    scaled = run(FEATURES_OF_BARS, wandering_bars(len(WALK), scale=1024.0))[-1]
    assert scaled.values == pytest.approx(plain.values, rel=1e-6, abs=1e-9)
