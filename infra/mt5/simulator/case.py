"""A trade request together with everything that decides about it."""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.mt5.constants import ORDER_TYPE_BUY, ORDER_TYPE_SELL, TRADE_ACTION_SLTP
from infra.mt5.simulator.ledger import Ledger, Order, Position
from infra.mt5.simulator.money import Prices, reduces
from infra.mt5.simulator.symbols import Specification
from infra.mt5.simulator.ticks import Market, Quote
from infra.mt5.tuples import TradeRequest


class NoPriceError(LookupError):
    """A symbol has never been quoted."""


@dataclass(frozen=True, slots=True)
class Case:
    """One request at one moment, on one account."""

    market: Market
    ledger: Ledger
    request: TradeRequest
    at_ms: int
    symbol: Specification
    quote: Quote | None
    position: Position | None
    order: Order | None

    @property
    def side(self) -> int:
        """The direction of the request: even types buy."""
        return ORDER_TYPE_BUY if self.request.type % 2 == 0 else ORDER_TYPE_SELL

    @property
    def price(self) -> float:
        """What a market order of this direction pays now."""
        quote = self.quoted
        return quote.ask if self.side == ORDER_TYPE_BUY else quote.bid

    @property
    def quoted(self) -> Quote:
        """The quote, where a check has already made sure that there is one."""
        if self.quote is None:
            raise NoPriceError(self.symbol.name)
        return self.quote

    @property
    def reduces(self) -> bool:
        """Whether a deal would only take from the one position of a netting account."""
        return reduces(self.ledger, self.symbol.name, self.side, self.request.volume)

    @property
    def symbols(self) -> Mapping[str, Specification]:
        return self.market.symbols

    @property
    def prices(self) -> Prices:
        return prices_at(self.market, self.at_ms)


def prices_at(market: Market, at_ms: int) -> Prices:
    """Bid and ask of any symbol at a moment."""

    def prices(name: str) -> tuple[float, float]:
        quote = market.quote(name, at_ms)
        if quote is None:
            raise NoPriceError(name)
        return quote.bid, quote.ask

    return prices


def _position_of(ledger: Ledger, request: TradeRequest) -> Position | None:
    """The position named; where the account nets, the symbol alone names it for its stops."""
    if request.action == TRADE_ACTION_SLTP and not request.position and ledger.terms.nets:
        return ledger.of_symbol(request.symbol)
    return ledger.positions.get(request.position)


def case_of(market: Market, ledger: Ledger, request: TradeRequest, at_ms: int) -> Case | None:
    """Look up what the request names; `None` if it names no symbol of ours."""
    position = _position_of(ledger, request)
    order = ledger.orders.get(request.order)
    done = ledger.done_order(request.order)
    named = position or order or done
    name = request.symbol or (named.symbol if named else "")
    symbol = market.symbols.get(name)
    if symbol is None:
        return None
    return Case(
        market=market,
        ledger=ledger,
        request=request,
        at_ms=at_ms,
        symbol=symbol,
        quote=market.quote(name, at_ms),
        position=position,
        order=order,
    )
