"""Orders become deals, deals make and unmake positions."""

from dataclasses import dataclass

from infra.mt5.constants import (
    DEAL_ENTRY_IN,
    DEAL_ENTRY_OUT,
    DEAL_ENTRY_OUT_BY,
    ORDER_STATE_FILLED,
    ORDER_TYPE_BUY,
    ORDER_TYPE_SELL,
)
from infra.mt5.simulator.ledger import Ledger, Order, Position, is_buy
from infra.mt5.simulator.money import lot_margin, profit
from infra.mt5.simulator.symbols import Specification
from infra.mt5.tuples import TradeDeal, TradeOrder


@dataclass(frozen=True, slots=True)
class Fill:
    """What an order led to."""

    order: int
    deal: int
    volume: float
    price: float


def fill_open(
    ledger: Ledger,
    symbol: Specification,
    order: Order,
    price: float,
    at_ms: int,
    lots: float = 0.0,
) -> Fill:
    """The order, or so many lots of it, opens a position under its own ticket, or adds to its
    position."""
    side = ORDER_TYPE_BUY if order.type % 2 == 0 else ORDER_TYPE_SELL
    lots = lots or order.left
    order.position = order.position or order.ticket
    opened = Position(
        ticket=order.position,
        symbol=order.symbol,
        side=side,
        volume=lots,
        price_open=price,
        sl=order.sl,
        tp=order.tp,
        opened_ms=at_ms,
        updated_ms=at_ms,
        magic=order.magic,
        comment=order.comment,
        reason=order.reason,
        lot_margin=lot_margin(symbol, ledger.terms, price),
    )
    ledger.positions[opened.ticket] = _added(ledger.positions.get(opened.ticket), opened)
    return dealt(ledger, order, made_deal(ledger, order, side, DEAL_ENTRY_IN, lots, price, at_ms))


def _added(held: Position | None, more: Position) -> Position:
    """A position and what a further deal of its order adds, at the mean of their prices."""
    if held is None:
        return more
    volume = round(held.volume + more.volume, 8)
    share = more.volume / volume
    held.price_open = round(held.price_open + (more.price_open - held.price_open) * share, 8)
    held.lot_margin += (more.lot_margin - held.lot_margin) * share
    held.volume = volume
    held.updated_ms = more.updated_ms
    return held


def dealt(ledger: Ledger, order: Order, deal: TradeDeal) -> Fill:
    """Book a deal of an order; an order with nothing left to deal is done."""
    ledger.book(deal)
    order.dealt = round(order.dealt + deal.volume, 8)
    if order.left <= 0.0:
        finish(ledger, order, ORDER_STATE_FILLED, deal.time_msc, deal.price)
    return Fill(order.ticket, deal.ticket, deal.volume, deal.price)


def fill_close(
    ledger: Ledger,
    symbol: Specification,
    order: Order,
    position: Position,
    price: float,
    at_ms: int,
    entry: int = DEAL_ENTRY_OUT,
    lots: float = 0.0,
) -> Fill:
    """The order closes a position, or so many lots of it; swap is paid in proportion."""
    order.position = position.ticket
    side = ORDER_TYPE_SELL if is_buy(position.side) else ORDER_TYPE_BUY
    lots = lots or order.left
    swap = round(position.swap * lots / position.volume, 2)
    gained = profit(symbol, ledger.terms.currency, position.side, lots, position.price_open, price)
    deal = made_deal(ledger, order, side, entry, lots, price, at_ms, gained, swap)
    fill = dealt(ledger, order, deal)
    _reduce(ledger, position, lots, swap, at_ms)
    return fill


def fill_close_by(
    ledger: Ledger, symbol: Specification, order: Order, one: Position, other: Position, at_ms: int
) -> Fill:
    """Two opposite positions close each other; the profit is booked on the first."""
    order.volume = min(one.volume, other.volume)
    fill = fill_close(ledger, symbol, order, one, other.price_open, at_ms, DEAL_ENTRY_OUT_BY)
    swap = round(other.swap * order.volume / other.volume, 2)
    order.position = other.ticket
    ledger.book(
        made_deal(
            ledger,
            order,
            one.side,
            DEAL_ENTRY_OUT_BY,
            order.volume,
            one.price_open,
            at_ms,
            swap=swap,
        )
    )
    _reduce(ledger, other, order.volume, swap, at_ms)
    return fill


def finish(ledger: Ledger, order: Order, state: int, at_ms: int, price: float) -> None:
    """The order is done and goes into the history."""
    ledger.orders.pop(order.ticket, None)
    order.state = state
    ledger.finish(order_tuple(order, price, order.left, at_ms))


def order_tuple(order: Order, price_current: float, left: float, done_ms: int = 0) -> TradeOrder:
    """The order as the package shows it."""
    return TradeOrder(
        ticket=order.ticket,
        time_setup=order.setup_ms // 1000,
        time_setup_msc=order.setup_ms,
        time_done=done_ms // 1000,
        time_done_msc=done_ms,
        time_expiration=order.expiration_s,
        type=order.type,
        type_time=order.time_type,
        type_filling=order.filling,
        state=order.state,
        magic=order.magic,
        position_id=order.position,
        position_by_id=order.position_by,
        reason=order.reason,
        volume_initial=order.volume,
        volume_current=left,
        price_open=order.price,
        sl=order.sl,
        tp=order.tp,
        price_current=price_current,
        price_stoplimit=order.stop_limit,
        symbol=order.symbol,
        comment=order.comment,
        external_id="",
    )


def closing_order(
    ledger: Ledger, position: Position, at_ms: int, reason: int, comment: str
) -> Order:
    """The order with which the broker itself closes a position."""
    return Order(
        ticket=ledger.order_ticket(),
        symbol=position.symbol,
        type=ORDER_TYPE_SELL if is_buy(position.side) else ORDER_TYPE_BUY,
        volume=position.volume,
        price=0.0,
        setup_ms=at_ms,
        filling=0,
        time_type=0,
        magic=position.magic,
        comment=comment,
        reason=reason,
    )


def made_deal(
    ledger: Ledger,
    order: Order,
    side: int,
    entry: int,
    volume: float,
    price: float,
    at_ms: int,
    gained: float = 0.0,
    swap: float = 0.0,
) -> TradeDeal:
    """The deal that an order makes, with its commission; not booked yet."""
    by_broker = entry == DEAL_ENTRY_OUT_BY
    commission = 0.0 if by_broker else -round(ledger.terms.commission_per_lot * volume, 2)
    return TradeDeal(
        ticket=ledger.deal_ticket(),
        order=order.ticket,
        time=at_ms // 1000,
        time_msc=at_ms,
        type=side,
        entry=entry,
        magic=order.magic,
        position_id=order.position,
        reason=order.reason,
        volume=volume,
        price=price,
        commission=commission,
        swap=swap,
        profit=gained,
        fee=0.0,
        symbol=order.symbol,
        comment=order.comment,
        external_id="",
    )


def _reduce(ledger: Ledger, position: Position, volume: float, swap: float, at_ms: int) -> None:
    position.volume = round(position.volume - volume, 8)
    position.swap = round(position.swap - swap, 2)
    position.updated_ms = at_ms
    if position.volume <= 0.0:
        del ledger.positions[position.ticket]
