"""Depth of book: how much can be dealt at a quote, and at what price."""

from math import inf
from typing import NamedTuple

from infra.mt5.simulator.draws import bits, stream_key, uniforms
from infra.mt5.simulator.ledger import is_buy
from infra.mt5.simulator.symbols import Specification
from infra.mt5.simulator.ticks import Quote

_DRAWS_PER_SIDE = 64


class Offer(NamedTuple):
    """A price and the lots that are on offer at it."""

    price: float
    lots: float


class Taken(NamedTuple):
    """What an order can take out of the book: lots, and their mean price."""

    lots: float
    price: float


def offers(seed: int, symbol: Specification, quote: Quote, side: int) -> tuple[Offer, ...]:
    """What stands against an order of a side, the best price first. Nothing without a depth."""
    depth = symbol.depth
    if depth is None:
        return ()
    key = stream_key(seed, "depth", symbol.name)
    start = (quote.time_ms * 2 + side) * _DRAWS_PER_SIDE
    shares = uniforms(bits(key, start, depth.levels)) + 0.5
    best, away = (quote.ask, 1) if is_buy(side) else (quote.bid, -1)
    return tuple(
        Offer(
            symbol.rounded(best + away * level * depth.step_points * symbol.point),
            _on_step(symbol, depth.lots_per_level * float(share)),
        )
        for level, share in enumerate(shares)
    )


def taken(
    seed: int, symbol: Specification, quote: Quote, side: int, lots: float, away_points: float
) -> Taken:
    """What an order takes, going no further from the quote than so many points."""
    best = quote.ask if is_buy(side) else quote.bid
    if symbol.depth is None:
        return Taken(lots, best)
    reach = (away_points + 1e-6) * symbol.point
    left, paid = lots, 0.0
    for offer in offers(seed, symbol, quote, side):
        if left <= 0.0 or abs(offer.price - best) > reach:
            break
        part = min(left, offer.lots)
        paid += part * offer.price
        left = round(left - part, 8)
    got = round(lots - left, 8)
    return Taken(got, symbol.rounded(paid / got) if got else best)


def swept(seed: int, symbol: Specification, quote: Quote, side: int, lots: float) -> float:
    """The mean price of an order that must be dealt whole: a stop, or the broker's own closing.
    What the levels do not hold is dealt at the last of them."""
    levels = offers(seed, symbol, quote, side)
    found = taken(seed, symbol, quote, side, lots, inf)
    if not levels or found.lots >= lots:
        return found.price
    rest = lots - found.lots
    return symbol.rounded((found.price * found.lots + levels[-1].price * rest) / lots)


def _on_step(symbol: Specification, lots: float) -> float:
    return round(int(lots / symbol.volume_step + 1e-9) * symbol.volume_step, 8)
