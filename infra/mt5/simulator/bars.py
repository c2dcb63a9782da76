"""Bars, built from the ticks: bid prices, the number of ticks, the last spread."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from infra.mt5 import constants as mt5
from infra.mt5.simulator.draws import Ints
from infra.mt5.simulator.ticks import HOUR_MS, Market, Ticks
from infra.mt5.tuples import RATE_DTYPE

Rows = npt.NDArray[np.void]

_HOUR_S = 3600
_DAY_S = 86_400
_WEEK_S = 7 * _DAY_S
_FIRST_SUNDAY_S = 3 * _DAY_S  # 1970-01-04; weeks begin on Sunday
_CACHED_HOURS = 4096
_HOURLY = 0x4000  # timeframes from an hour to a day are this plus their hours

SECONDS = {
    value: (value - _HOURLY) * _HOUR_S if value & _HOURLY else value * 60
    for name, value in vars(mt5).items()
    if name.startswith("TIMEFRAME_") and not value & 0x8000
}
SECONDS[mt5.TIMEFRAME_W1] = _WEEK_S
SECONDS[mt5.TIMEFRAME_MN1] = 31 * _DAY_S  # the longest


class Bars:
    """The bars of a market, up to a moment."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._hour = lru_cache(_CACHED_HOURS)(self._made)

    def opened_between(
        self, name: str, timeframe: int, from_s: int, to_s: int, now_ms: int
    ) -> Rows:
        """Bars whose opening time is in a range, both ends included, the open bar among them."""
        floor_s = now_ms // 1000 - self._market.settings.history_days * _DAY_S
        start = _opening(timeframe)
        first = int(start(np.array([max(from_s, floor_s)]))[0])
        last_ms = min(now_ms + 1, (to_s + SECONDS[timeframe]) * 1000)
        bars = _grouped(self._minutes(name, first * 1000, last_ms, now_ms), start)
        kept: Rows = bars[(bars["time"] >= max(from_s, floor_s)) & (bars["time"] <= to_s)]
        return kept

    def last(self, name: str, timeframe: int, until_s: int, count: int, now_ms: int) -> Rows:
        """The last `count` bars that opened at or before a time."""
        span_s = SECONDS[timeframe] * (count + 1)
        until_s = min(until_s, now_ms // 1000)
        longest_s = self._market.settings.history_days * _DAY_S
        while True:
            bars = self.opened_between(name, timeframe, until_s - span_s, until_s, now_ms)
            if len(bars) >= count or span_s > longest_s:
                return bars[len(bars) - min(count, len(bars)) :]
            span_s = 2 * span_s + _WEEK_S

    def _minutes(self, name: str, from_ms: int, to_ms: int, now_ms: int) -> Rows:
        """Minute bars of the hours that a range touches, cut at its ends."""
        offset_ms = self._market.settings.server_offset_s * 1000
        parts = []
        for hour in range((from_ms - offset_ms) // HOUR_MS, (to_ms - 1 - offset_ms) // HOUR_MS + 1):
            end_ms = (hour + 1) * HOUR_MS + offset_ms
            if end_ms <= now_ms:
                parts.append(self._hour(name, hour))
            else:
                parts.append(self._of(name, self._market.ticks(name, end_ms - HOUR_MS, now_ms + 1)))
        rows = np.concatenate(parts) if parts else np.zeros(0, RATE_DTYPE)
        kept: Rows = rows[(rows["time"] * 1000 >= from_ms) & (rows["time"] * 1000 < to_ms)]
        return kept

    def _made(self, name: str, hour: int) -> Rows:
        return self._of(name, self._market.hour(name, hour))

    def _of(self, name: str, ticks: Ticks) -> Rows:
        return _of_minutes(ticks, self._market.symbols[name].point)


def _of_minutes(ticks: Ticks, point: float) -> Rows:
    if not len(ticks):
        return np.zeros(0, RATE_DTYPE)
    minute = ticks.time_ms // 60_000
    first = np.flatnonzero(np.concatenate((np.ones(1, np.bool_), minute[1:] != minute[:-1])))
    last = np.concatenate((first[1:], np.array([len(minute)]))) - 1
    rows = np.zeros(len(first), RATE_DTYPE)
    rows["time"] = minute[first] * 60
    rows["open"], rows["close"] = ticks.bid[first], ticks.bid[last]
    rows["high"] = np.maximum.reduceat(ticks.bid, first)
    rows["low"] = np.minimum.reduceat(ticks.bid, first)
    rows["tick_volume"] = last - first + 1
    rows["spread"] = np.rint((ticks.ask[last] - ticks.bid[last]) / point)
    return rows


def _grouped(minutes: Rows, start: Callable[[Ints], Ints]) -> Rows:
    """Minute bars joined into bars that open where `start` says."""
    if not len(minutes):
        return minutes
    opening = start(minutes["time"])
    first = np.flatnonzero(np.concatenate((np.ones(1, np.bool_), opening[1:] != opening[:-1])))
    last = np.concatenate((first[1:], np.array([len(opening)]))) - 1
    rows = np.zeros(len(first), RATE_DTYPE)
    rows["time"] = opening[first]
    rows["open"], rows["close"] = minutes["open"][first], minutes["close"][last]
    rows["high"] = np.maximum.reduceat(minutes["high"], first)
    rows["low"] = np.minimum.reduceat(minutes["low"], first)
    rows["tick_volume"] = np.add.reduceat(minutes["tick_volume"], first)
    rows["spread"] = minutes["spread"][last]
    return rows


def _opening(timeframe: int) -> Callable[[Ints], Ints]:
    """Which opening time a second belongs to."""
    if timeframe == mt5.TIMEFRAME_MN1:
        return _month_start
    seconds = SECONDS[timeframe]
    shift = _FIRST_SUNDAY_S if timeframe == mt5.TIMEFRAME_W1 else 0
    return lambda time_s: (time_s - shift) // seconds * seconds + shift


def _month_start(time_s: Ints) -> Ints:
    months = time_s.astype("datetime64[s]").astype("datetime64[M]")
    start: Ints = months.astype("datetime64[s]").astype(np.int64)
    return start
