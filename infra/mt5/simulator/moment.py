"""A market at one moment: every price is asked for once."""

from collections.abc import Mapping

from infra.mt5.simulator.conversion import converted
from infra.mt5.simulator.specification import Specification
from infra.mt5.simulator.ticks import Market


class NoPriceError(LookupError):
    """A symbol has never been quoted."""


class Moment:
    """What everything costs at a time; `known` are quotes that hold whatever the market says."""

    __slots__ = ("_prices", "at_ms", "market")

    def __init__(
        self, market: Market, at_ms: int, known: Mapping[str, tuple[float, float]] | None = None
    ) -> None:
        self.market = market
        self.at_ms = at_ms
        self._prices = dict(known or {})

    def prices(self, name: str) -> tuple[float, float]:
        """Bid and ask of a symbol."""
        found = self._prices.get(name)
        if found is None:
            quote = self.market.quote(name, self.at_ms)
            if quote is None:
                raise NoPriceError(name)
            found = self._prices[name] = (quote.bid, quote.ask)
        return found

    def rate(self, source: str, target: str, side: int) -> float:
        """What a unit of one currency is in another: at bids for a buy, at asks for a sell."""
        return converted(self.market.legs(source, target), self.prices, side)

    def own_rate(
        self, symbol: Specification, source: str, target: str, side: int, price: float
    ) -> float:
        """The same, but where the way leads through the symbol itself, its price is the deal's."""
        rate = 1.0
        for leg in self.market.legs(source, target):
            quoted = price if leg.symbol == symbol.name else self.prices(leg.symbol)[side]
            rate *= leg.rate(quoted)
        return rate
