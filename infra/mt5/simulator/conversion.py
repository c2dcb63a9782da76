"""From one currency to another through the symbols that are there."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from infra.mt5.simulator.specification import FOREX, Specification

Prices = Callable[[str], tuple[float, float]]  # bid and ask of a symbol


class Leg(NamedTuple):
    """A symbol that converts: its base into its profit currency, or back where `inverse`."""

    symbol: str
    inverse: bool

    def rate(self, price: float) -> float:
        """Units of the target for a unit of the source."""
        return 1.0 / price if self.inverse else price


Legs = tuple[Leg, ...]


def legs(symbols: Mapping[str, Specification], source: str, target: str) -> Legs | None:
    """The way between two currencies by one symbol, else by two; `None` if there is none."""
    if source == target:
        return ()
    first = _from(symbols, source)
    for leg, reached in first:
        if reached == target:
            return (leg,)
    for leg, reached in first:
        for other, end in _from(symbols, reached):
            if end == target:
                return (leg, other)
    return None


def _from(symbols: Mapping[str, Specification], source: str) -> list[tuple[Leg, str]]:
    """What one symbol leads to."""
    found: list[tuple[Leg, str]] = []
    for symbol in symbols.values():
        if symbol.calc_mode not in FOREX:
            continue
        if symbol.base == source:
            found.append((Leg(symbol.name, inverse=False), symbol.profit))
        elif symbol.profit == source:
            found.append((Leg(symbol.name, inverse=True), symbol.base))
    return found


def converted(way: Legs, prices: Prices, side: int) -> float:
    """What a unit becomes: bids along the way of a buy (side 0), asks along that of a sell."""
    rate = 1.0
    for leg in way:
        rate *= leg.rate(prices(leg.symbol)[side])
    return rate
