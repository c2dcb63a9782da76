"""Orders become deals, deals make and unmake positions."""

from infra.mt5.constants import (
    DEAL_ENTRY_IN,
    DEAL_ENTRY_INOUT,
    DEAL_ENTRY_OUT,
    DEAL_ENTRY_OUT_BY,
    DEAL_REASON_ROLLOVER,
    ORDER_STATE_FILLED,
    ORDER_TYPE_BUY,
    ORDER_TYPE_SELL,
)
from infra.mt5.simulator.ledger import Ledger, Order, Position, is_buy
from infra.mt5.simulator.moment import Moment
from infra.mt5.simulator.money import commission, lot_margin, profit
from infra.mt5.simulator.records import deal_tuple, order_tuple
from infra.mt5.simulator.work import Fill


def fill(ledger: Ledger, moment: Moment, order: Order, price: float, volume: float) -> Fill:
    """Deal a part of the order, or all of it, with what the account holds in its way.

    On a hedging account that is the position named, or the one that an earlier part has opened; on
    a netting account the symbol's one position.
    """
    met = met_by(ledger, order)
    if met is None:
        deal = _open(ledger, moment, order, price, volume)
    elif met.side == order.type % 2:
        deal = _add(ledger, moment, order, met, price, volume)
    elif volume <= met.volume:
        deal = _close(ledger, moment, order, met, price, volume)
    else:
        deal = _turn(ledger, moment, order, met, price, volume)
    order.left = round(order.left - volume, 8)
    if order.left <= 0.0:
        finish(ledger, order, ORDER_STATE_FILLED, moment.at_ms, price)
    return Fill(order.ticket, deal, volume, price)


def met_by(ledger: Ledger, order: Order) -> Position | None:
    """The position that a deal of this order changes."""
    if not ledger.terms.hedges:
        return ledger.position_of(order.symbol)
    return ledger.positions.get(order.position or order.ticket)


def fill_close_by(
    ledger: Ledger, moment: Moment, order: Order, one: Position, other: Position
) -> Fill:
    """Two opposite positions close each other; the profit is booked on the first."""
    order.volume = order.left = min(one.volume, other.volume)
    symbol = moment.market.symbols[one.symbol]
    gained = profit(
        moment,
        symbol,
        ledger.terms.currency,
        one.side,
        order.volume,
        one.price_open,
        other.price_open,
    )
    first = 0
    pairs = ((one, other.price_open, gained), (other, one.price_open, 0.0))
    for position, price, gain in pairs:
        order.position = position.identifier
        swap = _reduce(ledger, position, order.volume, moment.at_ms)
        figures = (DEAL_ENTRY_OUT_BY, order.volume, price, gain, swap, 1 - position.side)
        deal = _deal(ledger, moment, order, *figures)
        first = first or deal
    order.position, order.left = one.identifier, 0.0
    price = other.price_open
    finish(ledger, order, ORDER_STATE_FILLED, moment.at_ms, price)
    return Fill(order.ticket, first, order.volume, price)


def finish(ledger: Ledger, order: Order, state: int, at_ms: int, price: float) -> None:
    """The order is done and goes into the history."""
    ledger.orders.pop(order.ticket, None)
    order.state = state
    ledger.finish(order_tuple(order, price, at_ms))


def closing_order(
    ledger: Ledger, position: Position, at_ms: int, reason: int, comment: str
) -> Order:
    """The order with which the broker itself closes a position."""
    return Order(
        ticket=ledger.order_ticket(),
        symbol=position.symbol,
        type=ORDER_TYPE_SELL if is_buy(position.side) else ORDER_TYPE_BUY,
        volume=position.volume,
        left=position.volume,
        price=0.0,
        setup_ms=at_ms,
        filling=0,
        time_type=0,
        magic=position.magic,
        comment=comment,
        reason=reason,
        position=position.ticket,
    )


def reopen(ledger: Ledger, moment: Moment, position: Position, closed: float, again: float) -> None:
    """Charge the night by dealing the position away and back, as some brokers do."""
    at_ms, volume = moment.at_ms, position.volume
    for side, price in ((1 - position.side, closed), (position.side, again)):
        order = closing_order(ledger, position, at_ms, DEAL_REASON_ROLLOVER, position.comment)
        order.type, order.price = side, price
        order.position = position.identifier
        out = side != position.side
        gained = _gain(ledger, moment, position, price, volume) if out else 0.0
        entry = DEAL_ENTRY_OUT if out else DEAL_ENTRY_IN
        _deal(ledger, moment, order, entry, volume, price, gained)
        order.left = 0.0
        finish(ledger, order, ORDER_STATE_FILLED, at_ms, price)
        ticket = order.ticket
    del ledger.positions[position.ticket]
    position.ticket, position.price_open, position.updated_ms = ticket, again, at_ms
    ledger.positions[ticket] = position


def _open(ledger: Ledger, moment: Moment, order: Order, price: float, volume: float) -> int:
    """A position under the order's own ticket."""
    order.position = order.ticket
    ledger.positions[order.ticket] = Position(
        ticket=order.ticket,
        identifier=order.ticket,
        symbol=order.symbol,
        side=order.type % 2,
        volume=volume,
        price_open=price,
        sl=order.sl,
        tp=order.tp,
        opened_ms=moment.at_ms,
        updated_ms=moment.at_ms,
        magic=order.magic,
        comment=order.comment,
        reason=order.reason,
        lot_margin=_lot_margin(ledger, moment, order, price),
    )
    return _deal(ledger, moment, order, DEAL_ENTRY_IN, volume, price)


def _add(
    ledger: Ledger, moment: Moment, order: Order, held: Position, price: float, volume: float
) -> int:
    """More of the same: price and margin are the means."""
    order.position = held.identifier
    whole = round(held.volume + volume, 8)
    opened = (held.price_open * held.volume + price * volume) / whole
    bound = held.lot_margin * held.volume + _lot_margin(ledger, moment, order, price) * volume
    held.price_open, held.lot_margin, held.volume = round(opened, 8), bound / whole, whole
    held.sl, held.tp = order.sl or held.sl, order.tp or held.tp
    held.updated_ms = moment.at_ms
    return _deal(ledger, moment, order, DEAL_ENTRY_IN, volume, price)


def _close(
    ledger: Ledger, moment: Moment, order: Order, held: Position, price: float, volume: float
) -> int:
    """The position or a part of it is closed; swap is paid in proportion."""
    order.position = held.identifier
    gained = _gain(ledger, moment, held, price, volume)
    swap = _reduce(ledger, held, volume, moment.at_ms)
    return _deal(ledger, moment, order, DEAL_ENTRY_OUT, volume, price, gained, swap)


def _turn(
    ledger: Ledger, moment: Moment, order: Order, held: Position, price: float, volume: float
) -> int:
    """One deal closes the position and opens what is left of it the other way round: the position
    keeps its identifier and takes the order's ticket."""
    order.position = held.identifier
    gained = _gain(ledger, moment, held, price, held.volume)
    del ledger.positions[held.ticket]
    swap, rest = held.swap, round(volume - held.volume, 8)
    held.ticket, held.side, held.volume, held.swap = order.ticket, order.type % 2, rest, 0.0
    held.price_open, held.sl, held.tp = price, order.sl, order.tp
    held.magic, held.comment, held.reason = order.magic, order.comment, order.reason
    held.opened_ms = held.updated_ms = moment.at_ms
    held.lot_margin = _lot_margin(ledger, moment, order, price)
    ledger.positions[held.ticket] = held
    return _deal(ledger, moment, order, DEAL_ENTRY_INOUT, volume, price, gained, swap)


def _gain(ledger: Ledger, moment: Moment, held: Position, price: float, volume: float) -> float:
    symbol = moment.market.symbols[held.symbol]
    currency = ledger.terms.currency
    return profit(moment, symbol, currency, held.side, volume, held.price_open, price)


def _lot_margin(ledger: Ledger, moment: Moment, order: Order, price: float) -> float:
    symbol = moment.market.symbols[order.symbol]
    return lot_margin(moment, symbol, ledger.terms, order.type % 2, price)


def _deal(
    ledger: Ledger,
    moment: Moment,
    order: Order,
    entry: int,
    volume: float,
    price: float,
    gained: float = 0.0,
    swap: float = 0.0,
    side: int | None = None,
) -> int:
    """Book a deal and give its ticket. What turns no money over costs no commission."""
    free = entry == DEAL_ENTRY_OUT_BY or order.reason == DEAL_REASON_ROLLOVER
    symbol = moment.market.symbols[order.symbol]
    cost = 0.0 if free else commission(symbol, ledger.terms, volume)
    towards = order.type % 2 if side is None else side
    ticket, at_ms = ledger.deal_ticket(), moment.at_ms
    ledger.book(
        deal_tuple(ticket, order, towards, at_ms, entry, volume, price, 0.0 - cost, swap, gained)
    )
    return ticket


def _reduce(ledger: Ledger, position: Position, volume: float, at_ms: int) -> float:
    """Take volume away and give the swap that goes with it."""
    swap = round(position.swap * volume / position.volume, 2)
    position.volume = round(position.volume - volume, 8)
    position.swap = round(position.swap - swap, 2)
    position.updated_ms = at_ms
    if position.volume <= 0.0:
        del ledger.positions[position.ticket]
    return swap
