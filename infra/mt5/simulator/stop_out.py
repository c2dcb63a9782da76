"""Stop-out: when equity falls to a share of the margin, the broker closes the largest loss."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from infra.mt5.constants import ORDER_REASON_SO
from infra.mt5.simulator.depth import swept
from infra.mt5.simulator.draws import Floats, Ints
from infra.mt5.simulator.execution import closing_order, fill_close
from infra.mt5.simulator.ledger import Ledger, Position, is_buy
from infra.mt5.simulator.money import margin, profit, stop_out_level
from infra.mt5.simulator.symbols import Specification
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


def first_stop_out(
    market: Market, ledger: Ledger, progress: Progress, until: dict[str, int]
) -> StopOut | None:
    """The first unchecked tick at which the account's equity is at or below the stop-out level."""
    held = {position.symbol for position in ledger.positions.values()}
    names = [name for name in progress.tapes if name in held]
    if all(until[name] <= progress.checked[name] for name in names):
        return None
    needed = margin(ledger)
    limit = stop_out_level(ledger.terms, needed)
    spans = [_span(market, progress, name, until[name]) for name in names]
    swaps = sum(position.swap for position in ledger.positions.values())
    floats = [_floating(market, ledger, span) for span in spans]
    base = ledger.balance + swaps
    if base + sum(float(np.min(values)) for values in floats) > limit + _SLACK:
        return None
    return _exact(progress, spans, floats, base, limit, needed)


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


def _floating(market: Market, ledger: Ledger, span: _Span) -> Floats:
    """The symbol's unrounded floating profit in account currency at each quote of a span."""
    symbol = market.symbols[span.name]
    held = [p for p in ledger.positions.values() if p.symbol == span.name]
    buys = [p for p in held if is_buy(p.side)]
    sells = [p for p in held if not is_buy(p.side)]
    direct = symbol.profit == ledger.terms.currency
    gained = span.bid * _lots(buys) - _cost(buys)
    lost = span.ask * _lots(sells) - _cost(sells)
    values: Floats = gained - lost if direct else gained / span.bid - lost / span.ask
    return values * symbol.lot_value


def _lots(positions: list[Position]) -> float:
    return float(sum(position.volume for position in positions))


def _cost(positions: list[Position]) -> float:
    return float(sum(position.volume * position.price_open for position in positions))


def _exact(
    progress: Progress,
    spans: list[_Span],
    floats: list[Floats],
    base: float,
    limit: float,
    needed: float,
) -> StopOut | None:
    """Merge the spans by (time, symbol) and find the first tick at the limit."""
    times = np.concatenate([span.time_ms for span in spans])
    ranks = np.concatenate([np.full(len(s.time_ms), i) for i, s in enumerate(spans)])
    merged = np.argsort(times, kind="stable")
    counts = [np.cumsum(ranks[merged] == rank) for rank in range(len(spans))]
    equity = np.full(len(merged), base)
    for values, count in zip(floats, counts, strict=True):
        equity = equity + values[count]
    failing = equity <= limit
    first = int(np.argmax(failing))
    if not failing[first]:
        return None
    at = {span.name: int(count[first]) for span, count in zip(spans, counts, strict=True)}
    own = spans[int(ranks[merged[first]])].name
    checked = {
        span.name: span.start + at[span.name] - (1 if span.name == own else 0) for span in spans
    }
    prices = {s.name: (float(s.bid[at[s.name]]), float(s.ask[at[s.name]])) for s in spans}
    time_ms = int(times[merged[first]])
    others = {name: done for name, done in progress.checked.items() if name not in checked}
    return StopOut(time_ms, checked | others, prices, float(equity[first]), needed)


def close_largest_loss(market: Market, ledger: Ledger, stop: StopOut) -> None:
    """Close the position that has lost most, at the tick's prices."""
    loss = _loss(market.symbols.__getitem__, ledger, stop)
    worst = min(ledger.positions.values(), key=loss)
    symbol = market.symbols[worst.symbol]
    bid, ask = stop.prices[worst.symbol]
    level = stop.equity / stop.margin * 100 if stop.margin else 0.0
    comment = f"[so {level:.2f}%/{stop.equity:.2f}/{stop.margin:.2f}]"[:29]
    order = closing_order(ledger, worst, stop.time_ms, ORDER_REASON_SO, comment)
    quote = Quote(stop.time_ms, bid, ask, 0)
    price = swept(market.settings.seed, symbol, quote, order.type, worst.volume)
    fill_close(ledger, symbol, order, worst, price, stop.time_ms)


def _loss(
    symbol_of: Callable[[str], Specification], ledger: Ledger, stop: StopOut
) -> Callable[[Position], float]:
    def loss(position: Position) -> float:
        bid, ask = stop.prices[position.symbol]
        closed = bid if is_buy(position.side) else ask
        gained = profit(
            symbol_of(position.symbol),
            ledger.terms.currency,
            position.side,
            position.volume,
            position.price_open,
            closed,
        )
        return gained + position.swap

    return loss
