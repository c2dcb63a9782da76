"""Made-up trading: scripts that hypothesis writes and a broker plays."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from infra.mt5 import constants as mt5
from infra.mt5.simulator.account import Account
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.clock import VirtualClock
from infra.mt5.simulator.work import Manner
from infra.mt5.tuples import TradeRequest
from tests.infra.mt5.worlds import HOUR_MS, LOGIN

NOTHING = TradeRequest(0, 0, 0, "", 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0, 0, 0, 0, "", 0, 0)


@dataclass(frozen=True, slots=True)
class Step:
    """Wait, look at the account a few times meanwhile, then do something.

    `on_tick`: go on waiting until the very millisecond of a tick.
    """

    wait_ms: int
    looks: int
    on_tick: bool
    what: str
    symbol: str
    side: int
    lots: float
    stop_points: int
    pick: int


STEPS = st.lists(
    st.builds(
        Step,
        wait_ms=st.sampled_from([0, 1, 60_000, HOUR_MS, 9 * HOUR_MS, 30 * HOUR_MS]),
        looks=st.integers(0, 4),
        on_tick=st.booleans(),
        what=st.sampled_from(["open", "open", "open", "close", "part", "pend", "remove", "stops"]),
        symbol=st.sampled_from(["EURUSD", "USDJPY", "XAUUSD", "AUDUSD"]),
        side=st.sampled_from([mt5.ORDER_TYPE_BUY, mt5.ORDER_TYPE_SELL]),
        lots=st.integers(1, 60).map(lambda n: n / 100),
        stop_points=st.sampled_from([0, 0, 11, 60, 200, 900]),
        pick=st.integers(0, 99),
    ),
    min_size=4,
    max_size=16,
)


def play(broker: Broker, clock: VirtualClock, steps: list[Step], looking: bool = True) -> Account:
    """Play a script on the first account."""
    account = broker.accounts[LOGIN]
    for step in steps:
        for _ in range(step.looks if looking else 0):
            clock.advance(step.wait_ms // (step.looks + 1))
            broker.advance()
        spent = step.wait_ms // (step.looks + 1) * step.looks if looking else 0
        clock.advance(step.wait_ms - spent)
        if step.on_tick:
            clock.advance(_until_next_tick_ms(broker, step.symbol))
        broker.advance()
        account.send(request_of(account, step), _manner(account))
    return account


def _manner(account: Account) -> Manner:
    """At once, or as late as the account's desk is."""
    desk_ms = account.ledger.terms.desk_ms
    return Manner(due_ms=account.ledger.now_ms + desk_ms if desk_ms else 0)


def _until_next_tick_ms(broker: Broker, symbol: str) -> int:
    now_ms = broker.now_ms()
    ahead = broker.market.ticks(symbol, now_ms, now_ms + HOUR_MS).time_ms
    return int(ahead[0]) - now_ms


def request_of(account: Account, step: Step) -> TradeRequest:
    """The request that a step makes of the book as it is."""
    quote = account.market.quote(step.symbol, account.ledger.now_ms)
    assert quote is not None
    symbol = account.market.symbols[step.symbol]
    away = round(step.stop_points * symbol.point, symbol.digits)
    up = 1 if step.side == mt5.ORDER_TYPE_BUY else -1
    price, exit_price = (quote.ask, quote.bid) if up == 1 else (quote.bid, quote.ask)
    sl = round(exit_price - up * away, symbol.digits) if away else 0.0
    if step.what in ("open", "pend"):
        pends = step.what == "pend"
        return NOTHING._replace(
            action=mt5.TRADE_ACTION_PENDING if pends else mt5.TRADE_ACTION_DEAL,
            symbol=step.symbol,
            type=step.side + 2 if pends else step.side,
            volume=step.lots,
            price=sl if pends else price,
            sl=0.0 if pends else sl,
            magic=step.pick,
            type_filling=step.pick % 3 if symbol.depth else 0,
        )
    return _of_existing(account, step)


def _of_existing(account: Account, step: Step) -> TradeRequest:
    positions, orders = list(account.ledger.positions.values()), list(account.ledger.orders)
    if step.what == "remove":
        ticket = orders[step.pick % len(orders)] if orders else 1
        return NOTHING._replace(action=mt5.TRADE_ACTION_REMOVE, order=ticket)
    if not positions:
        return NOTHING
    position = positions[step.pick % len(positions)]
    quote = account.market.quote(position.symbol, account.ledger.now_ms)
    assert quote is not None
    request = NOTHING._replace(symbol=position.symbol, position=position.ticket)
    if step.what == "stops":
        digits = account.market.symbols[position.symbol].digits
        sign = 1 if position.side == mt5.ORDER_TYPE_BUY else -1
        exit_price = quote.bid if sign == 1 else quote.ask
        away = step.stop_points / 10**digits
        return request._replace(
            action=mt5.TRADE_ACTION_SLTP,
            sl=round(exit_price - sign * away, digits),
            tp=round(exit_price + sign * away, digits),
        )
    return request._replace(
        action=mt5.TRADE_ACTION_DEAL,
        type=1 - position.side,
        volume=position.volume if step.what == "close" else min(step.lots, position.volume),
        price=quote.bid if position.side == mt5.ORDER_TYPE_BUY else quote.ask,
    )
