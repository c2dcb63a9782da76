"""Which tick touches a stop or a pending order, and what it does."""

import numpy as np

from infra.mt5.constants import (
    ORDER_FILLING_FOK,
    ORDER_REASON_SL,
    ORDER_REASON_TP,
    ORDER_STATE_CANCELED,
    ORDER_STATE_REJECTED,
    ORDER_TYPE_BUY,
    ORDER_TYPE_BUY_LIMIT,
    ORDER_TYPE_BUY_STOP,
    ORDER_TYPE_BUY_STOP_LIMIT,
    ORDER_TYPE_SELL,
    ORDER_TYPE_SELL_LIMIT,
    ORDER_TYPE_SELL_STOP,
    ORDER_TYPE_SELL_STOP_LIMIT,
)
from infra.mt5.simulator.book import offer, swept, take
from infra.mt5.simulator.execution import closing_order, fill, finish, met_by
from infra.mt5.simulator.ledger import Ledger, Order, Position, is_buy
from infra.mt5.simulator.moment import Moment
from infra.mt5.simulator.money import affords
from infra.mt5.simulator.ticks import Market, Quote, Ticks, quote_of
from infra.mt5.simulator.trade import rest

NO_MONEY = "[no money]"
NO_VOLUME = "[no volume]"
_LIMITS = (ORDER_TYPE_BUY_LIMIT, ORDER_TYPE_SELL_LIMIT)
_STOP_LIMITS = (ORDER_TYPE_BUY_STOP_LIMIT, ORDER_TYPE_SELL_STOP_LIMIT)
_NEVER_BELOW = -np.inf
_NEVER_ABOVE = np.inf
_AT_ONCE = {ORDER_TYPE_BUY: np.inf, ORDER_TYPE_SELL: -np.inf}  # what is left of a market order


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
        ORDER_TYPE_BUY: ask_low,
        ORDER_TYPE_SELL: bid_high,
        ORDER_TYPE_BUY_LIMIT: ask_low,
        ORDER_TYPE_SELL_LIMIT: bid_high,
        ORDER_TYPE_BUY_STOP: ask_high,
        ORDER_TYPE_SELL_STOP: bid_low,
        ORDER_TYPE_BUY_STOP_LIMIT: ask_high,
        ORDER_TYPE_SELL_STOP_LIMIT: bid_low,
    }
    for order in ledger.orders.values():
        if order.symbol == name:
            side[order.type].append(_AT_ONCE.get(order.type, order.price))
    return max(bid_low), min(bid_high), max(ask_low), min(ask_high)


def fire(market: Market, ledger: Ledger, name: str, tape: Ticks, index: int) -> None:
    """Do all that a tick touches: positions first, then orders, by ticket."""
    quote = quote_of(tape, index)
    moment = Moment(market, quote.time_ms, {name: (quote.bid, quote.ask)})
    for position in [p for p in ledger.positions.values() if p.symbol == name]:
        _stop(ledger, moment, position, quote)
    for order in [o for o in ledger.orders.values() if o.symbol == name]:
        _activate(ledger, moment, order, quote)


def _stop(ledger: Ledger, moment: Moment, position: Position, quote: Quote) -> None:
    """Close at the tick's price: a gap through the level is the trader's loss or gain. A stop also
    takes what the book holds behind it."""
    buy = is_buy(position.side)
    price = quote.bid if buy else quote.ask
    lost = position.sl and (price <= position.sl if buy else price >= position.sl)
    won = position.tp and (price >= position.tp if buy else price <= position.tp)
    if not lost and not won:
        return
    symbol = moment.market.symbols[position.symbol]
    level, word = (position.sl, "sl") if lost else (position.tp, "tp")
    reason = ORDER_REASON_SL if lost else ORDER_REASON_TP
    comment = f"[{word} {level:.{symbol.digits}f}]"
    order = closing_order(ledger, position, quote.time_ms, reason, comment)
    order.price = level
    if lost:
        market, side = moment.market, order.type % 2
        price = swept(market, ledger, symbol, side, quote, order.left)
    fill(ledger, moment, order, price, order.left)


def _activate(ledger: Ledger, moment: Moment, order: Order, quote: Quote) -> None:
    if not _touched(order, quote):
        return
    if order.type in _STOP_LIMITS:
        order.type -= ORDER_TYPE_BUY_STOP_LIMIT - ORDER_TYPE_BUY_LIMIT
        order.price, order.stop_limit = order.stop_limit, 0.0
        return
    price = quote.ask if order.type % 2 == 0 else quote.bid
    if order.position and ledger.terms.hedges and met_by(ledger, order) is None:
        finish(ledger, order, ORDER_STATE_CANCELED, quote.time_ms, price)
    elif not _affordable(ledger, moment, order, price):
        order.comment = NO_MONEY
        finish(ledger, order, ORDER_STATE_REJECTED, quote.time_ms, price)
    else:
        _deal(ledger, moment, order, quote)


def _deal(ledger: Ledger, moment: Moment, order: Order, quote: Quote) -> None:
    """Deal what the book offers: a limit at no worse than its price, all others at any."""
    market, symbol = moment.market, moment.market.symbols[order.symbol]
    side, limit = order.type % 2, order.price if order.type in _LIMITS else 0.0
    found = offer(market, ledger, symbol, side, quote, order.left, limit)
    if order.filling == ORDER_FILLING_FOK and found.lots < order.left:
        order.comment = NO_VOLUME
        finish(ledger, order, ORDER_STATE_REJECTED, quote.time_ms, found.price)
        return
    if found.lots:
        fill(ledger, moment, order, found.price, found.lots)
        take(ledger, symbol, side, quote, found.lots)
    rest(ledger, order, quote.time_ms, found.price)


def _touched(order: Order, quote: Quote) -> bool:
    if order.type in (ORDER_TYPE_BUY, ORDER_TYPE_SELL):
        return True
    if order.type == ORDER_TYPE_BUY_LIMIT:
        return quote.ask <= order.price
    if order.type == ORDER_TYPE_SELL_LIMIT:
        return quote.bid >= order.price
    if order.type in (ORDER_TYPE_BUY_STOP, ORDER_TYPE_BUY_STOP_LIMIT):
        return quote.ask >= order.price
    return quote.bid <= order.price


def _affordable(ledger: Ledger, moment: Moment, order: Order, price: float) -> bool:
    """Whether the account can carry what the order opens; what only closes is always carried."""
    met = met_by(ledger, order)
    side = order.type % 2
    if met is not None and met.side != side and order.left <= met.volume:
        return True
    symbol = moment.market.symbols[order.symbol]
    return affords(moment, ledger, symbol, side, order.left, price)
