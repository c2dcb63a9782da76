"""Swap: what holding a position over the server's midnight costs or brings."""

from infra.mt5 import constants as mt5
from infra.mt5.simulator.execution import reopen
from infra.mt5.simulator.expiry import DAY_MS
from infra.mt5.simulator.ledger import Ledger, Position, is_buy
from infra.mt5.simulator.moment import Moment
from infra.mt5.simulator.specification import Specification
from infra.mt5.simulator.ticks import Market

_EPOCH_WEEKDAY = 4  # 1970-01-01 was a Thursday; Sunday is 0
_WEEKEND = (0, 6)
_DAYS_OF_INTEREST = 360
_REOPENED = (mt5.SYMBOL_SWAP_MODE_REOPEN_CURRENT, mt5.SYMBOL_SWAP_MODE_REOPEN_BID)


def roll_over(market: Market, ledger: Ledger, at_ms: int) -> None:
    """Charge the night that begins at this midnight to every position, and let stops that were
    for the day only go."""
    moment = Moment(market, at_ms)
    day_that_ends = (at_ms // DAY_MS - 1 + _EPOCH_WEEKDAY) % 7
    for position in list(ledger.positions.values()):
        symbol = market.symbols[position.symbol]
        if symbol.orders_gtc == mt5.SYMBOL_ORDERS_DAILY:
            position.sl = position.tp = 0.0
        nights = _nights(symbol, day_that_ends)
        if not nights:
            continue
        if symbol.swap_mode in _REOPENED:
            _reopened(ledger, moment, symbol, position, nights)
        else:
            charge = _charge(ledger, moment, symbol, position) * nights
            position.swap = round(position.swap + charge, 2)


def _nights(symbol: Specification, day_that_ends: int) -> int:
    if day_that_ends in _WEEKEND:
        return 0
    return 3 if day_that_ends == symbol.swap_triple_day else 1


def _charge(ledger: Ledger, moment: Moment, symbol: Specification, position: Position) -> float:
    """One night, in account currency."""
    rate = symbol.swap_long if is_buy(position.side) else symbol.swap_short
    price = moment.prices(symbol.name)[position.side]
    amount, source = _amount(symbol, rate, price, position.price_open, ledger.terms.currency)
    if not amount:
        return 0.0
    to_account = moment.rate(source, ledger.terms.currency, position.side)
    return amount * position.volume * to_account


def _amount(
    symbol: Specification, rate: float, price: float, opened: float, account: str
) -> tuple[float, str]:
    """What a lot is charged, and in which currency."""
    match symbol.swap_mode:
        case mt5.SYMBOL_SWAP_MODE_POINTS:
            return rate * symbol.point * symbol.lot_value, symbol.profit
        case mt5.SYMBOL_SWAP_MODE_CURRENCY_SYMBOL:
            return rate, symbol.base
        case mt5.SYMBOL_SWAP_MODE_CURRENCY_MARGIN:
            return rate, symbol.margin_in
        case mt5.SYMBOL_SWAP_MODE_CURRENCY_DEPOSIT:
            return rate, account
        case mt5.SYMBOL_SWAP_MODE_INTEREST_CURRENT:
            return symbol.lot_value * price * rate / 100 / _DAYS_OF_INTEREST, symbol.profit
        case mt5.SYMBOL_SWAP_MODE_INTEREST_OPEN:
            return symbol.lot_value * opened * rate / 100 / _DAYS_OF_INTEREST, symbol.profit
        case _:
            return 0.0, account


def _reopened(
    ledger: Ledger, moment: Moment, symbol: Specification, position: Position, nights: int
) -> None:
    """The swap is in the price at which the position is dealt back."""
    rate = symbol.swap_long if is_buy(position.side) else symbol.swap_short
    bid = symbol.swap_mode == mt5.SYMBOL_SWAP_MODE_REOPEN_BID
    closed = moment.prices(symbol.name)[0 if bid else position.side]
    better = -1 if is_buy(position.side) else 1
    again = symbol.rounded(closed + better * rate * nights * symbol.point)
    reopen(ledger, moment, position, closed, again)
