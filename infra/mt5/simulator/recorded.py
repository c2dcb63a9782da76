"""A market of recorded quotes: what was is what is quoted, and nothing else."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from infra.mt5.constants import TICK_FLAG_ASK, TICK_FLAG_BID
from infra.mt5.simulator.settings import MarketSettings
from infra.mt5.simulator.specification import Specification
from infra.mt5.simulator.ticks import EMPTY, HOUR_MS, Market, Ticks

Rows = npt.NDArray[np.void]
_NEVER = np.zeros(0, dtype=np.int64)
_MINUTE_MS = 60_000
_PLACES = (0, _MINUTE_MS // 3, 2 * _MINUTE_MS // 3, _MINUTE_MS - 1)  # where a bar's prices stand


class RecordedMarket(Market):
    """Quotes by symbol, oldest first, in the server's clock. Faults spoil them as any others."""

    def __init__(self, settings: MarketSettings, quotes: Mapping[str, Ticks]) -> None:
        unknown = sorted(set(quotes) - {symbol.name for symbol in settings.symbols})
        if unknown:
            raise ValueError(f"{unknown[0]} is recorded but has no specification; add its symbol")
        for name, ticks in quotes.items():
            if (np.diff(ticks.time_ms) < 0).any():
                raise ValueError(f"quotes of {name} are not in the order of their times; sort them")
        super().__init__(replace(settings, recording=digest(quotes)))
        self._recorded = dict(quotes)
        self._quoted = {
            name: np.unique((ticks.time_ms - self._offset_ms) // HOUR_MS)
            for name, ticks in quotes.items()
        }

    def _hours_back(self, name: str, latest: int) -> Iterable[int]:
        hours = self._quoted.get(name, _NEVER)
        until = int(hours.searchsorted(latest, "right"))
        return (int(hour) for hour in hours[:until][::-1])

    def _made(self, symbol: Specification, hour: int) -> Ticks:
        ticks = self._recorded.get(symbol.name, EMPTY)
        start_ms = hour * HOUR_MS + self._offset_ms
        start, stop = ticks.time_ms.searchsorted((start_ms, start_ms + HOUR_MS))
        return self._marred(symbol, ticks.part(int(start), int(stop)))


def digest(quotes: Mapping[str, Ticks]) -> str:
    """Names a recording: a journal written on another cannot be replayed."""
    made = sha256()
    for name, ticks in sorted(quotes.items()):
        made.update(name.encode())
        for column in (ticks.time_ms, ticks.bid, ticks.ask):
            made.update(np.ascontiguousarray(column).tobytes())
    return made.hexdigest()[:16]


def of_ticks(rows: Rows) -> Ticks:
    """Quotes from an array as `copy_ticks_range` gives it; what is in disorder is put in order."""
    ordered = rows[np.argsort(rows["time_msc"], kind="stable")]
    quoted = ordered[(ordered["bid"] > 0) & (ordered["ask"] > 0)]
    return Ticks(
        quoted["time_msc"].astype(np.int64),
        quoted["bid"].astype(np.float64),
        quoted["ask"].astype(np.float64),
        quoted["flags"].astype(np.uint32),
    )


def of_bars(rows: Rows, symbol: Specification) -> Ticks:
    """Four quotes a minute from minute bars as `copy_rates_range` gives them: open, the extreme
    that is nearer to it, the other, close."""
    low_first = (rows["open"] - rows["low"]) <= (rows["high"] - rows["open"])
    second = np.where(low_first, rows["low"], rows["high"])
    third = np.where(low_first, rows["high"], rows["low"])
    bids = np.stack((rows["open"], second, third, rows["close"]), axis=1)
    times = rows["time"][:, None] * 1000 + np.array(_PLACES)
    spreads = np.maximum(rows["spread"], symbol.tick_points)[:, None] * symbol.point
    asks = np.round(bids + spreads, symbol.digits)
    flags = np.full(bids.size, TICK_FLAG_BID | TICK_FLAG_ASK, dtype=np.uint32)
    return Ticks(times.reshape(-1).astype(np.int64), bids.reshape(-1), asks.reshape(-1), flags)
