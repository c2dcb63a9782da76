"""The checks that market and pending orders share: permissions, volume, stops, limits, money."""

from math import isfinite

from infra.mt5 import constants as mt5
from infra.mt5.simulator.case import Case
from infra.mt5.simulator.ledger import is_buy
from infra.mt5.simulator.money import worth, would_open
from infra.mt5.simulator.symbols import FILLING_FOK, FILLING_IOC

ACCEPTED = 0
_TOLERANCE = 1e-6
_MASK = {mt5.ORDER_FILLING_FOK: FILLING_FOK, mt5.ORDER_FILLING_IOC: FILLING_IOC}


def autotrading(case: Case) -> int:
    """The terminal's button, the server's permission for programs, the account's own."""
    terms = case.ledger.terms
    if not terms.terminal_trade_allowed:
        return mt5.TRADE_RETCODE_CLIENT_DISABLES_AT
    if not terms.experts_allowed:
        return mt5.TRADE_RETCODE_SERVER_DISABLES_AT
    return ACCEPTED if terms.trade_allowed else mt5.TRADE_RETCODE_TRADE_DISABLED


def symbol_tradable(case: Case) -> int:
    """What the symbol lets anyone open; closing is refused only where nothing may be traded."""
    if case.symbol.real_only and case.ledger.terms.kind != mt5.ACCOUNT_TRADE_MODE_REAL:
        return mt5.TRADE_RETCODE_ONLY_REAL
    mode = case.symbol.trade_mode
    if mode == mt5.SYMBOL_TRADE_MODE_DISABLED:
        return mt5.TRADE_RETCODE_TRADE_DISABLED
    if mode == mt5.SYMBOL_TRADE_MODE_FULL or case.request.position or case.reduces:
        return ACCEPTED
    if mode == mt5.SYMBOL_TRADE_MODE_CLOSEONLY:
        return mt5.TRADE_RETCODE_CLOSE_ONLY
    if mode == mt5.SYMBOL_TRADE_MODE_LONGONLY:
        return ACCEPTED if is_buy(case.side) else mt5.TRADE_RETCODE_LONG_ONLY
    return mt5.TRADE_RETCODE_SHORT_ONLY if is_buy(case.side) else ACCEPTED


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
    not dealt of a market order returns only to an exchange."""
    wanted = case.request.type_filling
    if wanted == mt5.ORDER_FILLING_RETURN:
        exchange = case.symbol.execution == mt5.SYMBOL_TRADE_EXECUTION_EXCHANGE
        return ACCEPTED if exchange else mt5.TRADE_RETCODE_INVALID_FILL
    bit = _MASK.get(wanted, 0)
    return ACCEPTED if case.symbol.filling_mask & bit else mt5.TRADE_RETCODE_INVALID_FILL


def market_open(case: Case) -> int:
    """Inside the symbol's trading hours."""
    opened = case.market.is_open(case.symbol.name, case.at_ms)
    return ACCEPTED if opened else mt5.TRADE_RETCODE_MARKET_CLOSED


def price_known(case: Case) -> int:
    """There has been a quote, and not too long ago."""
    age_ms_max = case.symbol.quote_age_ms_max
    if case.quote is None or (age_ms_max and case.at_ms - case.quote.time_ms > age_ms_max):
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
    if case.position:
        return ACCEPTED
    adds = case.ledger.terms.nets and case.ledger.of_symbol(case.symbol.name)
    if not adds and len(case.ledger.positions) >= case.ledger.terms.positions_max:
        return mt5.TRADE_RETCODE_LIMIT_POSITIONS
    return volume_limit(case)


def volume_limit(case: Case) -> int:
    """The symbol's volume in one direction, open and pending; where the account nets, less what
    it holds in the other."""
    limit = case.symbol.volume_limit
    if not limit:
        return ACCEPTED
    open_lots = [(p.symbol, p.side, p.volume) for p in case.ledger.positions.values()]
    pending_lots = [(o.symbol, o.type % 2, o.volume) for o in case.ledger.orders.values()]
    held = sum(
        lots
        for name, side, lots in (*open_lots, *pending_lots)
        if name == case.symbol.name and side == case.side
    )
    if case.ledger.terms.nets:
        held -= sum(
            lots for name, side, lots in open_lots if name == case.symbol.name and side != case.side
        )
    within = held + case.request.volume <= limit + _TOLERANCE
    return ACCEPTED if within else mt5.TRADE_RETCODE_LIMIT_VOLUME


def money(case: Case) -> int:
    """After the deal and its commission the equity must still cover the margin."""
    if case.position or case.reduces:
        return ACCEPTED
    lots = case.request.volume
    opened = would_open(case.symbol, case.ledger, case.side, lots, case.price)
    after = worth(case.symbols, case.ledger, case.prices, (opened,))
    commission = case.ledger.terms.commission_per_lot * lots
    return ACCEPTED if after.free >= commission else mt5.TRADE_RETCODE_NO_MONEY
