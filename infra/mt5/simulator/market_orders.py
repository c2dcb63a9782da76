"""Market orders at the server: dealt at once, or when the server gets to them, whole or in part."""

from math import inf

from infra.mt5 import constants as mt5
from infra.mt5.simulator.case import Case, prices_at
from infra.mt5.simulator.depth import Taken, taken
from infra.mt5.simulator.execution import Fill, fill_close, finish
from infra.mt5.simulator.ledger import Ledger, Order
from infra.mt5.simulator.money import affords, would_open
from infra.mt5.simulator.netting import enter
from infra.mt5.simulator.symbols import Specification
from infra.mt5.simulator.ticks import Market, Quote

_TOLERANCE = 1e-8
REFILL_MS = 1_000  # until the rest of an order that is dealt in parts is tried again
OWN_PRICE = (mt5.SYMBOL_TRADE_EXECUTION_REQUEST, mt5.SYMBOL_TRADE_EXECUTION_INSTANT)


def in_reach(case: Case) -> Taken:
    """What the request can deal now; where the trader names the price, inside his deviation."""
    own = case.symbol.execution in OWN_PRICE
    away_points = case.request.deviation if own else inf
    seed = case.market.settings.seed
    lots = case.request.volume
    return taken(seed, case.symbol, case.quoted, case.side, lots, away_points)


def waits(case: Case) -> bool:
    """Whether the deal comes after the answer: executions by market and exchange are queued, the
    others only where they take longer than the server lets a request wait."""
    late_ms = case.symbol.execution_ms
    queued = case.symbol.execution not in OWN_PRICE
    return late_ms > 0 and (queued or late_ms > case.ledger.terms.answer_limit_ms)


def wait(ledger: Ledger, symbol: Specification, order: Order, at_ms: int) -> Fill:
    """The server has taken the order and will deal it later."""
    order.deals_ms = at_ms + symbol.execution_ms
    ledger.orders[order.ticket] = order
    return Fill(order.ticket, 0, order.volume, 0.0)


def deal(ledger: Ledger, symbol: Specification, order: Order, found: Taken, at_ms: int) -> Fill:
    """Deal what was found. What is left waits for more if the order returns, else is cancelled."""
    position = ledger.positions.get(order.position)
    if position is not None and order.position != order.ticket and not ledger.terms.nets:
        fill = fill_close(ledger, symbol, order, position, found.price, at_ms, lots=found.lots)
    else:
        fill = enter(ledger, symbol, order, found.price, at_ms, found.lots)
    if order.left <= 0.0:
        return fill
    if order.filling == mt5.ORDER_FILLING_RETURN:
        order.state = mt5.ORDER_STATE_PARTIAL
        order.deals_ms = at_ms + REFILL_MS
        ledger.orders[order.ticket] = order
    else:
        finish(ledger, order, mt5.ORDER_STATE_CANCELED, at_ms, found.price)
    return fill


def due(market: Market, ledger: Ledger, at_ms: int) -> None:
    """Deal the orders whose time has come, at the quote of that time."""
    for order in [o for o in ledger.orders.values() if o.deals_ms == at_ms]:
        quote = market.quote(order.symbol, at_ms)
        if quote is not None:
            _deal_late(market, ledger, order, quote, at_ms)


def _deal_late(market: Market, ledger: Ledger, order: Order, quote: Quote, at_ms: int) -> None:
    symbol = market.symbols[order.symbol]
    side = order.type % 2
    found = taken(market.settings.seed, symbol, quote, side, order.left, inf)
    closes = order.position not in (0, order.ticket) and not ledger.terms.nets
    short = found.lots < (order.left if order.filling == mt5.ORDER_FILLING_FOK else _TOLERANCE)
    if order.position and order.position not in ledger.positions:
        _end(ledger, order, mt5.ORDER_STATE_CANCELED, at_ms, found, "[position closed]")
    elif short and order.filling == mt5.ORDER_FILLING_RETURN:
        order.deals_ms = at_ms + REFILL_MS
    elif short:
        _end(ledger, order, mt5.ORDER_STATE_CANCELED, at_ms, found, "[no depth]")
    elif not closes and not affords(
        market.symbols,
        ledger,
        prices_at(market, at_ms),
        would_open(symbol, ledger, side, found.lots, found.price),
    ):
        _end(ledger, order, mt5.ORDER_STATE_REJECTED, at_ms, found, "[no money]")
    else:
        deal(ledger, symbol, order, found, at_ms)


def _end(ledger: Ledger, order: Order, state: int, at_ms: int, found: Taken, comment: str) -> None:
    order.comment = comment
    finish(ledger, order, state, at_ms, found.price)
