"""What an accepted request does to the book, at its moment."""

from infra.mt5 import constants as mt5
from infra.mt5.simulator.case import Case
from infra.mt5.simulator.execution import Fill, fill_close_by, finish
from infra.mt5.simulator.expiry import expires_ms
from infra.mt5.simulator.ledger import Order
from infra.mt5.simulator.market_orders import deal, in_reach, wait, waits

NOTHING = Fill(0, 0, 0.0, 0.0)


def execute(case: Case) -> Fill:
    """Carry out a request that `judge` accepted."""
    match case.request.action:
        case mt5.TRADE_ACTION_DEAL:
            return _deal(case)
        case mt5.TRADE_ACTION_PENDING:
            return _place(case)
        case mt5.TRADE_ACTION_SLTP:
            return _move_stops(case)
        case mt5.TRADE_ACTION_MODIFY:
            return _modify(case)
        case mt5.TRADE_ACTION_REMOVE:
            return _remove(case)
        case mt5.TRADE_ACTION_CLOSE_BY:
            return _close_by(case)
        case action:
            raise ValueError(f"action {action} was accepted, but nobody knows how to execute it")


def _deal(case: Case) -> Fill:
    order = _order(case, case.request.price)
    order.position = case.position.ticket if case.position else 0
    if waits(case):
        return wait(case.ledger, case.symbol, order, case.at_ms)
    return deal(case.ledger, case.symbol, order, in_reach(case), case.at_ms)


def _place(case: Case) -> Fill:
    order = _order(case, case.request.price)
    order.expires_ms = expires_ms(order.time_type, order.expiration_s, case.at_ms)
    case.ledger.orders[order.ticket] = order
    return Fill(order.ticket, 0, order.volume, order.price)


def _move_stops(case: Case) -> Fill:
    position = case.position
    if position is None:
        return NOTHING
    position.sl = case.request.sl
    position.tp = case.request.tp
    position.updated_ms = case.at_ms
    return NOTHING


def _modify(case: Case) -> Fill:
    order, request = case.order, case.request
    if order is None:
        return NOTHING
    order.price = request.price
    order.stop_limit = request.stoplimit
    order.sl = request.sl
    order.tp = request.tp
    order.time_type = request.type_time
    order.expiration_s = request.expiration
    order.expires_ms = expires_ms(order.time_type, order.expiration_s, case.at_ms)
    order.changed_ms = case.at_ms
    return Fill(order.ticket, 0, order.volume, order.price)


def _remove(case: Case) -> Fill:
    order = case.order
    if order is None:
        return NOTHING
    finish(case.ledger, order, mt5.ORDER_STATE_CANCELED, case.at_ms, case.quoted.bid)
    return Fill(order.ticket, 0, order.volume, order.price)


def _close_by(case: Case) -> Fill:
    one = case.position
    other = case.ledger.positions.get(case.request.position_by)
    if one is None or other is None:
        return NOTHING
    order = _order(case, 0.0)
    order.type = mt5.ORDER_TYPE_CLOSE_BY
    order.symbol = one.symbol
    order.position_by = other.ticket
    return fill_close_by(case.ledger, case.symbol, order, one, other, case.at_ms)


def _order(case: Case, price: float) -> Order:
    request = case.request
    return Order(
        ticket=case.ledger.order_ticket(),
        symbol=case.symbol.name,
        type=request.type,
        volume=round(request.volume, 8),
        price=price,
        setup_ms=case.at_ms,
        filling=request.type_filling,
        time_type=request.type_time,
        magic=request.magic,
        comment=request.comment,
        stop_limit=request.stoplimit,
        sl=request.sl,
        tp=request.tp,
        expiration_s=request.expiration,
    )
