"""Simulated fills: what orders would have come to at the ticks that are on the tape.

An order is dealt whole, at the tick that its decision came from: a buy at the ask, a sale at the
bid. It ends at the first later tick that reaches its stop or its target, at that tick's other
side, or is worth what the last tick would give. So the spread is paid; commission, swap, slippage
and delay are not in it, and what an order does to the market is not either.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from events.values import Side
from infra.config import ConfigError
from infra.mt5.simulator.symbols import BY_NAME
from infra.whatif.outcomes import Moment, Verdict
from infra.whatif.rerun import Quotes

COSTS = "spread paid; no commission, swap, slippage or delay; every order is filled whole"
LOOKED_AT = 65_536
"""Ticks that are searched at a time for the end of an order."""


@dataclass(frozen=True, slots=True)
class Fill:
    """One simulated order. `profit` and `spread_paid` are in `currency`."""

    account: str
    symbol: str
    side: Side
    volume_lots: float
    opened_us: int
    opened_at: float
    closed_us: int
    closed_at: float
    ended: str
    profit: float
    spread_paid: float
    currency: str


def filled(
    moment: Moment, verdict: Verdict, quotes: Mapping[str, Quotes], currency: str
) -> Fill | None:
    """What an accepted order would have come to; None where the tape has no tick for it."""
    symbol, columns = moment.key[0], quotes.get(moment.key[0])
    at = -1 if columns is None else _entry(columns, moment)
    if columns is None or at < 0 or verdict.side is None:
        return None
    buys, volume = verdict.side is Side.BUY, float(verdict.volume_lots)
    opened = columns.asks[at] if buys else columns.bids[at]
    end, ended = _end(columns, at, verdict)
    closed = columns.bids[end] if buys else columns.asks[end]
    contract, quoted_in = _contract(symbol)
    rate, shown = _rate(quotes, quoted_in, currency, columns.times_us[end])
    worth = volume * contract * rate
    return Fill(
        account=verdict.account,
        symbol=symbol,
        side=verdict.side,
        volume_lots=volume,
        opened_us=columns.times_us[at],
        opened_at=opened,
        closed_us=columns.times_us[end],
        closed_at=closed,
        ended=ended,
        profit=(closed - opened if buys else opened - closed) * worth,
        spread_paid=(columns.asks[at] - columns.bids[at]) * worth,
        currency=shown,
    )


def _entry(quotes: Quotes, moment: Moment) -> int:
    """The tick that the decision came from; by its time, where only the record knows of it."""
    if moment.tick is not None:
        return bisect_right(quotes.offsets, moment.tick) - 1
    signal = moment.signal
    known_us = moment.time_us if signal is None else signal.raised_at_us
    return bisect_right(quotes.times_us, known_us) - 1


def _end(quotes: Quotes, at: int, verdict: Verdict) -> tuple[int, str]:
    """The tick that ends an order, and why."""
    buys = verdict.side is Side.BUY
    prices = np.frombuffer(quotes.bids if buys else quotes.asks)
    stop = _level(verdict.stop_loss, -np.inf if buys else np.inf)
    take = _level(verdict.take_profit, np.inf if buys else -np.inf)
    for begin in range(at + 1, len(prices), LOOKED_AT):
        some = prices[begin : begin + LOOKED_AT]
        stopped = _first(some <= stop if buys else some >= stop)
        taken = _first(some >= take if buys else some <= take)
        if min(stopped, taken) < len(some):
            return begin + min(stopped, taken), "stop" if stopped < taken else "target"
    return len(prices) - 1, "still open"


def _level(price: object, none: float) -> float:
    return none if price is None else float(str(price))


def _first(reached: NDArray[np.bool_]) -> int:
    """The index of the first that is true; the length if none is."""
    return int(reached.argmax()) if reached.any() else len(reached)


def _contract(symbol: str) -> tuple[float, str]:
    known = BY_NAME.get(symbol)
    if known is None:
        raise ConfigError(
            f"what a lot of {symbol} is worth is not known; its contract belongs into "
            "infra/mt5/simulator/symbols.py"
        )
    return known.contract_size, known.profit


def _rate(quotes: Mapping[str, Quotes], of: str, into: str, time_us: int) -> tuple[float, str]:
    """What one unit is worth by the tape, and in which currency: its own if that has no rate."""
    if of == into:
        return 1.0, into
    for name, inverse in ((of + into, False), (into + of, True)):
        columns = quotes.get(name)
        at = -1 if columns is None else bisect_right(columns.times_us, time_us) - 1
        if columns is not None and at >= 0:
            return (1.0 / columns.asks[at] if inverse else columns.bids[at]), into
    return 1.0, of
