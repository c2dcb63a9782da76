"""The price of each minute: levels chained by days, minutes bridged between them.

A symbol's relative displacement from its anchor is a mix of a dollar factor, a risk factor and its
own noise. Day levels are first-order autoregressions from 2000-01-01 on: they wander without
leaving plausible prices. Inside a day a random walk of minutes, whose variance follows the hour
and the volatility regime, is bridged between two levels, so that any day is computed alone.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from infra.mt5.simulator.draws import Bits, Floats, Ints, bits, shocks, stream_key, uniforms
from infra.mt5.simulator.sessions import MINUTES_PER_DAY, is_open
from infra.mt5.simulator.settings import MarketSettings
from infra.mt5.simulator.specification import Specification

FIRST_DAY = 10_957  # 2000-01-01, counted from 1970
_LEVEL_MEMORY = 0.996
_DAYS_AHEAD = 512
_CACHED_DAYS = 48

_MOMENTUM_MINUTES = 15
_REGIME_LOOKBACK = 2 * MINUTES_PER_DAY
_REGIME_CHANGE_PER_MINUTE = 1 / 40
_REGIME_SHARES = np.array([0.30, 0.80, 0.97])  # calm, normal, active, storm: cumulated
_MARKET_SCALE = np.array([0.6, 1.0, 1.6, 2.8])
_OWN_SCALE = np.array([0.8, 1.0, 1.25, 1.6])
_MEAN_VARIANCE = 1.2784 * 1.0344  # of the two scales, at those shares
_MOMENTUM = np.array([0.0, 1.0, 1.5, 2.0])  # by regime of the market
_CLOSED_VARIANCE = 0.01  # what moves while nobody trades: the gap at the open

# Deviation by hour of UTC: Tokyo, London, New York, and the quiet after it.
_HOURS = (
    *(0.65, 0.70, 0.65, 0.60, 0.55, 0.60, 0.80, 1.15, 1.30, 1.20, 1.05, 1.00),
    *(1.15, 1.50, 1.60, 1.50, 1.25, 1.00, 0.85, 0.75, 0.65, 0.55, 0.50, 0.55),
)
_ROLLOVER = (21 * 60 + 55, 22 * 60 + 10)  # spreads widen while banks change the day


@dataclass(frozen=True, slots=True)
class DayPath:
    """One symbol's day in points, by minute; `mid` has one entry more, the next day's first."""

    mid: Floats
    deviation: Floats
    activity: Floats
    spread: Floats


class Paths:
    """The minutes of every symbol, any day, in any order."""

    def __init__(self, settings: MarketSettings) -> None:
        self._settings = settings
        self._levels: dict[str, Floats] = {}
        self.day = lru_cache(_CACHED_DAYS)(self._day)

    def _day(self, symbol: Specification, day: int) -> DayPath:
        """Compute a day: levels, regimes, innovations, bridge."""
        minute = np.arange(MINUTES_PER_DAY, dtype=np.int64) + day * MINUTES_PER_DAY
        market = self._regimes("market", day)
        own = self._regimes(symbol.name, day)
        volatility = _MARKET_SCALE[market] * _OWN_SCALE[own]
        variance = _SEASON * _SEASON * volatility * volatility / _MEAN_VARIANCE
        opened = is_open(self._settings, symbol, minute)
        variance = np.where(opened, variance, _CLOSED_VARIANCE)
        step = symbol.character.day_deviation * np.sqrt(variance / MINUTES_PER_DAY)
        walk = step * self._innovations(symbol, day, _MOMENTUM[market])
        first, last = self._level(symbol, day), self._level(symbol, day + 1)
        displacement = _bridged(walk, variance, first, last)
        anchor_points = symbol.character.anchor * 10**symbol.digits
        activity = np.where(opened, _ACTIVITY * (0.5 + 0.5 * volatility) / _MEAN_ACTIVITY, 0.0)
        return DayPath(
            mid=anchor_points * (1.0 + displacement),
            deviation=anchor_points * step,
            activity=activity,
            spread=symbol.character.spread_points * _SPREAD * (0.8 + 0.2 * volatility),
        )

    def _innovations(self, symbol: Specification, day: int, momentum: Floats) -> Floats:
        """A shock per minute, leaning the way of the minutes before it as `momentum` says."""
        start = day * MINUTES_PER_DAY - _MOMENTUM_MINUTES
        count = MINUTES_PER_DAY + _MOMENTUM_MINUTES
        mixed = self._mixed(symbol, "minute", start, count)
        summed = np.concatenate((np.zeros(1), np.cumsum(mixed)))
        before = summed[_MOMENTUM_MINUTES:-1] - summed[: -_MOMENTUM_MINUTES - 1]
        lean = self._settings.drift_strength * momentum * before / np.sqrt(_MOMENTUM_MINUTES)
        leaning: Floats = mixed[_MOMENTUM_MINUTES:] + lean
        return leaning

    def _mixed(self, symbol: Specification, scale: str, start: int, count: int) -> Floats:
        """The factors' shocks and the symbol's own, weighed so that the variance stays one."""
        seed, character = self._settings.seed, symbol.character
        dollar = shocks(stream_key(seed, scale, "dollar"), start, count)
        risk = shocks(stream_key(seed, scale, "risk"), start, count)
        alone = shocks(stream_key(seed, scale, symbol.name), start, count)
        rest = np.sqrt(1.0 - character.dollar**2 - character.risk**2)
        mixed: Floats = character.dollar * dollar + character.risk * risk + rest * alone
        return mixed

    def _level(self, symbol: Specification, day: int) -> float:
        """The relative displacement with which a day begins."""
        if day < FIRST_DAY:
            raise ValueError(f"day {day} is before {FIRST_DAY}, where the price history begins")
        known = self._levels.get(symbol.name)
        index = day - FIRST_DAY
        if known is None or index >= len(known):
            known = self._levels[symbol.name] = self._chain(symbol, index + _DAYS_AHEAD)
        return float(known[index])

    def _chain(self, symbol: Specification, count: int) -> Floats:
        scale = symbol.character.day_deviation
        moves = (scale * self._mixed(symbol, "day", 0, count)).tolist()
        level = 0.0
        chain = [level]
        for index, move in enumerate(moves):
            level = _LEVEL_MEMORY * level + move * self._day_share(FIRST_DAY + index)
            chain.append(level)
        return np.array(chain)

    def _day_share(self, day: int) -> float:
        """How much of a full day's deviation a day has: little on a weekend that is one."""
        weekend = self._settings.week == "fx" and (day - 4) % 7 >= 5
        return 0.2 if weekend else 1.0

    def _regimes(self, whose: str, day: int) -> Ints:
        """The volatility regime of each minute of a day.

        The chain stays where it is or, now and then, takes a new state at its long-run shares:
        its state is the last one taken, found by looking back.
        """
        key = stream_key(self._settings.seed, "regime", whose)
        start = day * MINUTES_PER_DAY - _REGIME_LOOKBACK
        drawn = bits(key, start, _REGIME_LOOKBACK + MINUTES_PER_DAY)
        return _last_taken(drawn)[_REGIME_LOOKBACK:]


def _last_taken(drawn: Bits) -> Ints:
    taken = uniforms(drawn) < _REGIME_CHANGE_PER_MINUTE
    taken[0] = True
    state = np.searchsorted(_REGIME_SHARES, uniforms(drawn << np.uint64(24)), side="right")
    since = np.maximum.accumulate(np.where(taken, np.arange(len(drawn)), 0))
    return state[since].astype(np.int64)


def _bridged(walk: Floats, variance: Floats, first: float, last: float) -> Floats:
    """The walk's sums, tilted to lead from one level to the other in step with its variance."""
    summed = np.concatenate((np.zeros(1), np.cumsum(walk)))
    share = np.concatenate((np.zeros(1), np.cumsum(variance)))
    share /= share[-1]
    tilted: Floats = first + summed + share * (last - first - summed[-1])
    return tilted


def _by_minute(hours: tuple[float, ...]) -> Floats:
    """Hourly figures drawn as lines from hour to hour."""
    minute = np.arange(MINUTES_PER_DAY)
    table = np.array([*hours, hours[0]])
    hour, part = minute // 60, (minute % 60) / 60
    joined: Floats = table[hour] * (1.0 - part) + table[hour + 1] * part
    return joined


def _mean(values: npt.NDArray[np.float64]) -> float:
    """The mean by plain summation: the library's pairwise sum may differ between processors."""
    return float(np.cumsum(values)[-1]) / len(values)


_SEASON = _by_minute(_HOURS)
_SEASON = _SEASON / np.sqrt(_mean(_SEASON * _SEASON))
_ACTIVITY = 0.3 + 0.7 * _SEASON
_MEAN_ACTIVITY = _mean(_ACTIVITY)
_SPREAD = np.ones(MINUTES_PER_DAY) + 0.35 * np.maximum(0.0, 1.0 - _SEASON)
_SPREAD[_ROLLOVER[0] : _ROLLOVER[1]] = 4.0
