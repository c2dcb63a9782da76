"""Features with what came after them: the rows that a model learns from and is judged by.

A row's label is whether the mid at the horizon is above the mid at the close. The mid at a moment
is that of the last bar that had closed by then. Rows whose horizon the tape does not reach, and
rows whose mid had not moved, are counted and left out.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import numpy
import numpy.typing as npt

from events.predictions import FeaturesComputed
from processors.features import FEATURE_DIGEST, FEATURES

SECOND_US = 1_000_000
Floats = npt.NDArray[numpy.float64]


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows sorted by (as_of_us, symbol). `move` and `cost` are shares of the close, `cost` being
    the mean of the spreads at both ends: half of each is paid to go in and out."""

    symbols: tuple[str, ...]
    timeframe_s: int
    horizon_s: int
    symbol: npt.NDArray[numpy.int64]  # index into `symbols`
    as_of_us: npt.NDArray[numpy.int64]
    values: npt.NDArray[numpy.float32]  # one row of features each
    move: Floats
    cost: Floats
    rows_flat: int = 0
    rows_open: int = 0

    def __len__(self) -> int:
        return len(self.as_of_us)

    @property
    def up(self) -> npt.NDArray[numpy.bool_]:
        """The label."""
        return self.move > 0.0

    def taken(self, keep: npt.NDArray[numpy.bool_]) -> Dataset:
        """The rows where `keep` holds."""
        return Dataset(
            self.symbols,
            self.timeframe_s,
            self.horizon_s,
            self.symbol[keep],
            self.as_of_us[keep],
            self.values[keep],
            self.move[keep],
            self.cost[keep],
        )

    @property
    def digest(self) -> str:
        """SHA-256 over all that is learned from, in order."""
        whole = hashlib.sha256(
            repr((self.symbols, self.timeframe_s, self.horizon_s, FEATURE_DIGEST)).encode()
        )
        for column in (self.symbol, self.as_of_us, self.values, self.move, self.cost):
            whole.update(numpy.ascontiguousarray(column).data)
        return whole.hexdigest()


class Collector:
    """Takes features of one timeframe one by one, in any order, and keeps them compactly."""

    def __init__(self, timeframe_s: int) -> None:
        self._timeframe_s = timeframe_s
        self._symbols: list[str] = []
        self._as_of_us = array("q")
        self._close = array("d")
        self._spread = array("d")
        self._values = array("f")

    def add(self, event: FeaturesComputed) -> None:
        """Keep the event if it is of this timeframe and of today's feature schema."""
        if event.timeframe_s != self._timeframe_s or event.feature_digest != FEATURE_DIGEST:
            return
        self._symbols.append(event.symbol)
        self._as_of_us.append(event.as_of_us)
        self._close.append(event.close)
        self._spread.append(event.spread)
        self._values.extend(event.values)

    def labelled(self, horizon_s: int) -> Dataset:
        """The rows; `ValueError` unless the horizon is a positive multiple of the timeframe."""
        if horizon_s <= 0 or horizon_s % self._timeframe_s:
            raise ValueError(
                f"horizon is {horizon_s} s; give a positive multiple of {self._timeframe_s} s"
            )
        symbols = tuple(sorted(set(self._symbols)))
        number = {name: index for index, name in enumerate(symbols)}
        symbol = numpy.array([number[name] for name in self._symbols], dtype=numpy.int64)
        as_of_us = numpy.array(self._as_of_us, dtype=numpy.int64)
        order = _in_order_once(symbol, as_of_us)
        move, cost, known = _outcomes(
            symbol[order],
            as_of_us[order],
            numpy.array(self._close, dtype=numpy.float64)[order],
            numpy.array(self._spread, dtype=numpy.float64)[order],
            horizon_s * SECOND_US,
        )
        values = numpy.array(self._values, dtype=numpy.float32).reshape(-1, len(FEATURES))[order]
        whole = Dataset(
            symbols,
            self._timeframe_s,
            horizon_s,
            symbol[order],
            as_of_us[order],
            values,
            move,
            cost,
        )
        return _closed(whole, known)


def dataset_of(events: Iterable[FeaturesComputed], timeframe_s: int, horizon_s: int) -> Dataset:
    """The rows of these features."""
    collector = Collector(timeframe_s)
    for event in events:
        collector.add(event)
    return collector.labelled(horizon_s)


def _in_order_once(
    symbol: npt.NDArray[numpy.int64], as_of_us: npt.NDArray[numpy.int64]
) -> npt.NDArray[numpy.int64]:
    """Places in the order (as_of_us, symbol), the first of each pair alone."""
    order = numpy.lexsort((symbol, as_of_us))
    again = numpy.zeros(len(order), dtype=numpy.bool_)
    again[1:] = (numpy.diff(as_of_us[order]) == 0) & (numpy.diff(symbol[order]) == 0)
    once: npt.NDArray[numpy.int64] = order[~again]
    return once


def _outcomes(
    symbol: npt.NDArray[numpy.int64],
    as_of_us: npt.NDArray[numpy.int64],
    close: Floats,
    spread: Floats,
    horizon_us: int,
) -> tuple[Floats, Floats, npt.NDArray[numpy.bool_]]:
    """Relative move and cost per row, and whether the tape reaches the row's horizon."""
    move, cost = numpy.zeros(len(symbol)), numpy.zeros(len(symbol))
    known = numpy.zeros(len(symbol), dtype=numpy.bool_)
    for number in range(int(symbol.max()) + 1 if len(symbol) else 0):
        mine = numpy.flatnonzero(symbol == number)
        times, mids, spreads = as_of_us[mine], close[mine], spread[mine]
        later = numpy.searchsorted(times, times + horizon_us, side="right") - 1
        move[mine] = mids[later] / mids - 1.0
        cost[mine] = (spreads + spreads[later]) / 2.0 / mids
        known[mine] = times[-1] >= times + horizon_us
    return move, cost, known


def _closed(whole: Dataset, known: npt.NDArray[numpy.bool_]) -> Dataset:
    moved = whole.move != 0.0
    rows = whole.taken(known & moved)
    return Dataset(
        rows.symbols,
        rows.timeframe_s,
        rows.horizon_s,
        rows.symbol,
        rows.as_of_us,
        rows.values,
        rows.move,
        rows.cost,
        rows_flat=int((known & ~moved).sum()),
        rows_open=int((~known).sum()),
    )
