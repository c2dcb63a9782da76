"""Reports of real accounts, as terminals export them: their deals, and what each close booked.

The reports are internal: they are read where they are and never copied.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

UNITS = {"GOLD": 100.0, "XAUUSD": 100.0, "SILVER": 5_000.0, "XAGUSD": 5_000.0, "BTCUSD": 1.0}
SIDES = {"buy": 0, "sell": 1, "0": 0, "1": 1}
_CLOCKS = ("%Y.%m.%d %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y.%m.%d %I:%M:%S %p")

NO_RATE = "no rate to dollars"
ROUNDED = "rounded prices"
NO_DEAL = "no price of the closing deal"


@dataclass(frozen=True, slots=True)
class Close:
    """What a report says of a closing deal. `moved` is what the balance moved by: from row to row
    where there is a balance column, else over the whole position."""

    since_ms: int
    gained: float
    swap: float
    moved: float
    left_out: str  # why its profit cannot be reproduced; empty if it can


@dataclass(frozen=True, slots=True)
class Step:
    """A deal of a report. `of` names the position where the report does, otherwise it is 0."""

    at_ms: int
    symbol: str
    side: int
    lots: float
    price: float
    of: int
    close: Close | None


@dataclass(frozen=True, slots=True)
class Report:
    """The deals of an account, oldest first. `commissions` are per lot and way, by symbol."""

    name: str
    netting: bool
    steps: tuple[Step, ...]
    commissions: dict[str, float]

    @property
    def closes(self) -> list[tuple[Step, Close]]:
        """The closing deals, and what is said of them."""
        return [(step, step.close) for step in self.steps if step.close]


def read(folder: Path) -> list[Report]:
    """A report per account: of its deals where there is a sheet of them, else of its positions."""
    deals = {path.name.split("_")[0]: path for path in folder.glob("*_deals.csv")}
    positions = {path.name.split("_")[0]: path for path in folder.glob("*_positions.csv")}
    return [
        _of_deals(name, deals[name]) if name in deals else _of_positions(name, positions[name])
        for name in sorted({*deals, *positions})
    ]


def _of_positions(name: str, path: Path) -> Report:
    """Both ends of each position."""
    steps: list[Step] = []
    costs: dict[str, float] = {}
    for row in _rows(path):
        if row[1].isdigit():
            at, ticket, symbol, side, lots, price, _, _, until, closed, cost, swap, gained = row
        else:  # the sheet without costs, where a level or nothing stands for the closing price
            at, symbol, ticket, side, lots, price, _, _, until, _, gained = row
            closed, cost, swap = "0", "0", "0"
        way, volume, number = SIDES[side], _number(lots), int(ticket)
        costs.setdefault(symbol, -_number(cost) / (2 * volume))
        moved = _number(gained) + _number(swap) + _number(cost)
        why = _left_out(symbol, _number(price), _number(closed))
        close = Close(_ms(at), _number(gained), _number(swap), moved, why)
        steps.append(Step(_ms(at), symbol, way, volume, _number(price), number, None))
        steps.append(Step(_ms(until), symbol, 1 - way, volume, _number(closed), number, close))
    return Report(name, False, tuple(sorted(steps, key=lambda step: step.at_ms)), costs)


def _of_deals(name: str, path: Path) -> Report:
    """The deals of a netting account, whose balance stands in every row."""
    steps: list[Step] = []
    costs: dict[str, float] = {}
    since: dict[str, int] = {}
    lots_of: dict[str, float] = {}
    before = 0.0
    for row in _rows(path):
        at, _, symbol, side, entry, lots, price, _, cost, _, swap, gained, balance = row[:13]
        moved, before = _number(balance) - before, _number(balance)
        if side not in SIDES:
            continue
        volume, out, close = _number(lots), entry == "out", None
        costs.setdefault(symbol, -_number(cost) / volume)
        if not lots_of.get(symbol):
            since[symbol] = _ms(at)
        if out:
            why = _left_out(symbol, _number(price), _number(price))
            close = Close(since[symbol], _number(gained), _number(swap), moved, why)
        lots_of[symbol] = round(lots_of.get(symbol, 0.0) + (-volume if out else volume), 8)
        steps.append(Step(_ms(at), symbol, SIDES[side], volume, _number(price), 0, close))
    return Report(name, True, tuple(steps), costs)


def _left_out(symbol: str, price: float, closed: float) -> str:
    """Why the report lacks something that the profit depends on."""
    if not closed:
        return NO_DEAL
    if price == round(price):
        return ROUNDED
    return "" if symbol in UNITS or (len(symbol) == 6 and "USD" in symbol) else NO_RATE


def _rows(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        next(rows)
        yield from rows


def _number(text: str) -> float:
    return float(text.replace(" ", "").replace(",", ""))


def _ms(text: str) -> int:
    for clock in _CLOCKS:
        try:
            return int(datetime.strptime(text, clock).replace(tzinfo=UTC).timestamp()) * 1000
        except ValueError:
            continue
    raise ValueError(f"{text} is no time of a report; known are {', '.join(_CLOCKS)}")
