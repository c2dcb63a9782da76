"""Files of ticks or of minute bars as all that a program's broker ever quotes."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from infra.config import ConfigError
from infra.feed.recordings import opened, recording, said
from infra.mt5.constants import TICK_FLAG_ASK, TICK_FLAG_BID
from infra.mt5.simulator.recorded import RecordedMarket, of_bars, of_ticks
from infra.mt5.simulator.settings import MarketSettings
from infra.mt5.simulator.specification import Specification
from infra.mt5.simulator.symbols import BY_NAME
from infra.mt5.simulator.ticks import Ticks
from infra.mt5.tuples import RATE_DTYPE, TICK_DTYPE

BARS = "ts_ms,open,high,low,close"
"""How a file of minute bars begins; ticks are read as `tapedeck play` reads them."""


def market_of(files: Mapping[str, str], given: MarketSettings) -> RecordedMarket:
    """The market of these files, by symbol; `ValueError` says what is wrong with one."""
    symbols = {symbol.name: symbol for symbol in given.symbols}
    if unknown := [name for name in files if name not in symbols]:
        raise ValueError(f"{unknown[0]} is recorded but not quoted; give it with --symbols")
    quotes = {name: quotes_in(path, symbols[name]) for name, path in files.items()}
    offset_ms = given.server_offset_s * 1_000
    moved = {
        name: replace(ticks, time_ms=ticks.time_ms + offset_ms) for name, ticks in quotes.items()
    }
    return RecordedMarket(given, moved)


def begins_ms(files: Mapping[str, str]) -> int:
    """When all of the files have had their first quote."""
    return max(int(quotes_in(path, BY_NAME[name]).time_ms[0]) for name, path in files.items())


@lru_cache(32)
def quotes_in(path: str, symbol: Specification) -> Ticks:
    """A file's quotes in UTC, oldest first."""
    try:
        looked_at = recording(Path(path), symbol.name)
    except ConfigError as wrong:
        raise ValueError(str(wrong)) from None
    with opened(looked_at.path) as file:
        lines = io.TextIOWrapper(file, encoding="utf-8", errors="replace")
        bars = lines.readline().startswith(BARS)
        quotes = _bars(lines, symbol) if bars else None
    if quotes is None:
        quotes = _ticks(path, symbol)
    if not len(quotes):
        raise ValueError(f"{path} holds neither ticks nor minute bars ({BARS},…)")
    return quotes


def _ticks(path: str, symbol: Specification) -> Ticks:
    quotes = [said_.quote for _, said_ in said(recording(Path(path), symbol.name)) if said_.quote]
    rows = np.zeros(len(quotes), TICK_DTYPE)
    rows["time_msc"] = [quote.at_us // 1_000 for quote in quotes]
    rows["bid"] = [quote.bid for quote in quotes]
    rows["ask"] = [quote.ask for quote in quotes]
    rows["flags"] = TICK_FLAG_BID | TICK_FLAG_ASK
    return of_ticks(rows)


def _bars(lines: io.TextIOWrapper, symbol: Specification) -> Ticks:
    """Bars of bids; the spread is the one that the symbol has by character."""
    try:
        table = np.array([[float(cell) for cell in row[:5]] for row in csv.reader(lines)])
        columns = table.reshape(-1, 5).T
    except ValueError as wrong:
        raise ValueError(f"bars of {symbol.name}: {wrong}") from None
    rows = np.zeros(columns.shape[1], RATE_DTYPE)
    rows["time"] = columns[0] // 1_000
    for name, prices in zip(("open", "high", "low", "close"), columns[1:], strict=True):
        rows[name] = prices
    rows["spread"] = round(symbol.character.spread_points)
    if any(later <= earlier for earlier, later in pairwise(rows["time"].tolist())):
        raise ValueError(f"bars of {symbol.name} are not in the order of their times; sort them")
    return of_bars(rows, symbol)
