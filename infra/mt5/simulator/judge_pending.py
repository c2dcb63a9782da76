"""The checks of pending orders: kind, expiry, price on the right side, limits."""

from math import isfinite

from infra.mt5 import constants as mt5
from infra.mt5.simulator.case import Case
from infra.mt5.simulator.expiry import expires_ms
from infra.mt5.simulator.judge_terms import ACCEPTED, on_grid, stops, stops_taken, volume_limit
from infra.mt5.simulator.specification import FILLING_BOC, FILLING_FOK, FILLING_IOC

_LIMITS = (mt5.ORDER_TYPE_BUY_LIMIT, mt5.ORDER_TYPE_SELL_LIMIT)
_STOP_LIMITS = (mt5.ORDER_TYPE_BUY_STOP_LIMIT, mt5.ORDER_TYPE_SELL_STOP_LIMIT)
_DEALERS = (mt5.SYMBOL_TRADE_EXECUTION_REQUEST, mt5.SYMBOL_TRADE_EXECUTION_INSTANT)
_ORDER_BITS = (1, 2, 4, 8)  # of the symbol's mask: market, limit, stop, stop-limit


def pending_type(case: Case) -> int:
    """One of the six kinds."""
    known = mt5.ORDER_TYPE_BUY_LIMIT <= case.request.type <= mt5.ORDER_TYPE_SELL_STOP_LIMIT
    return ACCEPTED if known else mt5.TRADE_RETCODE_INVALID


def kind_taken(case: Case) -> int:
    """Whether the symbol takes orders of this kind, and the stops that are asked for."""
    if not case.symbol.order_mask & _ORDER_BITS[case.request.type // 2]:
        return mt5.TRADE_RETCODE_INVALID_ORDER
    return stops_taken(case)


def filling(case: Case) -> int:
    """A dealer takes any but BOC; behind a book the mask counts, and what is left of a limit may
    always wait (RETURN)."""
    asked, kind, symbol = case.request.type_filling, case.request.type, case.symbol
    passive = kind in _LIMITS or kind in _STOP_LIMITS
    if asked == mt5.ORDER_FILLING_BOC:
        taken = passive and bool(symbol.filling_mask & FILLING_BOC)
    elif symbol.execution in _DEALERS:
        taken = asked <= mt5.ORDER_FILLING_RETURN
    elif asked == mt5.ORDER_FILLING_RETURN:
        taken = passive
    else:
        bit = FILLING_FOK if asked == mt5.ORDER_FILLING_FOK else FILLING_IOC
        taken = asked <= mt5.ORDER_FILLING_IOC and bool(symbol.filling_mask & bit)
    return ACCEPTED if taken else mt5.TRADE_RETCODE_INVALID_FILL


def order_there(case: Case) -> int:
    """The order is still active, or not even that yet. What is left of a market order is not
    changed any more."""
    order = case.order
    changes = case.request.action == mt5.TRADE_ACTION_MODIFY
    if order is not None and changes and order.type <= mt5.ORDER_TYPE_SELL:
        return mt5.TRADE_RETCODE_INVALID_ORDER
    return ACCEPTED if order or case.work else mt5.TRADE_RETCODE_INVALID_ORDER


def expiration(case: Case) -> int:
    """A known kind of lifetime that has not passed."""
    request = case.request
    if not mt5.ORDER_TIME_GTC <= request.type_time <= mt5.ORDER_TIME_SPECIFIED_DAY:
        return mt5.TRADE_RETCODE_INVALID_EXPIRATION
    if not case.symbol.expiration_mask & (1 << request.type_time):
        return mt5.TRADE_RETCODE_INVALID_EXPIRATION
    ends_ms = expires_ms(request.type_time, request.expiration, case.at_ms)
    passed = request.type_time != mt5.ORDER_TIME_GTC and ends_ms <= case.at_ms
    return mt5.TRADE_RETCODE_INVALID_EXPIRATION if passed else ACCEPTED


def prices(case: Case) -> int:
    """A limit waits for a better price than the market's, a stop for a worse one."""
    request = case.request
    if not on_grid(case, request.price) or not isfinite(request.stoplimit):
        return mt5.TRADE_RETCODE_INVALID_PRICE
    kind = _kind(case)
    up = 1.0 if kind % 2 == 0 else -1.0
    market = case.quoted.ask if kind % 2 == 0 else case.quoted.bid
    better = (market - request.price) * up
    beyond = better if kind in _LIMITS else -better
    if beyond < case.symbol.stops_level_points * case.symbol.point - 1e-6 * case.symbol.point:
        return mt5.TRADE_RETCODE_INVALID_PRICE
    if kind not in _STOP_LIMITS:
        return ACCEPTED
    inside = on_grid(case, request.stoplimit) and (request.price - request.stoplimit) * up >= 0
    return ACCEPTED if inside else mt5.TRADE_RETCODE_INVALID_PRICE


def entry_stops(case: Case) -> int:
    """Stops are measured from where the order would open."""
    kind = _kind(case)
    entry = case.request.stoplimit if kind in _STOP_LIMITS else case.request.price
    return stops(case, kind % 2, entry)


def changed(case: Case) -> int:
    """A modification changes something."""
    order, asked = case.order, case.request
    if order is None:
        return mt5.TRADE_RETCODE_INVALID_ORDER
    old = (order.price, order.stop_limit, order.sl, order.tp, order.time_type, order.expiration_s)
    new = (asked.price, asked.stoplimit, asked.sl, asked.tp, asked.type_time, asked.expiration)
    return mt5.TRADE_RETCODE_NO_CHANGES if old == new else ACCEPTED


def frozen(case: Case) -> int:
    """About to be activated, an order is no longer changed or removed."""
    freeze = case.symbol.freeze_level_points * case.symbol.point
    if not freeze or case.order is None:
        return ACCEPTED
    market = case.quoted.ask if case.order.type % 2 == 0 else case.quoted.bid
    near = abs(market - case.order.price) <= freeze
    return mt5.TRADE_RETCODE_FROZEN if near else ACCEPTED


def order_limits(case: Case) -> int:
    """The account's number of active orders, the symbol's volume in one direction."""
    if len(case.ledger.orders) >= case.ledger.terms.orders_max:
        return mt5.TRADE_RETCODE_LIMIT_ORDERS
    return volume_limit(case, case.request.volume)


def _kind(case: Case) -> int:
    return case.order.type if case.order else case.request.type
