"""A broker on prices written by hand, and requests plain enough to be read at a glance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from infra.mt5 import constants as mt5
from infra.mt5.package import Package
from infra.mt5.simulator.account import Account
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.clock import VirtualClock
from infra.mt5.simulator.faults import FaultRule
from infra.mt5.simulator.ledger import opened
from infra.mt5.simulator.recorded import RecordedMarket
from infra.mt5.simulator.settings import AccountSettings, BrokerSettings, MarketSettings
from infra.mt5.simulator.specification import Specification
from infra.mt5.simulator.symbols import BY_NAME, SYMBOLS
from infra.mt5.simulator.terminal import simulated_terminal
from infra.mt5.simulator.ticks import Ticks
from infra.mt5.tuples import OrderSendResult, TradeDeal, TradeRequest
from tests.infra.mt5.scripts import NOTHING
from tests.infra.mt5.worlds import LOGIN, OTHER, START_MS

BUY, SELL = mt5.ORDER_TYPE_BUY, mt5.ORDER_TYPE_SELL
DONE = (mt5.TRADE_RETCODE_DONE, mt5.TRADE_RETCODE_PLACED, mt5.TRADE_RETCODE_DONE_PARTIAL)
Tape = dict[str, list[tuple[int, float]]]  # milliseconds after the start, and the bid
FIRST: Tape = {"EURUSD": [(0, 1.1)], "GBPUSD": [(0, 1.3)]}


def hand_made(tape: Tape, symbols: tuple[Specification, ...] = SYMBOLS) -> RecordedMarket:
    """A market of the quotes given; every spread is ten points."""
    by_name = {symbol.name: symbol for symbol in symbols}
    quotes = {name: _ticks(rows, by_name[name]) for name, rows in tape.items()}
    return RecordedMarket(MarketSettings(symbols=symbols), quotes)


def _ticks(rows: list[tuple[int, float]], symbol: Specification) -> Ticks:
    bids = np.array([bid for _, bid in rows])
    return Ticks(
        np.array([START_MS + at for at, _ in rows], dtype=np.int64),
        bids,
        np.round(bids + 10 * symbol.point, symbol.digits),
        np.full(len(rows), 6, dtype=np.uint32),
    )


def like(name: str, /, **changes: Any) -> Specification:
    """A symbol that is quoted by default, but for these terms."""
    return replace(BY_NAME[name], **changes)


def euro(**changes: Any) -> tuple[Specification, ...]:
    """The default symbols, EURUSD under other terms."""
    return tuple(like(s.name, **changes) if s.name == "EURUSD" else s for s in SYMBOLS)


def desk(
    tape: Tape, symbols: tuple[Specification, ...] = SYMBOLS, first: Tape = FIRST, **terms: Any
) -> Account:
    """An account at the start, whose requests nobody writes down."""
    whole = {name: [*first.get(name, []), *tape.get(name, [])] for name in {**first, **tape}}
    BrokerSettings(
        logins=(LOGIN,), market=MarketSettings(symbols=symbols), terms=AccountSettings(**terms)
    )
    ledger = opened(LOGIN, AccountSettings(**terms), START_MS)
    return Account(hand_made(whole, symbols), ledger, lambda *_record: None)


def order(side: int, **fields: Any) -> TradeRequest:
    """A market order of a lot of EURUSD, at whatever price."""
    plain = {
        "action": mt5.TRADE_ACTION_DEAL,
        "symbol": "EURUSD",
        "type": side,
        "volume": 1.0,
        "deviation": 10_000,
        "price": 1.1,
    }
    return NOTHING._replace(**{**plain, **fields})


def waiting(kind: int, price: float, **fields: Any) -> TradeRequest:
    """A pending order of a lot of EURUSD."""
    return order(kind, action=mt5.TRADE_ACTION_PENDING, price=price, **fields)


def sent(account: Account, request: TradeRequest) -> int:
    """Send, and give the ticket."""
    outcome = account.send(request)
    assert outcome.retcode in DONE, outcome
    return outcome.fill.order


def refused(account: Account, request: TradeRequest) -> int:
    """Send, and give the code of a refusal, which changes nothing."""
    before = (list(account.ledger.deals), dict(account.ledger.orders))
    code = account.send(request).retcode
    assert code not in DONE
    assert (account.ledger.deals, account.ledger.orders) == before
    return code


def dealt(account: Account) -> list[TradeDeal]:
    """The deals but for the deposit."""
    return account.ledger.deals[1:]


def exits(account: Account) -> list[tuple[int, int, float, int]]:
    """Of each closing deal: position, milliseconds after the start, price, reason."""
    return [
        (deal.position_id, deal.time_msc - START_MS, deal.price, deal.reason)
        for deal in account.ledger.deals
        if deal.entry == mt5.DEAL_ENTRY_OUT
    ]


@dataclass(frozen=True, slots=True)
class Floor:
    """A terminal in this process, its broker on prices written by hand, its clock."""

    clock: VirtualClock
    broker: Broker
    terminal: Package

    @property
    def account(self) -> Account:
        """The account that the terminal trades."""
        return self.broker.accounts[LOGIN]

    def send(self, request: TradeRequest) -> OrderSendResult:
        """The server's answer, which must be one."""
        result = self.terminal.order_send(request._asdict())
        assert result is not None, self.terminal.last_error()
        return result

    def code(self, request: TradeRequest) -> int:
        """The return code of an answer."""
        return self.send(request).retcode

    def done(self, request: TradeRequest) -> int:
        """The ticket of an order that was accepted."""
        result = self.send(request)
        assert result.retcode in DONE, result
        return result.order

    def spoil(self, *rules: FaultRule) -> None:
        """The broker spoils its next answers."""
        self.broker.inject(LOGIN, rules)


def floor(
    tape: Tape | None = None,
    symbols: tuple[Specification, ...] = SYMBOLS,
    first: Tape = FIRST,
    **terms: Any,
) -> Floor:
    """A floor at the start, logged in."""
    later = tape or {}
    whole = {name: [*first.get(name, []), *later.get(name, [])] for name in {**first, **later}}
    market = hand_made(whole, symbols)
    settings = BrokerSettings(
        logins=(LOGIN, OTHER), market=market.settings, terms=AccountSettings(**terms)
    )
    clock = VirtualClock(START_MS)
    broker = Broker(settings, clock, market=market)
    terminal = simulated_terminal(broker, LOGIN)
    assert terminal.initialize(), terminal.last_error()
    return Floor(clock, broker, terminal)
