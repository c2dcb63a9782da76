"""The checks that market and pending orders share: permissions, volume, stops, limits, money."""

from math import isfinite

from infra.mt5 import constants as mt5
from infra.mt5.simulator.case import Case
from infra.mt5.simulator.ledger import is_buy
from infra.mt5.simulator.moment import NoPriceError
from infra.mt5.simulator.money import affords
from infra.mt5.simulator.specification import FILLING_FOK, FILLING_IOC

ACCEPTED = 0
HEDGE_PROHIBITED = 10046  # sent by servers, not in the package
_TOLERANCE = 1e-6
_FILLINGS = {mt5.ORDER_FILLING_FOK: FILLING_FOK, mt5.ORDER_FILLING_IOC: FILLING_IOC}
_MARKET, _SL, _TP = 1, 16, 32  # bits of the mask of orders


def autotrading(case: Case) -> int:
    """The terminal's button and the server's permission, for programs; the account's own."""
    terms = case.ledger.terms
    if not terms.terminal_trade_allowed and not case.by_hand:
        return mt5.TRADE_RETCODE_CLIENT_DISABLES_AT
    if not terms.experts_allowed and not case.by_hand:
        return mt5.TRADE_RETCODE_SERVER_DISABLES_AT
    return ACCEPTED if terms.trade_allowed else mt5.TRADE_RETCODE_TRADE_DISABLED


def symbol_tradable(case: Case) -> int:
    """What the symbol lets anyone open; closing is refused only where nothing may be traded."""
    symbol = case.symbol
    if symbol.trade_mode == mt5.SYMBOL_TRADE_MODE_DISABLED or not _has_market(symbol.calc_mode):
        return mt5.TRADE_RETCODE_TRADE_DISABLED
    if symbol.real_only and case.ledger.terms.trade_mode != mt5.ACCOUNT_TRADE_MODE_REAL:
        return mt5.TRADE_RETCODE_ONLY_REAL
    deals = case.request.action == mt5.TRADE_ACTION_DEAL
    if symbol.trade_mode == mt5.SYMBOL_TRADE_MODE_FULL or (deals and case.opens <= 0.0):
        return ACCEPTED
    if symbol.trade_mode == mt5.SYMBOL_TRADE_MODE_CLOSEONLY:
        return mt5.TRADE_RETCODE_CLOSE_ONLY
    if symbol.trade_mode == mt5.SYMBOL_TRADE_MODE_LONGONLY:
        return ACCEPTED if is_buy(case.side) else mt5.TRADE_RETCODE_LONG_ONLY
    return mt5.TRADE_RETCODE_SHORT_ONLY if is_buy(case.side) else ACCEPTED


def _has_market(calc_mode: int) -> bool:
    return calc_mode != mt5.SYMBOL_CALC_MODE_SERV_COLLATERAL


def market_orders(case: Case) -> int:
    """Whether the symbol takes market orders, and with them the stops that are asked for."""
    if not case.symbol.order_mask & _MARKET:
        return mt5.TRADE_RETCODE_INVALID_ORDER
    return stops_taken(case)


def stops_taken(case: Case) -> int:
    """Whether the symbol takes the stops that are asked for."""
    for level, bit in ((case.request.sl, _SL), (case.request.tp, _TP)):
        if level and not case.symbol.order_mask & bit:
            return mt5.TRADE_RETCODE_INVALID_ORDER
    return ACCEPTED


def bridge(case: Case) -> int:
    """Whoever stands behind the symbol takes so much at once, and refuses in his own numbers."""
    behind = case.symbol.bridge
    refused = behind is not None and case.request.volume > behind.lots_max
    return behind.refusal if behind is not None and refused else ACCEPTED


def direction(case: Case) -> int:
    """No position against another where hedging is prohibited."""
    if not case.ledger.terms.hedging_prohibited or case.opens <= 0.0:
        return ACCEPTED
    against = any(
        held.symbol == case.symbol.name and held.side != case.side
        for held in case.ledger.positions.values()
    )
    return HEDGE_PROHIBITED if against and case.ledger.terms.hedges else ACCEPTED


def unlocked(case: Case) -> int:
    """What the desk is at is not changed by another request, and not closed twice."""
    asked, closing = case.request, 0.0
    for work in case.ledger.works.values():
        if asked.position and asked.position in (work.request.position, work.request.position_by):
            if asked.action == mt5.TRADE_ACTION_SLTP or not work.request.volume:
                return mt5.TRADE_RETCODE_LOCKED
            closing += work.request.volume
        elif asked.order and asked.order == work.request.order:
            return mt5.TRADE_RETCODE_LOCKED
    if asked.action != mt5.TRADE_ACTION_SLTP:
        closing += _resting(case)
    if not closing or case.position is None:
        return ACCEPTED
    wanted = asked.volume or case.position.volume
    fits = closing + wanted <= case.position.volume + _TOLERANCE
    return ACCEPTED if fits else mt5.TRADE_RETCODE_CLOSE_ORDER_EXIST


def _resting(case: Case) -> float:
    """The lots of the position that orders wait to close: what is left of an earlier request."""
    if not case.ledger.terms.hedges or not case.request.position:
        return 0.0
    waiting = (o for o in case.ledger.orders.values() if o.position == case.request.position)
    return sum(order.left for order in waiting if order.ticket != order.position)


def oldest_first(case: Case) -> int:
    """Where positions are closed first in, first out, only the symbol's oldest one may go."""
    if not case.ledger.terms.fifo_close or case.position is None:
        return ACCEPTED
    oldest = case.ledger.position_of(case.symbol.name)
    return ACCEPTED if oldest is case.position else mt5.TRADE_RETCODE_FIFO_CLOSE


def volume(case: Case) -> int:
    """Between minimum and maximum, on the step."""
    symbol, lots = case.symbol, case.request.volume
    if not isfinite(lots) or not symbol.volume_min <= lots <= symbol.volume_max:
        return mt5.TRADE_RETCODE_INVALID_VOLUME
    steps = lots / symbol.volume_step
    whole = abs(steps - round(steps)) <= _TOLERANCE
    return ACCEPTED if whole else mt5.TRADE_RETCODE_INVALID_VOLUME


def filling(case: Case) -> int:
    """The filling must be in the symbol's mask, whose bits are not the package's values. What is
    left of a market order waits (RETURN) on an exchange only."""
    asked = case.request.type_filling
    if asked == mt5.ORDER_FILLING_RETURN:
        exchange = case.symbol.execution == mt5.SYMBOL_TRADE_EXECUTION_EXCHANGE
        return ACCEPTED if exchange else mt5.TRADE_RETCODE_INVALID_FILL
    bit = _FILLINGS.get(asked, 0)
    return ACCEPTED if case.symbol.filling_mask & bit else mt5.TRADE_RETCODE_INVALID_FILL


def market_open(case: Case) -> int:
    """Inside the symbol's trading hours."""
    opened = case.market.is_open(case.symbol.name, case.at_ms)
    return ACCEPTED if opened else mt5.TRADE_RETCODE_MARKET_CLOSED


def price_known(case: Case) -> int:
    """There has been a quote."""
    return ACCEPTED if case.quote else mt5.TRADE_RETCODE_PRICE_OFF


def price_good(case: Case) -> int:
    """There is a quote, it is not too old to deal at, and it can be turned into money."""
    quote, oldest_s = case.quote, case.symbol.quote_age_max_s
    if quote is None or (oldest_s and case.at_ms - quote.time_ms > oldest_s * 1000):
        return mt5.TRADE_RETCODE_PRICE_OFF
    try:
        for source in (case.symbol.profit, case.symbol.margin_in):
            case.moment.rate(source, case.ledger.terms.currency, case.side)
    except NoPriceError:
        return mt5.TRADE_RETCODE_ERROR
    return ACCEPTED


def liquidity(case: Case) -> int:
    """Whether the book offers anything, and all of it where less will not do."""
    found, asked = case.offer, case.request
    if asked.type_filling == mt5.ORDER_FILLING_FOK and found.lots < round(asked.volume, 8):
        return mt5.TRADE_RETCODE_REJECT
    if not found.lots and asked.type_filling != mt5.ORDER_FILLING_RETURN:
        return mt5.TRADE_RETCODE_PRICE_OFF
    return ACCEPTED


def stops(case: Case, side: int, reference: float) -> int:
    """Stop loss on the losing side of the reference, take profit on the other, both far enough."""
    away = case.symbol.stops_level_points * case.symbol.point - _TOLERANCE * case.symbol.point
    up = 1.0 if is_buy(side) else -1.0
    for level, sign in ((case.request.sl, -1.0), (case.request.tp, 1.0)):
        if level == 0.0:
            continue
        if not on_grid(case, level) or (level - reference) * sign * up < max(away, 0.0):
            return mt5.TRADE_RETCODE_INVALID_STOPS
    return ACCEPTED


def on_grid(case: Case, price: float) -> bool:
    """Whether a price is positive and a whole number of points."""
    if not isfinite(price) or price <= 0.0:
        return False
    return abs(price - case.symbol.rounded(price)) <= _TOLERANCE * case.symbol.point


def position_limits(case: Case) -> int:
    """The account's number of positions, the symbol's volume in one direction."""
    if case.opens <= 0.0:
        return ACCEPTED
    held = case.ledger.positions
    if case.met is None and len(held) >= case.ledger.terms.positions_max:
        return mt5.TRADE_RETCODE_LIMIT_POSITIONS
    return volume_limit(case, case.opens)


def volume_limit(case: Case, lots: float) -> int:
    """The symbol's volume in one direction, open and pending."""
    limit = case.symbol.volume_limit
    if not limit:
        return ACCEPTED
    open_lots = [(p.symbol, p.side, p.volume) for p in case.ledger.positions.values()]
    pending_lots = [(o.symbol, o.type % 2, o.left) for o in case.ledger.orders.values()]
    held = sum(
        each
        for name, side, each in (*open_lots, *pending_lots)
        if name == case.symbol.name and side == case.side
    )
    within = held + lots <= limit + _TOLERANCE
    return ACCEPTED if within else mt5.TRADE_RETCODE_LIMIT_VOLUME


def money(case: Case) -> int:
    """After the deal and its commission the equity must still cover the margin."""
    found = case.offer
    if case.opens <= 0.0 or not found.lots:
        return ACCEPTED
    enough = affords(case.moment, case.ledger, case.symbol, case.side, found.lots, found.price)
    return ACCEPTED if enough else mt5.TRADE_RETCODE_NO_MONEY
