"""The depth of the market: how much there is at which price, the same for the same seed."""

from typing import NamedTuple

from infra.mt5.constants import (
    ORDER_TYPE_BUY,
    SYMBOL_TRADE_EXECUTION_EXCHANGE,
    SYMBOL_TRADE_EXECUTION_MARKET,
)
from infra.mt5.simulator.draws import bits, stream_key, uniforms
from infra.mt5.simulator.ledger import Ledger
from infra.mt5.simulator.specification import LEVELS_MAX, Specification
from infra.mt5.simulator.ticks import Market, Quote

_THROUGH_THE_BOOK = (SYMBOL_TRADE_EXECUTION_MARKET, SYMBOL_TRADE_EXECUTION_EXCHANGE)
_DRAWS_PER_QUOTE = 2 * LEVELS_MAX


class Level(NamedTuple):
    """A price and the lots that are offered at it."""

    price: float
    lots: float


class Offer(NamedTuple):
    """How many lots of an order can be dealt, and at which price on the mean."""

    lots: float
    price: float


def levels(market: Market, symbol: Specification, side: int, quote: Quote) -> list[Level]:
    """What an order of a side finds opposite, best price first; nothing where no book is kept."""
    depth = symbol.depth
    if depth is None:
        return []
    key = stream_key(market.settings.seed, "book", symbol.name)
    start = quote.time_ms * _DRAWS_PER_QUOTE + side * LEVELS_MAX
    shares = 0.5 + uniforms(bits(key, start, depth.levels))
    best, away = (quote.ask, 1) if side == ORDER_TYPE_BUY else (quote.bid, -1)
    step = away * depth.step_points * symbol.point
    return [
        Level(symbol.rounded(best + nth * step), symbol.steps_down(depth.lots * share))
        for nth, share in enumerate(shares.tolist())
    ]


def offer(
    market: Market,
    ledger: Ledger,
    symbol: Specification,
    side: int,
    quote: Quote,
    lots: float,
    limit: float = 0.0,
) -> Offer:
    """What the account gets of so many lots at this quote, at no worse a price than `limit`.

    A dealer (request and instant execution) takes any volume at the quote. Where a book stands
    behind it, what the account has already taken is not there again before the next quote.
    """
    best = quote.ask if side == ORDER_TYPE_BUY else quote.bid
    if symbol.depth is None or symbol.execution not in _THROUGH_THE_BOOK:
        return Offer(lots, best)
    gone = _taken(ledger, symbol, side, quote)
    left, paid = lots, 0.0
    for level in levels(market, symbol, side, quote):
        if limit and (level.price - limit) * (1 if side == ORDER_TYPE_BUY else -1) > 0:
            break
        there = max(0.0, level.lots - gone)
        gone = max(0.0, gone - level.lots)
        part = min(left, round(there, 8))
        left, paid = round(left - part, 8), paid + part * level.price
    found = symbol.steps_down(lots - left)
    return Offer(found, symbol.rounded(paid / found) if found else best)


def take(ledger: Ledger, symbol: Specification, side: int, quote: Quote, lots: float) -> None:
    """The account has taken lots out of the book of this quote."""
    if symbol.depth is not None:
        gone = _taken(ledger, symbol, side, quote) + lots
        ledger.taken[symbol.name, side] = (quote.time_ms, round(gone, 8))


def swept(
    market: Market, ledger: Ledger, symbol: Specification, side: int, quote: Quote, lots: float
) -> float:
    """The mean price of an order that must be dealt whole, as a stop's: what the levels do not
    hold is dealt at the last of them."""
    found = offer(market, ledger, symbol, side, quote, lots)
    take(ledger, symbol, side, quote, found.lots)
    missing = round(lots - found.lots, 8)
    if missing <= 0.0:
        return found.price
    last = levels(market, symbol, side, quote)[-1].price
    return symbol.rounded((found.price * found.lots + last * missing) / lots)


def slipped(market: Market, symbol: Specification, ticket: int, price: float) -> float:
    """The price after it has slipped: some points either way, drawn by the order's ticket."""
    if not symbol.slippage_points or symbol.execution != SYMBOL_TRADE_EXECUTION_MARKET:
        return price
    key = stream_key(market.settings.seed, "slip", symbol.name)
    width = 2 * symbol.slippage_points + 1
    points = int(uniforms(bits(key, ticket, 1))[0] * width) - symbol.slippage_points
    return symbol.rounded(price + points * symbol.point)


def _taken(ledger: Ledger, symbol: Specification, side: int, quote: Quote) -> float:
    time_ms, lots = ledger.taken.get((symbol.name, side), (0, 0.0))
    return lots if time_ms == quote.time_ms else 0.0
