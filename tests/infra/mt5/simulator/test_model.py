"""The number of the model stands for the books that it makes: other books, another number."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5.simulator.broker import MODEL
from infra.mt5.simulator.ledger import Ledger
from infra.mt5.simulator.settings import AccountSettings, BrokerSettings
from tests.infra.mt5.scripts import Step
from tests.infra.mt5.simulator.hand import euro
from tests.infra.mt5.simulator.test_kinds_of_broker import KINDS, LOW, THIN, played
from tests.infra.mt5.worlds import HOUR_MS, settings

WHATS = ("open", "pend", "stops", "open", "part", "open", "close", "pend", "open", "remove")
WAITS_MS = (0, 60_000, HOUR_MS, 9 * HOUR_MS, 1, 30 * HOUR_MS, 5_000)
SYMBOLS = ("EURUSD", "USDJPY", "XAUUSD", "AUDUSD")
STOPS_POINTS = (0, 200, 60, 0, 900, 11)
STEPS = [
    Step(
        wait_ms=WAITS_MS[nth % len(WAITS_MS)],
        looks=0,
        on_tick=nth % 3 == 0,
        what=WHATS[nth % len(WHATS)],
        symbol=SYMBOLS[nth * 3 % len(SYMBOLS)],
        side=nth // 2 % 2,
        lots=(nth * 7 % 23 + 1) / 100,
        stop_points=STOPS_POINTS[nth % len(STOPS_POINTS)],
        pick=nth,
    )
    for nth in range(40)
]
BY_INTEREST: dict[str, Any] = {
    "swap_mode": mt5.SYMBOL_SWAP_MODE_INTEREST_OPEN,
    "swap_long": -9.0,
}
FUTURE: dict[str, Any] = {
    "tick_value": 1.0,
    "margin_initial": 70.0,
    "margin_currency": "USD",
}


def contract(calc_mode: int, **changes: Any) -> BrokerSettings:
    """A broker at which EURUSD is a contract of another kind."""
    symbols = euro(calc_mode=calc_mode, **changes)
    return settings(replace(THIN, symbols=symbols), AccountSettings(**LOW))


CONTRACTS = {
    "index": contract(mt5.SYMBOL_CALC_MODE_CFDINDEX, contract_size=1_000.0, tick_value=2e-5),
    "future": contract(mt5.SYMBOL_CALC_MODE_FUTURES, **FUTURE),
    "share": contract(mt5.SYMBOL_CALC_MODE_EXCH_STOCKS, contract_size=1_000.0, **BY_INTEREST),
}

# If these books differ, journals of before lead elsewhere: count `MODEL` up, and write both here.
WRITTEN = (7, "67e22d7705711dff9ef6523a4bd10cfcc5a5d3dfa71749cb4cc439f3f75ff624")


def test_books_that_differ_count_the_model_up() -> None:
    assert (MODEL, digest_of_books()) == WRITTEN


def digest_of_books() -> str:
    """What a script leaves behind at each kind of broker: deals, orders, positions, balances."""
    digest = sha256()
    for name, given in {**KINDS, **CONTRACTS}.items():
        ledger = played(given, STEPS, mt5.ORDER_FILLING_IOC, False).ledger
        digest.update(repr((name, *figures(ledger))).encode())
    return digest.hexdigest()


def figures(ledger: Ledger) -> tuple[object, ...]:
    """A book without the names of its fields."""
    held = [
        (p.ticket, p.symbol, p.side, p.volume, p.price_open, p.sl, p.tp, p.swap, p.lot_margin)
        for p in ledger.positions.values()
    ]
    done = [tuple(order) for order in ledger.done]
    return [tuple(deal) for deal in ledger.deals], done, held, ledger.balance
