"""A terminal's ticks of one symbol, each once and in order, from reads that overlap. Pure.

A terminal is asked from a whole second on, and several ticks may share a millisecond, even all
their figures. So what has been taken of the seconds still asked for is counted, figure by figure.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from infra.feed.quote_judge import Said
from infra.feed.quotes import FUTURE_US_MAX, Quote

MS_US = 1_000
_FIGURES = struct.Struct("<qddI")
_FIGURES_DTYPE = np.dtype([("time_msc", "<i8"), ("bid", "<f8"), ("ask", "<f8"), ("flags", "<u4")])

Rows = npt.NDArray[np.void]


@dataclass(slots=True)
class Feed:
    """How far a symbol has been read: the second to ask from, and what of it on is known."""

    symbol: str
    since_s: int
    source_seq: int = 0
    seen: Counter[bytes] = field(default_factory=Counter)

    def taken(self, rows: Rows, now_us: int, live_from_us: int) -> list[Said]:
        """The ticks in `rows` that were not taken before. Those before `live_from_us` are late."""
        here: Counter[bytes] = Counter()
        said = []
        for figures in _figures_of(rows):
            here[figures] += 1
            if here[figures] > self.seen[figures]:
                self.seen[figures] += 1
                self.source_seq += 1
                said.append(_said(self.symbol, self.source_seq, figures, live_from_us))
        self._move_on(rows, now_us)
        return said

    def _move_on(self, rows: Rows, now_us: int) -> None:
        """Ask from the newest second next time; a tick from the future must not hide others."""
        times_ms = rows["time_msc"]
        past_ms = times_ms[times_ms <= (now_us + FUTURE_US_MAX) // MS_US]
        if len(past_ms) == 0 or int(past_ms.max()) // 1_000 <= self.since_s:
            return
        self.since_s = int(past_ms.max()) // 1_000
        kept = {f: n for f, n in self.seen.items() if time_ms_of(f) >= self.since_s * 1_000}
        self.seen = Counter(kept)


def figures_of(time_ms: int, bid: float, ask: float, flags: int) -> bytes:
    """What makes a tick the same as another."""
    return _FIGURES.pack(time_ms, _plain(bid), _plain(ask), flags)


def raw_of(time_ms: int, bid: float, ask: float, flags: int) -> str:
    """A tick as the text that the quarantine keeps."""
    return f"{time_ms},{bid!r},{ask!r},{flags}"


def figures_of_raw(raw: str) -> bytes:
    """The figures in a text of `raw_of`."""
    time_ms, bid, ask, flags = raw.split(",")
    return figures_of(int(time_ms), float(bid), float(ask), int(flags))


def time_ms_of(figures: bytes) -> int:
    """When the tick was."""
    return int.from_bytes(figures[:8], "little", signed=True)


def _figures_of(rows: Rows) -> list[bytes]:
    packed = np.empty(len(rows), dtype=_FIGURES_DTYPE)
    for name in ("time_msc", "flags"):
        packed[name] = rows[name]
    for name in ("bid", "ask"):
        packed[name] = np.where(np.isnan(rows[name]), np.nan, rows[name])
    return [bytes(item) for item in packed.view(f"V{_FIGURES.size}").tolist()]


def _said(symbol: str, source_seq: int, figures: bytes, live_from_us: int) -> Said:
    time_ms, bid, ask, flags = _FIGURES.unpack(figures)
    at_us = time_ms * MS_US
    quote = Quote(symbol=symbol, at_us=at_us, bid=bid, ask=ask, flags=flags)
    raw = raw_of(time_ms, bid, ask, flags)
    return Said(symbol, source_seq, raw, quote, backfilled=at_us < live_from_us)


def _plain(price: float) -> float:
    """NaN has many bit patterns; one is enough."""
    return math.nan if math.isnan(price) else price
