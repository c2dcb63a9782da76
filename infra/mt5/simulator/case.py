"""A trade request together with everything that decides about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from infra.mt5 import constants as mt5
from infra.mt5.simulator.book import Offer, offer
from infra.mt5.simulator.ledger import Ledger, Order, Position
from infra.mt5.simulator.moment import Moment, NoPriceError
from infra.mt5.simulator.specification import Specification
from infra.mt5.simulator.ticks import Market, Quote
from infra.mt5.simulator.work import AT_ONCE, Manner, Work
from infra.mt5.tuples import TradeRequest


@dataclass(frozen=True)
class Case:
    """One request at one moment, on one account.

    `moment` is the market as the request finds it, `met` the position that a deal would change:
    the one named, or on a netting account the symbol's only one.
    """

    moment: Moment
    ledger: Ledger
    request: TradeRequest
    symbol: Specification
    quote: Quote | None
    position: Position | None
    order: Order | None
    met: Position | None
    work: Work | None = None  # the request in work that this one takes back
    by_hand: bool = False  # no program sends it

    @property
    def market(self) -> Market:
        return self.moment.market

    @property
    def at_ms(self) -> int:
        return self.moment.at_ms

    @property
    def side(self) -> int:
        """The direction of the request: even types buy."""
        return self.request.type % 2

    @property
    def price(self) -> float:
        """What a market order of this direction pays now."""
        quote = self.quoted
        return quote.ask if self.side == mt5.ORDER_TYPE_BUY else quote.bid

    @property
    def quoted(self) -> Quote:
        """The quote, where a check has already made sure that there is one."""
        if self.quote is None:
            raise NoPriceError(self.symbol.name)
        return self.quote

    @property
    def opens(self) -> float:
        """The lots that are new risk; the rest of the request's closes what is there."""
        held = self.met
        if held is None or held.side == self.side:
            return self.request.volume
        return max(0.0, round(self.request.volume - held.volume, 8))

    @property
    def symbols(self) -> Mapping[str, Specification]:
        return self.market.symbols

    @cached_property
    def offer(self) -> Offer:
        """What of a market order can be dealt now."""
        lots, quote = round(self.request.volume, 8), self.quoted
        if self.symbol.execution == mt5.SYMBOL_TRADE_EXECUTION_REQUEST:
            return Offer(lots, self.request.price)
        return offer(self.market, self.ledger, self.symbol, self.side, quote, lots)


def case_of(
    market: Market, ledger: Ledger, request: TradeRequest, at_ms: int, manner: Manner = AT_ONCE
) -> Case | None:
    """Look up what the request names; `None` if it names no symbol of ours."""
    position = ledger.positions.get(request.position)
    order = ledger.orders.get(request.order)
    work = ledger.works.get(request.order) if request.action == mt5.TRADE_ACTION_REMOVE else None
    named = position or order or (work.order if work else None)
    name = request.symbol or (named.symbol if named else "")
    symbol = market.symbols.get(name)
    if symbol is None:
        return None
    met = position if ledger.terms.hedges else ledger.position_of(name)
    if position is None and request.action == mt5.TRADE_ACTION_SLTP and not request.position:
        position = met
    quote = market.quote(name, at_ms)
    known = {} if quote is None else {name: (quote.bid, quote.ask)}
    return Case(
        moment=Moment(market, at_ms, known),
        ledger=ledger,
        request=request,
        symbol=symbol,
        quote=quote,
        position=position,
        order=order,
        met=met,
        work=work,
        by_hand=manner.reason != mt5.ORDER_REASON_EXPERT,
    )
