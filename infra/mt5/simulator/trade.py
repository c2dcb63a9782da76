"""What an accepted request does to the book, at its moment."""

from infra.mt5 import constants as mt5
from infra.mt5.simulator.book import slipped, take
from infra.mt5.simulator.case import Case
from infra.mt5.simulator.execution import fill, fill_close_by, finish
from infra.mt5.simulator.expiry import dies_ms
from infra.mt5.simulator.ledger import Ledger, Order
from infra.mt5.simulator.work import AT_ONCE, NOTHING, Fill, Manner


def execute(case: Case, manner: Manner = AT_ONCE, order: Order | None = None) -> Fill:
    """Carry out a request that `judge` accepted, with the order that it has made before, if any."""
    match case.request.action:
        case mt5.TRADE_ACTION_DEAL:
            return _deal(case, order or new_order(case, manner))
        case mt5.TRADE_ACTION_PENDING:
            return _place(case, order or new_order(case, manner))
        case mt5.TRADE_ACTION_SLTP:
            return _move_stops(case)
        case mt5.TRADE_ACTION_MODIFY:
            return _modify(case)
        case mt5.TRADE_ACTION_REMOVE:
            return _remove(case)
        case mt5.TRADE_ACTION_CLOSE_BY:
            return _close_by(case, manner)
        case action:
            raise ValueError(f"action {action} was accepted, but nobody knows how to execute it")


def _deal(case: Case, order: Order) -> Fill:
    """Deal what is offered; what is not goes as the order's filling says."""
    order.position = case.request.position
    found = case.offer
    made = Fill(order.ticket, 0, 0.0, 0.0)
    if found.lots:
        price = slipped(case.market, case.symbol, order.ticket, found.price)
        made = fill(case.ledger, case.moment, order, price, found.lots)
        take(case.ledger, case.symbol, case.side, case.quoted, found.lots)
    rest(case.ledger, order, case.at_ms, found.price)
    return made


def rest(ledger: Ledger, order: Order, at_ms: int, price: float) -> None:
    """What could not be dealt waits where the filling says so, and is cancelled elsewhere."""
    if order.left <= 0.0:
        return
    partly = order.left < order.volume
    if order.filling != mt5.ORDER_FILLING_RETURN:
        state = mt5.ORDER_STATE_PARTIAL if partly else mt5.ORDER_STATE_CANCELED
        finish(ledger, order, state, at_ms, price)
        return
    order.state = mt5.ORDER_STATE_PARTIAL if partly else mt5.ORDER_STATE_PLACED
    ledger.orders[order.ticket] = order


def _place(case: Case, order: Order) -> Fill:
    order.state = mt5.ORDER_STATE_PLACED
    order.expires_ms = dies_ms(case.symbol, order.time_type, order.expiration_s, case.at_ms)
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
    order.expires_ms = dies_ms(case.symbol, order.time_type, order.expiration_s, case.at_ms)
    return Fill(order.ticket, 0, order.volume, order.price)


def _remove(case: Case) -> Fill:
    order = case.order
    if order is None:
        return NOTHING
    finish(case.ledger, order, mt5.ORDER_STATE_CANCELED, case.at_ms, case.quoted.bid)
    return Fill(order.ticket, 0, order.volume, order.price)


def _close_by(case: Case, manner: Manner) -> Fill:
    one = case.position
    other = case.ledger.positions.get(case.request.position_by)
    if one is None or other is None:
        return NOTHING
    order = new_order(case, manner)
    order.price = 0.0
    order.type = mt5.ORDER_TYPE_CLOSE_BY
    order.symbol = one.symbol
    order.position_by = other.ticket
    return fill_close_by(case.ledger, case.moment, order, one, other)


def new_order(case: Case, manner: Manner) -> Order:
    """The order that a request makes, under a ticket of its own."""
    request = case.request
    comment = request.comment if manner.comment is None else manner.comment
    return Order(
        ticket=case.ledger.order_ticket(),
        symbol=case.symbol.name,
        type=request.type,
        volume=round(request.volume, 8),
        left=round(request.volume, 8),
        price=request.price,
        setup_ms=case.at_ms,
        filling=request.type_filling,
        time_type=request.type_time,
        magic=request.magic,
        comment=comment[: case.ledger.terms.comment_chars_max],
        reason=manner.reason,
        stop_limit=request.stoplimit,
        sl=request.sl,
        tp=request.tp,
        expiration_s=request.expiration,
    )
