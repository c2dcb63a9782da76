"""When a symbol trades. Times are UTC; the day numbers count from 1970-01-01, a Thursday."""

import numpy as np
import numpy.typing as npt

from infra.mt5.simulator.settings import MarketSettings
from infra.mt5.simulator.specification import Hours, Specification

MINUTES_PER_DAY = 1440
_WEEK_MINUTES = 7 * MINUTES_PER_DAY
_EPOCH_WEEKDAY = 4  # 1970-01-01 was a Thursday; Sunday is 0
_MONDAY = 4 * MINUTES_PER_DAY  # 1970-01-05
_FRIDAY_CLOSE = 4 * MINUTES_PER_DAY + 22 * 60  # minutes after Monday 00:00
_SUNDAY_OPEN = 6 * MINUTES_PER_DAY + 22 * 60
_BREAK = (21 * 60, 22 * 60)  # metals pause for an hour of each day


def is_open(
    settings: MarketSettings, symbol: Specification, minute: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Whether each minute (counted from 1970) is inside trading hours."""
    if symbol.hours:
        return _within(symbol.hours, minute)
    if settings.week == "always":
        return np.ones(minute.shape, dtype=np.bool_)
    of_week = (minute - _MONDAY) % _WEEK_MINUTES
    opened = (of_week < _FRIDAY_CLOSE) | (of_week >= _SUNDAY_OPEN)
    if symbol.daily_break:
        of_day = minute % MINUTES_PER_DAY
        opened &= (of_day < _BREAK[0]) | (of_day >= _BREAK[1])
    return opened


def _within(hours: tuple[Hours, ...], minute: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether each minute is in one of the symbol's own hours."""
    weekday = (minute // MINUTES_PER_DAY + _EPOCH_WEEKDAY) % 7
    of_day = minute % MINUTES_PER_DAY
    opened = np.zeros(minute.shape, dtype=np.bool_)
    for day, start, end in hours:
        opened |= (weekday == day) & (of_day >= start) & (of_day < end)
    return opened


def is_open_at(settings: MarketSettings, symbol: Specification, utc_ms: int) -> bool:
    """Whether a moment is inside trading hours."""
    if settings.week == "always" and not symbol.hours:
        return True
    return bool(is_open(settings, symbol, np.array([utc_ms // 60_000]))[0])
