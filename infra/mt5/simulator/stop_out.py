"""Stop-out: when equity falls to a share of the margin, the broker closes the largest loss."""

from dataclasses import dataclass

import numpy as np

from infra.mt5.constants import ORDER_REASON_SO
from infra.mt5.simulator.book import swept
from infra.mt5.simulator.conversion import Legs
from infra.mt5.simulator.draws import Floats, Ints
from infra.mt5.simulator.execution import closing_order, fill
from infra.mt5.simulator.ledger import Ledger, Position
from infra.mt5.simulator.moment import Moment
from infra.mt5.simulator.money import floating, margin
from infra.mt5.simulator.ticks import Market, Quote, Ticks

_SLACK = 0.01  # of account currency, between a fast bound and the exact check


@dataclass(slots=True)
class Progress:
    """How far a window has been checked: ticks per symbol, and the last timed event."""

    tapes: dict[str, Ticks]
    checked: dict[str, int]
    timed_ms: int


@dataclass(frozen=True, slots=True)
class StopOut:
    """The tick at which the level was reached: what was checked before it, and all prices at it."""

    time_ms: int
    checked: dict[str, int]
    prices: dict[str, tuple[float, float]]
    equity: float
    margin: float


@dataclass(frozen=True, slots=True)
class _Span:
    """A symbol's ticks to check, after the quote that stood before them."""

    name: str
    start: int
    time_ms: Ints
    bid: Floats
    ask: Floats

    def rates(self, inverse: bool, side: int) -> Floats:
        """The rate of a conversion at each quote."""
        prices = self.ask if side else self.bid
        return 1.0 / prices if inverse else prices


@dataclass(frozen=True, slots=True)
class _Part:
    """What one side of a symbol's positions gains, per quote, and what still converts it."""

    name: str
    side: int
    values: Floats
    way: Legs


def converting(market: Market, ledger: Ledger, names: set[str]) -> set[str]:
    """The symbols that convert what these gain into the account's currency."""
    ways = (market.legs(market.symbols[name].profit, ledger.terms.currency) for name in names)
    return {leg.symbol for way in ways for leg in way}


def first_stop_out(
    market: Market, ledger: Ledger, progress: Progress, until: dict[str, int]
) -> StopOut | None:
    """The first unchecked tick at which the account's equity is at or below the stop-out level."""
    held = {position.symbol for position in ledger.positions.values()}
    wanted = held | converting(market, ledger, held)
    names = [name for name in progress.tapes if name in wanted]
    if all(until[name] <= progress.checked[name] for name in names):
        return None
    needed = margin(market.symbols, ledger, ())
    limit = ledger.terms.stop_out_level(needed)
    spans = {name: _span(market, progress, name, until[name]) for name in names}
    parts = [part for name in names for part in _parts(market, ledger, spans[name])]
    swaps = sum(position.swap for position in ledger.positions.values())
    base = ledger.balance + ledger.terms.credit + swaps
    if base + sum(_least(part, spans) for part in parts) > limit + _SLACK:
        return None
    return _exact(progress, spans, parts, base, limit, needed)


def _least(part: _Part, spans: dict[str, _Span]) -> float:
    """No less than this is gained anywhere in the spans."""
    least, low, high = float(np.min(part.values)), 1.0, 1.0
    for leg in part.way:
        rates = spans[leg.symbol].rates(leg.inverse, part.side)
        low, high = low * float(np.min(rates)), high * float(np.max(rates))
    return min(least * low, least * high)


def _span(market: Market, progress: Progress, name: str, until: int) -> _Span:
    tape, start = progress.tapes[name], progress.checked[name]
    stop = max(until, start)
    if start > 0:
        bid, ask = float(tape.bid[start - 1]), float(tape.ask[start - 1])
    else:
        before = int(tape.time_ms[0]) - 1 if len(tape) else progress.timed_ms
        quote = market.quote(name, before)
        bid, ask = (quote.bid, quote.ask) if quote else (0.0, 0.0)
    return _Span(
        name,
        start,
        tape.time_ms[start:stop],
        np.concatenate((np.array([bid]), tape.bid[start:stop])),
        np.concatenate((np.array([ask]), tape.ask[start:stop])),
    )


def _parts(market: Market, ledger: Ledger, span: _Span) -> list[_Part]:
    """The symbol's unrounded floating profit at each quote of a span, by side. Where the symbol
    itself converts it, that is done here."""
    symbol = market.symbols[span.name]
    way = market.legs(symbol.profit, ledger.terms.currency)
    foreign = tuple(leg for leg in way if leg.symbol != span.name)
    parts = []
    for side, prices, sign in ((0, span.bid, 1.0), (1, span.ask, -1.0)):
        held = [p for p in ledger.positions.values() if (p.symbol, p.side) == (span.name, side)]
        if not held:
            continue
        values = sign * symbol.lot_value * (prices * _lots(held) - _cost(held))
        for leg in way:
            if leg.symbol == span.name:
                values = values * span.rates(leg.inverse, side)
        parts.append(_Part(span.name, side, values, foreign))
    return parts


def _lots(positions: list[Position]) -> float:
    return float(sum(position.volume for position in positions))


def _cost(positions: list[Position]) -> float:
    return float(sum(position.volume * position.price_open for position in positions))


def _exact(
    progress: Progress,
    by_name: dict[str, _Span],
    parts: list[_Part],
    base: float,
    limit: float,
    needed: float,
) -> StopOut | None:
    """Merge the spans by (time, symbol) and find the first tick at the limit."""
    spans = list(by_name.values())
    times = np.concatenate([span.time_ms for span in spans])
    ranks = np.concatenate([np.full(len(s.time_ms), i) for i, s in enumerate(spans)])
    merged = np.argsort(times, kind="stable")
    counts = {s.name: np.cumsum(ranks[merged] == rank) for rank, s in enumerate(spans)}
    equity = np.full(len(merged), base)
    for part in parts:
        values = part.values[counts[part.name]]
        for leg in part.way:
            rates = by_name[leg.symbol].rates(leg.inverse, part.side)
            values = values * rates[counts[leg.symbol]]
        equity = equity + values
    failing = equity <= limit
    first = int(np.argmax(failing))
    if not failing[first]:
        return None
    at = {name: int(count[first]) for name, count in counts.items()}
    own = spans[int(ranks[merged[first]])].name
    checked = {
        span.name: span.start + at[span.name] - (1 if span.name == own else 0) for span in spans
    }
    prices = {s.name: (float(s.bid[at[s.name]]), float(s.ask[at[s.name]])) for s in spans}
    time_ms = int(times[merged[first]])
    others = {name: done for name, done in progress.checked.items() if name not in checked}
    return StopOut(time_ms, checked | others, prices, float(equity[first]), needed)


def close_largest_loss(market: Market, ledger: Ledger, stop: StopOut) -> None:
    """Close the position that has lost most, by what the book holds at the tick."""
    moment = Moment(market, stop.time_ms, stop.prices)

    def loss(position: Position) -> float:
        return floating(moment, ledger.terms.currency, position) + position.swap

    worst = min(ledger.positions.values(), key=loss)
    level = stop.equity / stop.margin * 100 if stop.margin else 0.0
    comment = f"[so {level:.2f}%/{stop.equity:.2f}/{stop.margin:.2f}]"[:29]
    order = closing_order(ledger, worst, stop.time_ms, ORDER_REASON_SO, comment)
    symbol, quote = market.symbols[worst.symbol], Quote(stop.time_ms, *stop.prices[worst.symbol], 0)
    price = swept(market, ledger, symbol, order.type % 2, quote, order.left)
    fill(ledger, moment, order, price, order.left)
