"""Swap: what holding a position over the server's midnight costs or brings."""

from infra.mt5.constants import DAY_OF_WEEK_WEDNESDAY
from infra.mt5.simulator.case import prices_at
from infra.mt5.simulator.expiry import DAY_MS
from infra.mt5.simulator.ledger import Ledger, is_buy
from infra.mt5.simulator.money import rate
from infra.mt5.simulator.ticks import Market

TRIPLE_DAY = DAY_OF_WEEK_WEDNESDAY  # settlement two days on: this night pays the weekend too
_EPOCH_WEEKDAY = 4  # 1970-01-01 was a Thursday; Sunday is 0
_WEEKEND = (0, 6)


def roll_over(market: Market, ledger: Ledger, at_ms: int) -> None:
    """Charge the night that begins at this midnight to every position."""
    nights = _nights((at_ms // DAY_MS - 1 + _EPOCH_WEEKDAY) % 7)
    if not nights:
        return
    prices = prices_at(market, at_ms)
    for position in ledger.positions.values():
        symbol = market.symbols[position.symbol]
        bid, ask = prices(position.symbol)
        buy = is_buy(position.side)
        points = symbol.swap_long_points if buy else symbol.swap_short_points
        worth = points * symbol.point * symbol.contract_size * position.volume * nights
        charge = worth * rate(symbol, ledger.terms.currency, bid if buy else ask)
        position.swap = round(position.swap + charge, 2)


def _nights(day_that_ends: int) -> int:
    if day_that_ends in _WEEKEND:
        return 0
    return 3 if day_that_ends == TRIPLE_DAY else 1
