"""The server's desk: requests that take their time, and what may become of them meanwhile."""

from infra.mt5 import constants as mt5
from infra.mt5.simulator.case import Case, case_of
from infra.mt5.simulator.execution import finish
from infra.mt5.simulator.judge import ACCEPTED, judge
from infra.mt5.simulator.ledger import Ledger, Order
from infra.mt5.simulator.ticks import Market
from infra.mt5.simulator.trade import execute, new_order
from infra.mt5.simulator.work import Fill, Manner, Outcome, Work
from infra.mt5.tuples import TradeRequest

_MAKES_AN_ORDER = (mt5.TRADE_ACTION_DEAL, mt5.TRADE_ACTION_PENDING)
_CHANGES_AN_ORDER = (mt5.TRADE_ACTION_MODIFY, mt5.TRADE_ACTION_REMOVE)


def carry_out(case: Case, manner: Manner) -> Outcome:
    """Do what was accepted, at once or, where the desk takes its time, later."""
    if manner.due_ms > case.at_ms and case.work is None:
        return Outcome(mt5.TRADE_RETCODE_PLACED, quote=case.quote, work=_begun(case, manner))
    if case.work is not None:
        return _cancelled(case, case.work)
    return _outcome(case, execute(case, manner))


def finish_work(market: Market, ledger: Ledger, work: Work, at_ms: int) -> None:
    """The desk has come to it: judge it again, by what holds now, and do it."""
    del ledger.works[work.ticket]
    code, case = _judged_now(market, ledger, work, at_ms)
    if code == ACCEPTED and case is not None:
        work.outcome = _outcome(case, execute(case, work.manner, work.order))
        return
    if work.order is not None:
        finish(ledger, work.order, mt5.ORDER_STATE_REJECTED, at_ms, work.order.price)
    work.outcome = Outcome(code, quote=case.quote if case else None)


def unnamed(request: TradeRequest) -> int:
    """The code for a request that names nothing the broker knows."""
    if request.action in _CHANGES_AN_ORDER:
        return mt5.TRADE_RETCODE_INVALID_ORDER
    return mt5.TRADE_RETCODE_INVALID


def _begun(case: Case, manner: Manner) -> Work:
    order = new_order(case, manner) if case.request.action in _MAKES_AN_ORDER else None
    ticket = order.ticket if order else case.ledger.order_ticket()
    if order is not None:
        order.state = mt5.ORDER_STATE_STARTED
    work = Work(ticket, case.request, manner, order, _looks(case.order))
    case.ledger.works[ticket] = work
    return work


def _cancelled(case: Case, work: Work) -> Outcome:
    """The trader takes back what the desk has not come to."""
    del case.ledger.works[work.ticket]
    if work.order is not None:
        finish(case.ledger, work.order, mt5.ORDER_STATE_CANCELED, case.at_ms, work.order.price)
    work.outcome = Outcome(mt5.TRADE_RETCODE_CANCEL, quote=case.quote)
    return Outcome(mt5.TRADE_RETCODE_DONE, Fill(work.ticket, 0, 0.0, 0.0), case.quote)


def _judged_now(market: Market, ledger: Ledger, work: Work, at_ms: int) -> tuple[int, Case | None]:
    case = case_of(market, ledger, work.request, at_ms, work.manner)
    if work.request.action in _CHANGES_AN_ORDER:
        order = ledger.orders.get(work.request.order)
        if order is None:
            return _ended(ledger, work.request.order), case
        if _looks(order) != work.seen:
            return mt5.TRADE_RETCODE_ORDER_CHANGED, case
    return (unnamed(work.request) if case is None else judge(case)), case


def _ended(ledger: Ledger, ticket: int) -> int:
    """The order was activated or died; where its activation was refused, that is what is told."""
    done = ledger.done_order(ticket)
    if done is not None and done.state == mt5.ORDER_STATE_REJECTED:
        return mt5.TRADE_RETCODE_REJECT_CANCEL
    return mt5.TRADE_RETCODE_ORDER_CHANGED


def _looks(order: Order | None) -> tuple[object, ...] | None:
    if order is None:
        return None
    return (order.type, order.price, order.stop_limit, order.left, order.state)


def _outcome(case: Case, fill: Fill) -> Outcome:
    """What an accepted request is answered with. A deal is done, done in part, or waits whole."""
    action = case.request.action
    waits = action == mt5.TRADE_ACTION_DEAL and not fill.deal
    if waits or action == mt5.TRADE_ACTION_PENDING:
        return Outcome(mt5.TRADE_RETCODE_PLACED, fill, case.quote)
    partly = action == mt5.TRADE_ACTION_DEAL and fill.volume < round(case.request.volume, 8)
    code = mt5.TRADE_RETCODE_DONE_PARTIAL if partly else mt5.TRADE_RETCODE_DONE
    return Outcome(code, fill, case.quote)
