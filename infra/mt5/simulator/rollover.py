"""Swap: what holding a position over the server's midnight costs or brings."""

from infra.mt5 import constants as mt5
from infra.mt5.simulator.case import prices_at
from infra.mt5.simulator.expiry import DAY_MS
from infra.mt5.simulator.ledger import Ledger, Position, is_buy
from infra.mt5.simulator.money import base_rate, rate
from infra.mt5.simulator.symbols import Specification
from infra.mt5.simulator.ticks import Market

_EPOCH_WEEKDAY = 4  # 1970-01-01 was a Thursday; Sunday is 0
_WEEKEND = (0, 6)
_DAYS_PER_YEAR = 360


def roll_over(market: Market, ledger: Ledger, at_ms: int) -> None:
    """Charge the night that begins at this midnight to every position."""
    day_that_ends = (at_ms // DAY_MS - 1 + _EPOCH_WEEKDAY) % 7
    if day_that_ends in _WEEKEND:
        return
    prices = prices_at(market, at_ms)
    for position in ledger.positions.values():
        symbol = market.symbols[position.symbol]
        nights = 3 if day_that_ends == symbol.swap_triple_day else 1
        bid, ask = prices(position.symbol)
        price = bid if is_buy(position.side) else ask
        night = _lot_night(symbol, ledger.terms.currency, position, price)
        position.swap = round(position.swap + night * position.volume * nights, 2)


def _lot_night(symbol: Specification, currency: str, position: Position, price: float) -> float:
    """Account currency for a lot and a night."""
    swap = symbol.swap_long if is_buy(position.side) else symbol.swap_short
    value = symbol.lot_value * rate(symbol, currency, price)
    match symbol.swap_mode:
        case mt5.SYMBOL_SWAP_MODE_POINTS:
            return swap * symbol.point * value
        case mt5.SYMBOL_SWAP_MODE_CURRENCY_SYMBOL | mt5.SYMBOL_SWAP_MODE_CURRENCY_MARGIN:
            return swap * base_rate(symbol, currency, price)
        case mt5.SYMBOL_SWAP_MODE_CURRENCY_DEPOSIT:
            return swap
        case mt5.SYMBOL_SWAP_MODE_INTEREST_CURRENT:
            return swap / 100 / _DAYS_PER_YEAR * price * value
        case mt5.SYMBOL_SWAP_MODE_INTEREST_OPEN:
            return swap / 100 / _DAYS_PER_YEAR * position.price_open * value
        case _:
            return 0.0
