"""The checks against what stands in the account: other positions, orders that are worked on."""

from infra.mt5 import constants as mt5
from infra.mt5.simulator.case import Case
from infra.mt5.simulator.judge_terms import ACCEPTED
from infra.mt5.simulator.ledger import Position

_TOLERANCE = 1e-8


def first_in_first_out(case: Case) -> int:
    """Where the account closes in order, the oldest position of the symbol and side comes first."""
    position = case.position
    if not case.ledger.terms.fifo_close or position is None:
        return ACCEPTED
    older = any(_same_way(position, each) and each.ticket < position.ticket for each in _held(case))
    return mt5.TRADE_RETCODE_FIFO_CLOSE if older else ACCEPTED


def hedging(case: Case) -> int:
    """Whether the account may hold a symbol both ways."""
    terms = case.ledger.terms
    if terms.hedging_allowed or terms.nets or case.position:
        return ACCEPTED
    opposite = any(p.symbol == case.symbol.name and p.side != case.side for p in _held(case))
    return HEDGE_PROHIBITED if opposite else ACCEPTED


def closing_already(case: Case) -> int:
    """The closes under way and this one must not be more than the position."""
    if case.position is None:
        return ACCEPTED
    closing = closing_lots(case, case.position.ticket)
    too_much = closing + case.request.volume > case.position.volume + _TOLERANCE
    return mt5.TRADE_RETCODE_CLOSE_ORDER_EXIST if closing and too_much else ACCEPTED


def closing_either(case: Case) -> int:
    """Two positions close each other only where neither is being closed."""
    under_way = any(
        closing_lots(case, ticket) for ticket in (case.request.position, case.request.position_by)
    )
    return mt5.TRADE_RETCODE_CLOSE_ORDER_EXIST if under_way else ACCEPTED


def position_locked(case: Case) -> int:
    """The stops of a position that is being closed stay as they are."""
    position = case.position
    locked = position is not None and closing_lots(case, position.ticket) > 0.0
    return mt5.TRADE_RETCODE_LOCKED if locked else ACCEPTED


def order_there(case: Case) -> int:
    """The order is active, nobody is at it, and it has not just become another. What is left of
    a market order may be taken back, but not changed."""
    order = case.order
    if order is None:
        return _order_gone(case)
    returned = order.state == mt5.ORDER_STATE_PARTIAL
    takes_back = case.request.action == mt5.TRADE_ACTION_REMOVE
    if order.deals_ms and not (returned and takes_back):
        return mt5.TRADE_RETCODE_LOCKED
    return mt5.TRADE_RETCODE_ORDER_CHANGED if _settles(case, order.changed_ms) else ACCEPTED


def closing_lots(case: Case, ticket: int) -> float:
    """The lots of a position for which the server has closing orders."""
    position = case.ledger.positions.get(ticket)
    return sum(
        order.left
        for order in case.ledger.orders.values()
        if position is not None and order.position == ticket and order.type % 2 != position.side
    )


def _order_gone(case: Case) -> int:
    done = case.ledger.done_order(case.request.order)
    if done is None:
        return mt5.TRADE_RETCODE_INVALID_ORDER
    if _settles(case, done.time_done_msc):
        return mt5.TRADE_RETCODE_ORDER_CHANGED
    refused = done.state == mt5.ORDER_STATE_REJECTED
    return mt5.TRADE_RETCODE_REJECT_CANCEL if refused else mt5.TRADE_RETCODE_INVALID_ORDER


def _settles(case: Case, changed_ms: int) -> bool:
    """Whoever asks so soon after a change was not told of it yet."""
    return bool(changed_ms) and case.at_ms < changed_ms + case.ledger.terms.settling_ms


def _held(case: Case) -> list[Position]:
    return list(case.ledger.positions.values())


def _same_way(one: Position, other: Position) -> bool:
    return one.symbol == other.symbol and one.side == other.side


HEDGE_PROHIBITED = 10046  # sent by servers, not named in the package
