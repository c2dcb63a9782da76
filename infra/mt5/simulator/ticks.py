"""The quotes inside a minute, and the market as the broker reads it."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from infra.mt5.constants import TICK_FLAG_ASK, TICK_FLAG_BID
from infra.mt5.simulator import mishaps
from infra.mt5.simulator.conversion import Legs, legs
from infra.mt5.simulator.draws import Floats, Ints, bits, normals, stream_key
from infra.mt5.simulator.mishaps import MarketFault
from infra.mt5.simulator.path import FIRST_DAY, DayPath, Paths
from infra.mt5.simulator.sessions import is_open_at
from infra.mt5.simulator.settings import MarketSettings
from infra.mt5.simulator.specification import Specification

HOUR_MS = 3_600_000
_MINUTE_MS = 60_000
_DRAWS_PER_HOUR = 1 << 21
_CACHED_HOURS = 96
_QUIET_HOURS_MAX = 80  # the longest time without a quote: a weekend and a holiday's reserve
_BOUNCE = 0.3  # of the spread: how far a quote strays from the path
_FIRST_MS = FIRST_DAY * 86_400_000


@dataclass(frozen=True, slots=True)
class Ticks:
    """Quotes of one symbol, oldest first. Several may share a millisecond."""

    time_ms: Ints
    bid: Floats
    ask: Floats
    flags: npt.NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.time_ms)

    def part(self, start: int, stop: int) -> "Ticks":
        """The quotes of an index range, not copied."""
        return Ticks(
            self.time_ms[start:stop],
            self.bid[start:stop],
            self.ask[start:stop],
            self.flags[start:stop],
        )


@dataclass(frozen=True, slots=True)
class Quote:
    """What a symbol costs at a moment."""

    time_ms: int
    bid: float
    ask: float
    flags: int


class _Standing(NamedTuple):
    """A quote that was asked for lately, and until when it stands."""

    quote: Quote
    until_ms: int


class Market:
    """Every quote there is or will be, by symbol and time, in the server's clock. Thread-safe."""

    def __init__(self, settings: MarketSettings) -> None:
        self.settings = settings
        self.symbols = {symbol.name: symbol for symbol in settings.symbols}
        self._offset_ms = settings.server_offset_s * 1000
        self._paths = Paths(settings)
        self._hours: OrderedDict[tuple[str, int], Ticks] = OrderedDict()
        self._lock = Lock()
        self._standing: dict[str, _Standing] = {}
        self._legs: dict[tuple[str, str], Legs | None] = {}

    def legs(self, source: str, target: str) -> Legs:
        """The way between two currencies, which the settings have made sure of."""
        way = self._legs.get((source, target))
        if way is None:
            way = self._legs[source, target] = legs(self.symbols, source, target)
            if way is None:
                raise LookupError(f"no symbols lead from {source} to {target}")
        return way

    def ticks(self, name: str, from_ms: int, to_ms: int) -> Ticks:
        """The quotes with `from_ms <= time < to_ms`."""
        from_ms = max(from_ms, _FIRST_MS + self._offset_ms)
        if to_ms <= from_ms:
            return EMPTY
        parts = []
        for hour in range(self._hour(from_ms), self._hour(to_ms - 1) + 1):
            chunk = self.hour(name, hour)
            start, stop = chunk.time_ms.searchsorted((from_ms, to_ms))
            if stop > start:
                parts.append(chunk.part(int(start), int(stop)))
        return parts[0] if len(parts) == 1 else joined(parts)

    def quote(self, name: str, at_ms: int) -> Quote | None:
        """The last quote at or before a moment."""
        standing = self._standing.get(name)
        if standing is not None and standing.quote.time_ms <= at_ms < standing.until_ms:
            return standing.quote
        for hour in self._hours_back(name, self._hour(at_ms)):
            chunk = self.hour(name, hour)
            index = int(chunk.time_ms.searchsorted(at_ms, "right")) - 1
            if index >= 0:
                later = index + 1 < len(chunk)
                until_ms = int(chunk.time_ms[index + 1]) if later else at_ms + 1
                quote = quote_of(chunk, index)
                self._standing[name] = _Standing(quote, until_ms)
                return quote
        return None

    def _hours_back(self, _name: str, latest: int) -> Iterable[int]:
        """The hours in which the last quote may be, newest first."""
        quiet = max((fault.to_ms - fault.from_ms for fault in self.settings.faults), default=0)
        earliest = latest - _QUIET_HOURS_MAX - quiet // HOUR_MS
        return range(latest, max(earliest, FIRST_DAY * 24 - 1), -1)

    def is_open(self, name: str, at_ms: int) -> bool:
        """Whether the symbol trades at a moment."""
        closed = any(
            fault.hits(name, "closed") and fault.from_ms <= at_ms < fault.to_ms
            for fault in self.settings.faults
        )
        utc_ms = at_ms - self._offset_ms
        return not closed and is_open_at(self.settings, self.symbols[name], utc_ms)

    def hour(self, name: str, hour: int) -> Ticks:
        """All quotes of an hour of UTC, counted from 1970."""
        with self._lock:
            chunk = self._hours.get((name, hour))
            if chunk is None:
                chunk = self._hours[name, hour] = self._made(self.symbols[name], hour)
                if len(self._hours) > _CACHED_HOURS:
                    self._hours.popitem(last=False)
            else:
                self._hours.move_to_end((name, hour))
            return chunk

    def _hour(self, at_ms: int) -> int:
        return (at_ms - self._offset_ms) // HOUR_MS

    def _made(self, symbol: Specification, hour: int) -> Ticks:
        path = self._paths.day(symbol, hour // 24)
        first_minute = (hour % 24) * 60
        key = stream_key(self.settings.seed, "tick", symbol.name)
        counts = self._counts(path, key, hour, first_minute)
        offset_ms, mid, spread = _quotes(path, key, hour, first_minute, counts)
        step = symbol.tick_points
        bid = np.floor((mid - spread / 2) / step + 0.5) * step
        ask = bid + np.maximum(1.0, np.floor(spread / step + 0.5)) * step
        time_ms = offset_ms + (hour * HOUR_MS + self._offset_ms)
        return self._marred(symbol, _changes(time_ms, bid, ask, float(10**symbol.digits)))

    def faults(self, name: str, from_ms: int, to_ms: int) -> tuple[MarketFault, ...]:
        """What goes wrong with a symbol in a span: scripted, and drawn for each day."""
        settings = self.settings
        if not settings.mishaps_per_day:
            return settings.faults
        days = range(from_ms // mishaps.DAY_MS - 1, to_ms // mishaps.DAY_MS + 1)
        per_day = settings.mishaps_per_day
        return settings.faults + tuple(
            fault for day in days for fault in mishaps.drawn(settings.seed, name, day, per_day)
        )

    def _marred(self, symbol: Specification, ticks: Ticks) -> Ticks:
        """An hour's ticks, after what has gone wrong with them."""
        if not len(ticks):
            return ticks
        name, times = symbol.name, ticks.time_ms
        faults = self.faults(name, int(times[0]), int(times[-1]))
        if not faults:
            return ticks
        scale = float(10**symbol.digits)
        bid, ask = np.rint(ticks.bid * scale), np.rint(ticks.ask * scale)
        moved = mishaps.shocked(faults, name, times, bid, symbol.tick_points)
        left = mishaps.kept(faults, name, times)
        bid, ask = moved / scale, (moved + (ask - bid)) / scale
        return Ticks(times[left], bid[left], ask[left], ticks.flags[left])

    def _counts(self, path: DayPath, key: int, hour: int, first_minute: int) -> Ints:
        """How many quotes each minute of an hour has: nearly Poisson, by sums alone."""
        activity = path.activity[first_minute : first_minute + 60]
        rate = 60 * self.settings.ticks_per_s * activity
        noise = normals(bits(key, hour * _DRAWS_PER_HOUR, 60))
        counts = np.floor(rate + np.sqrt(rate) * noise + 0.5)
        return np.maximum(counts, 0.0).astype(np.int64)


def _quotes(
    path: DayPath, key: int, hour: int, first_minute: int, counts: Ints
) -> tuple[Ints, Floats, Floats]:
    """Times within the hour, mids and spreads of its quotes, in points."""
    total = int(np.cumsum(counts)[-1])
    drawn = bits(key, hour * _DRAWS_PER_HOUR + 64, 3 * total).reshape(3, total)
    minute = np.repeat(np.arange(60, dtype=np.int64), counts)
    offset_ms = ((drawn[0] >> np.uint64(32)) * np.uint64(_MINUTE_MS)) >> np.uint64(32)
    time_ms = np.sort(minute * _MINUTE_MS + offset_ms.astype(np.int64))
    part = (time_ms - minute * _MINUTE_MS) / _MINUTE_MS
    begin = path.mid[first_minute : first_minute + 60][minute]
    end = path.mid[first_minute + 1 : first_minute + 61][minute]
    deviation = path.deviation[first_minute : first_minute + 60]
    spread = path.spread[first_minute : first_minute + 60][minute]
    wander = _wander(normals(drawn[1]), deviation, minute, counts)
    bounce = normals(drawn[2]) * (_BOUNCE * spread)
    wide = spread * (1.0 + 0.12 * normals(drawn[2] ^ (drawn[0] << np.uint64(32))))
    return time_ms, begin + (end - begin) * part + wander + bounce, wide


def _wander(noise: Floats, deviation: Floats, minute: Ints, counts: Ints) -> Floats:
    """A random walk inside each minute that comes back to where it left the minutes' line."""
    stop = np.cumsum(counts)
    summed = np.concatenate((np.zeros(1), np.cumsum(noise)))
    begin = summed[stop - counts]
    whole = summed[stop] - begin
    nth = np.arange(1, len(noise) + 1) - (stop - counts)[minute]
    bridge = summed[1:] - begin[minute] - nth / counts[minute] * whole[minute]
    size = deviation[minute] / np.sqrt(counts[minute])
    away: Floats = bridge * size
    return away


def _changes(time_ms: Ints, bid: Floats, ask: Floats, scale: float) -> Ticks:
    """Quotes that change nothing are no ticks. Whole points over a power of ten: exact decimals."""
    if not len(time_ms):
        return EMPTY
    bid_moved = np.concatenate((np.ones(1, dtype=np.bool_), bid[1:] != bid[:-1]))
    ask_moved = np.concatenate((np.ones(1, dtype=np.bool_), ask[1:] != ask[:-1]))
    kept = bid_moved | ask_moved
    flags = bid_moved * np.uint32(TICK_FLAG_BID) + ask_moved * np.uint32(TICK_FLAG_ASK)
    return Ticks(time_ms[kept], bid[kept] / scale, ask[kept] / scale, flags[kept])


def quote_of(ticks: Ticks, index: int) -> Quote:
    """One quote of many."""
    return Quote(
        time_ms=int(ticks.time_ms[index]),
        bid=float(ticks.bid[index]),
        ask=float(ticks.ask[index]),
        flags=int(ticks.flags[index]),
    )


def joined(parts: list[Ticks]) -> Ticks:
    """Several ranges as one."""
    if not parts:
        return EMPTY
    return Ticks(
        np.concatenate([part.time_ms for part in parts]),
        np.concatenate([part.bid for part in parts]),
        np.concatenate([part.ask for part in parts]),
        np.concatenate([part.flags for part in parts]),
    )


EMPTY = Ticks(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.uint32))
