"""Whether a trade request is accepted: each return code by its cause, in the server's order."""

from collections.abc import Callable
from math import isfinite

from infra.mt5 import constants as mt5
from infra.mt5.arguments import COMMENT_UNITS_MAX
from infra.mt5.simulator import judge_pending as pending
from infra.mt5.simulator.case import Case
from infra.mt5.simulator.judge_terms import (
    autotrading,
    bridge,
    direction,
    filling,
    liquidity,
    market_open,
    market_orders,
    money,
    oldest_first,
    on_grid,
    position_limits,
    price_good,
    price_known,
    stops,
    stops_taken,
    symbol_tradable,
    unlocked,
    volume,
)
from infra.mt5.simulator.ledger import is_buy

ACCEPTED = 0
PRICE_HELD_MS = 3_000
_CLOSE_BY = 64  # a bit of the mask of orders
Check = Callable[[Case], int]


def judge(case: Case) -> int:
    """`ACCEPTED`, or the return code of the first check that refuses."""
    for check in (_comment_short, *CHECKS.get(case.request.action, (_unknown_action,))):
        code = check(case)
        if code != ACCEPTED:
            return code
    return ACCEPTED


def _comment_short(case: Case) -> int:
    """The package lets no other through; who comes over a wire may have no package. A half of a
    pair of surrogates is no text, and could not be written down."""
    units, halves = 0, False
    for letter in case.request.comment:
        units += 1 + (letter > "\uffff")
        halves |= "\ud800" <= letter <= "\udfff"
    fits = units <= COMMENT_UNITS_MAX and not halves
    return ACCEPTED if fits else mt5.TRADE_RETCODE_INVALID


def _unknown_action(_case: Case) -> int:
    return mt5.TRADE_RETCODE_INVALID


def _market_type(case: Case) -> int:
    known = case.request.type in (mt5.ORDER_TYPE_BUY, mt5.ORDER_TYPE_SELL)
    return ACCEPTED if known else mt5.TRADE_RETCODE_INVALID


def _named_position(case: Case) -> int:
    """A deal that names a position must find it; on a hedging account it closes it, so it points
    the other way."""
    if not case.request.position:
        return ACCEPTED
    if case.position is None:
        return gone(case)
    same_way = case.ledger.terms.hedges and case.position.side == case.side
    if case.position.symbol != case.symbol.name or same_way:
        return mt5.TRADE_RETCODE_INVALID
    return ACCEPTED


def gone(case: Case) -> int:
    """A position that was there is closed; one that never was is a wrong request."""
    known = case.ledger.deals_of_position(case.request.position)
    return mt5.TRADE_RETCODE_POSITION_CLOSED if known else mt5.TRADE_RETCODE_INVALID


def _close_volume(case: Case) -> int:
    if not case.ledger.terms.hedges or case.position is None:
        return ACCEPTED
    fits = case.request.volume <= case.position.volume
    return ACCEPTED if fits else mt5.TRADE_RETCODE_INVALID_CLOSE_VOLUME


def _deal_price(case: Case) -> int:
    """Who deals with a dealer says at which price; a book is dealt with at its own."""
    if not isfinite(case.request.price) or not isfinite(case.request.stoplimit):
        return mt5.TRADE_RETCODE_INVALID_PRICE
    match case.symbol.execution:
        case mt5.SYMBOL_TRADE_EXECUTION_INSTANT:
            return _instant_price(case)
        case mt5.SYMBOL_TRADE_EXECUTION_REQUEST:
            return _requested_price(case)
        case _:
            return ACCEPTED


def _instant_price(case: Case) -> int:
    """The price asked for must still be there, give or take the deviation."""
    asked = case.request.price
    if asked <= 0.0:
        return mt5.TRADE_RETCODE_INVALID_PRICE
    moved_points = abs(asked - case.price) / case.symbol.point
    if moved_points > case.request.deviation + 1e-6:
        return mt5.TRADE_RETCODE_REQUOTE
    return ACCEPTED


def _requested_price(case: Case) -> int:
    """The dealer keeps a price that he has given for a moment, and deals at no other."""
    if not on_grid(case, case.request.price):
        return mt5.TRADE_RETCODE_INVALID_PRICE
    held = case.market.ticks(case.symbol.name, case.at_ms - PRICE_HELD_MS, case.at_ms + 1)
    given = held.ask if is_buy(case.side) else held.bid
    kept = case.request.price == case.price or case.request.price in given
    return ACCEPTED if kept else mt5.TRADE_RETCODE_PRICE_CHANGED


def _deal_stops(case: Case) -> int:
    if not isfinite(case.request.sl) or not isfinite(case.request.tp):
        return mt5.TRADE_RETCODE_INVALID_STOPS
    if case.opens <= 0.0:
        return ACCEPTED
    return stops(case, case.side, _exit_price(case, case.side))


def _exit_price(case: Case, side: int) -> float:
    return case.quoted.bid if is_buy(side) else case.quoted.ask


def _position_there(case: Case) -> int:
    return ACCEPTED if case.position else gone(case)


def _own_symbol(case: Case) -> int:
    """Who names a position or an order and a symbol beside it names the symbol that it is of: by
    another's prices its levels would be judged."""
    orders = case.request.action in (mt5.TRADE_ACTION_MODIFY, mt5.TRADE_ACTION_REMOVE)
    named = case.order if orders else case.position
    fits = named is None or named.symbol == case.symbol.name
    return ACCEPTED if fits else mt5.TRADE_RETCODE_INVALID


def _changed_stops(case: Case) -> int:
    position, request = case.position, case.request
    same = position is not None and (position.sl, position.tp) == (request.sl, request.tp)
    return mt5.TRADE_RETCODE_NO_CHANGES if same else ACCEPTED


def _position_stops(case: Case) -> int:
    if case.position is None:
        return gone(case)
    return stops(case, case.position.side, _exit_price(case, case.position.side))


def _frozen_stops(case: Case) -> int:
    """Close to where they would be executed, stops may no longer be moved."""
    freeze = case.symbol.freeze_level_points * case.symbol.point
    if not freeze or case.position is None:
        return ACCEPTED
    price = _exit_price(case, case.position.side)
    near = any(s and abs(price - s) <= freeze for s in (case.position.sl, case.position.tp))
    return mt5.TRADE_RETCODE_FROZEN if near else ACCEPTED


def _opposite_there(case: Case) -> int:
    if not case.ledger.terms.hedges or not case.symbol.order_mask & _CLOSE_BY:
        return mt5.TRADE_RETCODE_INVALID_ORDER
    other = case.ledger.positions.get(case.request.position_by)
    if case.position is None or other is None:
        return mt5.TRADE_RETCODE_POSITION_CLOSED
    fits = other.symbol == case.position.symbol and other.side != case.position.side
    return ACCEPTED if fits else mt5.TRADE_RETCODE_INVALID


CHECKS: dict[int, tuple[Check, ...]] = {
    mt5.TRADE_ACTION_DEAL: (
        autotrading,
        _market_type,
        symbol_tradable,
        market_orders,
        _named_position,
        unlocked,
        volume,
        _close_volume,
        oldest_first,
        direction,
        filling,
        market_open,
        price_good,
        bridge,
        _deal_price,
        _deal_stops,
        position_limits,
        liquidity,
        money,
    ),
    mt5.TRADE_ACTION_PENDING: (
        autotrading,
        pending.pending_type,
        symbol_tradable,
        pending.kind_taken,
        volume,
        direction,
        pending.filling,
        pending.expiration,
        market_open,
        price_good,
        pending.prices,
        pending.entry_stops,
        pending.order_limits,
    ),
    mt5.TRADE_ACTION_SLTP: (
        autotrading,
        _position_there,
        _own_symbol,
        unlocked,
        stops_taken,
        _changed_stops,
        market_open,
        price_good,
        _frozen_stops,
        _position_stops,
    ),
    mt5.TRADE_ACTION_MODIFY: (
        autotrading,
        pending.order_there,
        _own_symbol,
        unlocked,
        stops_taken,
        pending.changed,
        pending.expiration,
        market_open,
        price_good,
        pending.frozen,
        pending.prices,
        pending.entry_stops,
    ),
    mt5.TRADE_ACTION_REMOVE: (
        autotrading,
        pending.order_there,
        _own_symbol,
        unlocked,
        price_known,
        pending.frozen,
    ),
    mt5.TRADE_ACTION_CLOSE_BY: (
        autotrading,
        _opposite_there,
        _own_symbol,
        unlocked,
        oldest_first,
        market_open,
    ),
}
