"""Which tick touches a stop or a pending order, and what it does."""

import numpy as np

from infra.mt5.constants import (
    ORDER_REASON_SL,
    ORDER_REASON_TP,
    ORDER_STATE_REJECTED,
    ORDER_TYPE_BUY_LIMIT,
    ORDER_TYPE_BUY_STOP,
    ORDER_TYPE_BUY_STOP_LIMIT,
    ORDER_TYPE_SELL_LIMIT,
    ORDER_TYPE_SELL_STOP,
    ORDER_TYPE_SELL_STOP_LIMIT,
)
from infra.mt5.simulator.depth import swept
from infra.mt5.simulator.execution import closing_order, fill_close, finish
from infra.mt5.simulator.ledger import Ledger, Order, Position, is_buy
from infra.mt5.simulator.money import affords, would_open
from infra.mt5.simulator.netting import enter
from infra.mt5.simulator.ticks import Market, Quote, Ticks, quote_of

_NEVER_BELOW = -np.inf
_NEVER_ABOVE = np.inf


def first_trigger(ledger: Ledger, name: str, tape: Ticks, start: int) -> int | None:
    """The first tick from `start` on that touches anything of a symbol."""
    if start >= len(tape):
        return None
    bid_low, bid_high, ask_low, ask_high = _levels(ledger, name)
    bid, ask = tape.bid[start:], tape.ask[start:]
    hit = (bid <= bid_low) | (bid >= bid_high) | (ask <= ask_low) | (ask >= ask_high)
    index = int(np.argmax(hit))
    return start + index if hit[index] else None


def _levels(ledger: Ledger, name: str) -> tuple[float, float, float, float]:
    """The nearest levels below and above the bid and the ask."""
    bid_low, bid_high = [_NEVER_BELOW], [_NEVER_ABOVE]
    ask_low, ask_high = [_NEVER_BELOW], [_NEVER_ABOVE]
    for position in ledger.positions.values():
        if position.symbol != name:
            continue
        if is_buy(position.side):
            bid_low.append(position.sl or _NEVER_BELOW)
            bid_high.append(position.tp or _NEVER_ABOVE)
        else:
            ask_high.append(position.sl or _NEVER_ABOVE)
            ask_low.append(position.tp or _NEVER_BELOW)
    side = {
        ORDER_TYPE_BUY_LIMIT: ask_low,
        ORDER_TYPE_SELL_LIMIT: bid_high,
        ORDER_TYPE_BUY_STOP: ask_high,
        ORDER_TYPE_SELL_STOP: bid_low,
        ORDER_TYPE_BUY_STOP_LIMIT: ask_high,
        ORDER_TYPE_SELL_STOP_LIMIT: bid_low,
    }
    for order in ledger.orders.values():
        if order.symbol == name and not order.deals_ms:
            side[order.type].append(order.price)
    return max(bid_low), min(bid_high), max(ask_low), min(ask_high)


def fire(market: Market, ledger: Ledger, name: str, tape: Ticks, index: int) -> None:
    """Do all that a tick touches: positions first, then orders, by ticket."""
    quote = quote_of(tape, index)
    for position in [p for p in ledger.positions.values() if p.symbol == name]:
        _stop(market, ledger, position, quote)
    for order in [o for o in ledger.orders.values() if o.symbol == name and not o.deals_ms]:
        _activate(market, ledger, order, quote)


def _stop(market: Market, ledger: Ledger, position: Position, quote: Quote) -> None:
    """Close at the tick's own price: a gap through the level is the trader's loss or gain. A stop
    loss takes what the book holds; a take profit is a limit."""
    buy = is_buy(position.side)
    price = quote.bid if buy else quote.ask
    lost = position.sl and (price <= position.sl if buy else price >= position.sl)
    won = position.tp and (price >= position.tp if buy else price <= position.tp)
    if not lost and not won:
        return
    symbol = market.symbols[position.symbol]
    level, word = (position.sl, "sl") if lost else (position.tp, "tp")
    reason = ORDER_REASON_SL if lost else ORDER_REASON_TP
    comment = f"[{word} {level:.{symbol.digits}f}]"
    order = closing_order(ledger, position, quote.time_ms, reason, comment)
    order.price = level
    if lost:
        price = swept(market.settings.seed, symbol, quote, order.type, position.volume)
    fill_close(ledger, symbol, order, position, price, quote.time_ms)


def _activate(market: Market, ledger: Ledger, order: Order, quote: Quote) -> None:
    if not _touched(order, quote):
        return
    if order.type in (ORDER_TYPE_BUY_STOP_LIMIT, ORDER_TYPE_SELL_STOP_LIMIT):
        order.type -= ORDER_TYPE_BUY_STOP_LIMIT - ORDER_TYPE_BUY_LIMIT
        order.price, order.stop_limit = order.stop_limit, 0.0
        order.changed_ms = quote.time_ms
        return
    price = quote.ask if order.type % 2 == 0 else quote.bid
    if order.type in (ORDER_TYPE_BUY_STOP, ORDER_TYPE_SELL_STOP):
        symbol = market.symbols[order.symbol]
        price = swept(market.settings.seed, symbol, quote, order.type % 2, order.volume)
    if _affordable(market, ledger, order, price, quote):
        enter(ledger, market.symbols[order.symbol], order, price, quote.time_ms)
    else:
        order.comment = "[no money]"
        finish(ledger, order, ORDER_STATE_REJECTED, quote.time_ms, price)


def _touched(order: Order, quote: Quote) -> bool:
    if order.type == ORDER_TYPE_BUY_LIMIT:
        return quote.ask <= order.price
    if order.type == ORDER_TYPE_SELL_LIMIT:
        return quote.bid >= order.price
    if order.type in (ORDER_TYPE_BUY_STOP, ORDER_TYPE_BUY_STOP_LIMIT):
        return quote.ask >= order.price
    return quote.bid <= order.price


def _affordable(market: Market, ledger: Ledger, order: Order, price: float, quote: Quote) -> bool:
    """Whether the account can carry the position that the order opens."""
    symbol = market.symbols[order.symbol]

    def prices(name: str) -> tuple[float, float]:
        if name == order.symbol:
            return quote.bid, quote.ask
        other = market.quote(name, quote.time_ms)
        return (other.bid, other.ask) if other else (0.0, 0.0)

    opened = would_open(symbol, ledger, order.type % 2, order.volume, price)
    return affords(market.symbols, ledger, prices, opened)
