"""The price process: by address, alike everywhere, and of the character that it states."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.mt5.simulator.draws import bits, normals, shocks, uniforms
from infra.mt5.simulator.settings import MarketSettings
from infra.mt5.simulator.ticks import Market, Ticks
from tests.infra.mt5.worlds import HOUR_MS, MINUTE_MS, START_MS

DAY_MS = 24 * HOUR_MS
# Change it together with `MODEL` in broker.py: books are rebuilt from these prices.
DIGEST = "183490c2eea0e91ad881b8edfd40bee43164ff4a707b1442a908c463652826b7"
MARKET = Market(MarketSettings())


def digest_of_a_few_hours() -> str:
    """The ticks of all symbols around a midnight."""
    market = Market(MarketSettings())
    midnight_ms = START_MS // DAY_MS * DAY_MS
    digest = sha256()
    for name in market.symbols:
        ticks = market.ticks(name, midnight_ms - HOUR_MS, midnight_ms + HOUR_MS)
        for column in (ticks.time_ms, ticks.bid, ticks.ask, ticks.flags):
            digest.update(column.tobytes())
    return digest.hexdigest()


def test_one_seed_gives_the_same_bits_on_every_machine() -> None:
    assert digest_of_a_few_hours() == DIGEST


@pytest.mark.thorough
@pytest.mark.parametrize("hash_seed", ["1", "4711"])
def test_another_process_gives_the_same_bits(hash_seed: str) -> None:
    code = f"from {__name__} import digest_of_a_few_hours; print(digest_of_a_few_hours())"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    made = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert made.stdout.strip() == DIGEST


@settings(max_examples=30, deadline=None)
@given(
    start=st.integers(0, 3 * DAY_MS),
    lengths=st.lists(st.integers(0, 2 * HOUR_MS), min_size=1, max_size=4),
    name=st.sampled_from(sorted(MARKET.symbols)),
)
def test_a_range_is_the_sum_of_its_parts(start: int, lengths: list[int], name: str) -> None:
    fresh = Market(MarketSettings())
    at = START_MS + start
    whole = MARKET.ticks(name, at, at + sum(lengths))
    parts: list[Ticks] = []
    for length in reversed(lengths):
        end = at + sum(lengths)
        lengths = lengths[:-1]
        parts.insert(0, fresh.ticks(name, end - length, end))
    assert whole.time_ms.tolist() == [t for part in parts for t in part.time_ms.tolist()]
    assert whole.bid.tolist() == [b for part in parts for b in part.bid.tolist()]


def test_seeds_and_symbols_differ() -> None:
    one = MARKET.ticks("EURUSD", START_MS, START_MS + HOUR_MS)
    other = Market(MarketSettings(seed=8)).ticks("EURUSD", START_MS, START_MS + HOUR_MS)
    assert one.bid.tolist() != other.bid.tolist()


def test_quotes_are_exact_decimals_in_order_and_never_crossed() -> None:
    for name, symbol in MARKET.symbols.items():
        ticks = MARKET.ticks(name, START_MS, START_MS + 6 * HOUR_MS)
        assert (np.diff(ticks.time_ms) >= 0).all()
        assert (np.diff(ticks.time_ms) == 0).any()
        assert (ticks.ask > ticks.bid).all()
        for price in (*ticks.bid[:200].tolist(), *ticks.ask[:200].tolist()):
            assert price == float(f"{price:.{symbol.digits}f}")


def test_the_rate_of_ticks_is_the_one_set() -> None:
    for rate in (0.5, 2.0):
        market = Market(MarketSettings(ticks_per_s=rate))
        count = len(market.ticks("EURUSD", START_MS - 7 * DAY_MS, START_MS + 7 * DAY_MS))
        assert count / (14 * 86_400) == pytest.approx(rate, rel=0.1)


def minute_moves(
    market: Market, name: str, days: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Relative moves from minute to minute."""
    at = np.arange(START_MS, START_MS + days * DAY_MS, MINUTE_MS)
    ticks = market.ticks(name, START_MS - HOUR_MS, START_MS + days * DAY_MS)
    price = mids(ticks)[np.searchsorted(ticks.time_ms, at, side="right") - 1]
    return np.diff(price) / price[:-1]


def mids(ticks: Ticks) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return (ticks.bid + ticks.ask) / 2


def test_moves_are_correlated_fat_tailed_and_clustered() -> None:
    euro, swiss = (minute_moves(MARKET, name, 10) for name in ("EURUSD", "USDCHF"))
    assert np.corrcoef(euro, swiss)[0, 1] < -0.4
    kurtosis = np.mean((euro - euro.mean()) ** 4) / euro.var() ** 2
    assert kurtosis > 6
    size = np.abs(euro)
    assert np.corrcoef(size[:-1], size[1:])[0, 1] > 0.1


@pytest.mark.thorough
@pytest.mark.parametrize(("strength", "low", "high"), [(0.0, -0.03, 0.03), (0.3, 0.1, 1.0)])
def test_only_the_drift_can_be_forecast(strength: float, low: float, high: float) -> None:
    market = Market(MarketSettings(drift_strength=strength))
    moves = minute_moves(market, "AUDUSD", 20)
    scaled = np.clip(moves / np.abs(moves).mean(), -3, 3)
    before = np.convolve(scaled, np.ones(15), "valid")[:-2]  # a minute apart: quotes bounce
    assert low < np.corrcoef(before, scaled[16:])[0, 1] < high


def test_the_week_of_foreign_exchange_has_a_weekend_and_metals_a_break() -> None:
    market = Market(MarketSettings(week="fx"))
    friday_22 = START_MS + 34 * HOUR_MS
    sunday_22 = friday_22 + 48 * HOUR_MS
    assert len(market.ticks("EURUSD", friday_22, sunday_22)) == 0
    assert len(market.ticks("EURUSD", sunday_22, sunday_22 + HOUR_MS)) > 0
    assert len(market.ticks("XAUUSD", START_MS + 9 * HOUR_MS, START_MS + 10 * HOUR_MS)) == 0
    last, first = (market.quote("EURUSD", at) for at in (sunday_22 - 1, sunday_22 + MINUTE_MS))
    assert last is not None
    assert first is not None
    assert (last.time_ms < friday_22, last.bid != first.bid) == (True, True)
    assert market.is_open("EURUSD", friday_22 - 1)
    assert not market.is_open("EURUSD", friday_22)


def test_the_servers_clock_shifts_stamps_not_prices() -> None:
    moved = Market(MarketSettings(server_offset_s=7200))
    there = moved.ticks("EURUSD", START_MS + 2 * HOUR_MS, START_MS + 3 * HOUR_MS)
    here = MARKET.ticks("EURUSD", START_MS, START_MS + HOUR_MS)
    assert there.bid.tolist() == here.bid.tolist()
    assert (there.time_ms - here.time_ms == 2 * HOUR_MS).all()


def test_draws_have_the_moments_they_promise() -> None:
    drawn = bits(99, 0, 400_000)
    assert bits(99, 1000, 5).tolist() == drawn[1000:1005].tolist()
    assert uniforms(drawn).mean() == pytest.approx(0.5, abs=0.005)
    for made in (normals(drawn), shocks(99, 0, 400_000)):
        assert made.mean() == pytest.approx(0.0, abs=0.01)
        assert made.var() == pytest.approx(1.0, abs=0.03)
