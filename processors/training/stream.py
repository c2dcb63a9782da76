"""Ticks straight to features: the live steps, folded without a tape between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from events.market import TickReceived
from events.predictions import FeaturesComputed
from processors.bars import BARS, OpenBars
from processors.features import FEATURES_OF_BARS
from processors.window import Window


def features_of(ticks: Iterable[TickReceived], timeframe_s: int) -> Iterator[FeaturesComputed]:
    """The features of one timeframe; ticks of several symbols may be mixed."""
    bars: dict[str, OpenBars] = {}
    windows: dict[str, Window] = {}
    for tick in ticks:
        symbol = tick.symbol
        bars[symbol], closed = BARS.step(bars.get(symbol, BARS.initial), tick)
        for bar in closed:
            if bar.timeframe_s == timeframe_s:
                window = windows.get(symbol, FEATURES_OF_BARS.initial)
                windows[symbol], features = FEATURES_OF_BARS.step(window, bar)
                yield from features
