"""Histories of real accounts, as terminals report them, turned into quotes and orders.

The reports are internal: they are read where they are and never copied. A quote is made for each
deal, at its second and price. Only symbols with dollars on one side can be reproduced: for others
the reports lack the rate that converts their profit.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from infra.mt5 import constants as mt5
from infra.mt5.simulator.account import Account
from infra.mt5.simulator.ledger import opened
from infra.mt5.simulator.recorded import RecordedMarket
from infra.mt5.simulator.settings import AccountSettings, MarketSettings
from infra.mt5.simulator.specification import Specification
from infra.mt5.simulator.symbols import BY_NAME
from infra.mt5.simulator.ticks import Ticks
from infra.mt5.tuples import TradeDeal
from tests.infra.mt5.scripts import NOTHING

REPORTS = Path(__file__).parents[5] / "shared/data/mt5/reports"
METALS = {"GOLD": 100.0, "XAUUSD": 100.0, "SILVER": 5_000.0, "XAGUSD": 5_000.0}
SIDES = {"buy": 0, "sell": 1}


@dataclass(frozen=True, slots=True)
class Step:
    """A deal of a report. `of` names the position where the report does; `gained` is told where a
    position is closed."""

    at_ms: int
    symbol: str
    side: int
    lots: float
    price: float
    of: int
    gained: float | None


def of_positions(name: str) -> list[Step]:
    """Both ends of each position of a report."""
    steps: list[Step] = []
    for row in _rows(name):
        at, ticket, symbol, side, lots, price, _, _, until, closed, _, _, gained = row[:13]
        if not _told(symbol):
            continue
        way, number = SIDES[side], int(ticket)
        volume = _number(lots)
        steps.append(Step(_ms(at), symbol, way, volume, _number(price), number, None))
        exit_ = (_ms(until), symbol, 1 - way, volume, _number(closed), number, _number(gained))
        steps.append(Step(*exit_))
    return sorted(steps, key=lambda step: step.at_ms)


def of_deals(name: str) -> list[Step]:
    """The deals of a report of a netting account."""
    steps = []
    for row in _rows(name):
        at, _, symbol, side, entry, lots, price, _, _, _, _, gained = row[:12]
        if side in SIDES and _told(symbol):
            told = _number(gained) if entry == "out" else None
            figures = (_number(lots), _number(price), 0, told)
            steps.append(Step(_ms(at), symbol, SIDES[side], *figures))
    return steps


def replayed(steps: list[Step], margin_mode: int) -> list[tuple[float, TradeDeal]]:
    """Of each closing deal: what the report says it gained, and the simulator's own."""
    terms = AccountSettings(
        deposit=1e7, leverage=500, commission_per_lot=0.0, margin_mode=margin_mode
    )
    market = RecordedMarket(MarketSettings(symbols=_symbols(steps)), _quotes(steps))
    ledger = opened(1, terms, steps[0].at_ms - 1)
    account = Account(market, ledger, lambda *_record: None)
    tickets: dict[int, int] = {}
    told = []
    for step in steps:
        account.advance(step.at_ms)
        request = NOTHING._replace(
            action=mt5.TRADE_ACTION_DEAL,
            symbol=step.symbol,
            type=step.side,
            volume=step.lots,
            price=step.price,
            position=tickets[step.of] if step.of and step.gained is not None else 0,
        )
        outcome = account.send(request)
        assert outcome.retcode == mt5.TRADE_RETCODE_DONE, (step, outcome)
        tickets[step.of] = outcome.fill.order
        if step.gained is not None:
            told.append((step.gained, ledger.deals[-1]))
    return told


def _symbols(steps: list[Step]) -> tuple[Specification, ...]:
    return tuple(_symbol(name) for name in sorted({step.symbol for step in steps}))


def _symbol(name: str) -> Specification:
    """A symbol as retail brokers have it: 100,000 of a currency, ounces of a metal."""
    metal = METALS.get(name)
    base, profit = (name[:3], "USD") if metal else (name[:3], name[3:])
    euro = BY_NAME["EURUSD"]
    return replace(
        euro,
        name=name,
        base=base,
        profit=profit,
        digits=5,
        contract_size=metal or euro.contract_size,
        calc_mode=mt5.SYMBOL_CALC_MODE_CFDLEVERAGE if metal else euro.calc_mode,
        volume_max=1_000.0,
        swap_mode=mt5.SYMBOL_SWAP_MODE_DISABLED,
    )


def _quotes(steps: list[Step]) -> dict[str, Ticks]:
    """A quote per deal: its price, on the side that it dealt at."""
    by_name: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        by_name[step.symbol].append(step)
    return {name: _of_symbol(each) for name, each in by_name.items()}


def _of_symbol(steps: list[Step]) -> Ticks:
    point = 1e-5
    price = np.array([step.price for step in steps])
    sells = np.array([step.side for step in steps])
    return Ticks(
        np.array([step.at_ms for step in steps], dtype=np.int64),
        np.round(price - point * (1 - sells), 5),
        np.round(price + point * sells, 5),
        np.full(len(steps), 6, dtype=np.uint32),
    )


def _told(symbol: str) -> bool:
    """Whether the report has all that the symbol's profit depends on."""
    return symbol in METALS or (len(symbol) == 6 and symbol.isalpha() and "USD" in symbol)


def _rows(name: str) -> list[list[str]]:
    with (REPORTS / name).open() as lines:
        return list(csv.reader(lines))[1:]


def _number(text: str) -> float:
    return float(text.replace(" ", "").replace(",", ""))


def _ms(text: str) -> int:
    at = datetime.strptime(text, "%Y.%m.%d %H:%M:%S").replace(tzinfo=UTC)
    return int(at.timestamp()) * 1000
