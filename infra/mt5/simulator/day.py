"""The day so far of a symbol: its first bid, its highs and lows."""

from functools import lru_cache
from typing import NamedTuple

from infra.mt5.simulator.expiry import DAY_MS
from infra.mt5.simulator.ticks import HOUR_MS, Market, Ticks

_CACHED_HOURS = 512


class Day(NamedTuple):
    """Zeros where nothing has been quoted."""

    open: float = 0.0
    bid_high: float = 0.0
    bid_low: float = 0.0
    ask_high: float = 0.0
    ask_low: float = 0.0


class Days:
    """Summaries of days, kept by the hour so that the day is not read again for every question."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._whole = lru_cache(_CACHED_HOURS)(self._between)

    def so_far(self, name: str, now_ms: int) -> Day:
        """From the server's midnight to now."""
        midnight_ms = now_ms // DAY_MS * DAY_MS
        hour_ms = now_ms // HOUR_MS * HOUR_MS
        parts = [self._whole(name, at, at + HOUR_MS) for at in range(midnight_ms, hour_ms, HOUR_MS)]
        parts.append(self._between(name, hour_ms, now_ms + 1))
        return _joined([part for part in parts if part.open])

    def _between(self, name: str, from_ms: int, to_ms: int) -> Day:
        return _summary(self._market.ticks(name, from_ms, to_ms))


def _summary(ticks: Ticks) -> Day:
    if not len(ticks):
        return Day()
    return Day(
        open=float(ticks.bid[0]),
        bid_high=float(ticks.bid.max()),
        bid_low=float(ticks.bid.min()),
        ask_high=float(ticks.ask.max()),
        ask_low=float(ticks.ask.min()),
    )


def _joined(parts: list[Day]) -> Day:
    if not parts:
        return Day()
    return Day(
        open=parts[0].open,
        bid_high=max(part.bid_high for part in parts),
        bid_low=min(part.bid_low for part in parts),
        ask_high=max(part.ask_high for part in parts),
        ask_low=min(part.ask_low for part in parts),
    )
