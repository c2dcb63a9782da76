"""Time passes over a book: stops, pending orders, expiries, rollover, stop-out, tick by tick.

What happens between two moments does not depend on how often someone looked in between: events
are taken in the order of (time, symbol, tick), each tick's own triggers before its stop-out check.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from infra.mt5.constants import ORDER_STATE_EXPIRED
from infra.mt5.simulator.desk import finish_work
from infra.mt5.simulator.execution import finish
from infra.mt5.simulator.expiry import DAY_MS
from infra.mt5.simulator.ledger import Ledger
from infra.mt5.simulator.rollover import roll_over
from infra.mt5.simulator.stop_out import (
    Progress,
    close_largest_loss,
    converting,
    first_stop_out,
)
from infra.mt5.simulator.ticks import HOUR_MS, Market, Ticks
from infra.mt5.simulator.triggers import fire, first_trigger


@dataclass(frozen=True, slots=True)
class _Trigger:
    """The next tick that touches an order or a stop: `order` is its symbol's rank."""

    time_ms: int
    order: int
    symbol: str
    index: int


def sweep(market: Market, ledger: Ledger, to_ms: int) -> None:
    """Bring the book to a moment. A book without positions and orders has nothing to wait for."""
    while ledger.now_ms < to_ms and (ledger.positions or ledger.orders or ledger.works):
        end_ms = min(to_ms, (ledger.now_ms // HOUR_MS + 1) * HOUR_MS)
        _window(market, ledger, end_ms)
        ledger.now_ms = end_ms
    ledger.now_ms = max(ledger.now_ms, to_ms)


def _window(market: Market, ledger: Ledger, end_ms: int) -> None:
    used = {position.symbol for position in ledger.positions.values()}
    used |= {order.symbol for order in ledger.orders.values()}
    used |= {work.order.symbol for work in ledger.works.values() if work.order}
    used |= converting(market, ledger, used)
    names = [name for name in market.symbols if name in used]
    tapes = {name: market.ticks(name, ledger.now_ms + 1, end_ms + 1) for name in names}
    progress = Progress(tapes, dict.fromkeys(names, 0), ledger.now_ms)
    cursor = dict.fromkeys(names, 0)
    while True:
        timed_ms = _next_timed(ledger, progress.timed_ms, end_ms)
        trigger = _next_trigger(ledger, tapes, cursor, timed_ms)
        if _stopped_out(market, ledger, progress, trigger, timed_ms):
            continue
        if trigger is not None:
            fire(market, ledger, trigger.symbol, tapes[trigger.symbol], trigger.index)
            cursor[trigger.symbol] = trigger.index + 1
        elif timed_ms is not None:
            _timed(market, ledger, timed_ms)
            progress.timed_ms = timed_ms
            for name, tape in tapes.items():  # what is new touches no tick before it
                cursor[name] = max(cursor[name], int(np.searchsorted(tape.time_ms, timed_ms)))
        else:
            return


def _next_timed(ledger: Ledger, after_ms: int, end_ms: int) -> int | None:
    """The next expiry, midnight or request that is due, if it falls into the window."""
    moments = [work.manner.due_ms for work in ledger.works.values()]
    moments += [order.expires_ms for order in ledger.orders.values() if order.expires_ms]
    if ledger.positions:
        moments.append((after_ms // DAY_MS + 1) * DAY_MS)
    due = [moment for moment in moments if after_ms < moment <= end_ms]
    return min(due, default=None)


def _next_trigger(
    ledger: Ledger, tapes: dict[str, Ticks], cursor: dict[str, int], before_ms: int | None
) -> _Trigger | None:
    """The first tick, before a timed event, that touches something."""
    found: list[_Trigger] = []
    for rank, (name, tape) in enumerate(tapes.items()):
        index = first_trigger(ledger, name, tape, cursor[name])
        if index is not None:
            found.append(_Trigger(int(tape.time_ms[index]), rank, name, index))
    first = min(found, key=lambda trigger: (trigger.time_ms, trigger.order), default=None)
    if first is None or (before_ms is not None and first.time_ms >= before_ms):
        return None
    return first


def _stopped_out(
    market: Market,
    ledger: Ledger,
    progress: Progress,
    trigger: _Trigger | None,
    timed_ms: int | None,
) -> bool:
    """Check every tick before the next event, and close one position at the first that fails."""
    until = _until(progress, trigger, timed_ms)
    stop = first_stop_out(market, ledger, progress, until) if ledger.positions else None
    if stop is None:
        progress.checked.update(until)
        return False
    close_largest_loss(market, ledger, stop)
    progress.checked.update(stop.checked)
    return True


def _until(progress: Progress, trigger: _Trigger | None, timed_ms: int | None) -> dict[str, int]:
    """Per symbol, how many ticks come before the next event."""
    until: dict[str, int] = {}
    for rank, (name, tape) in enumerate(progress.tapes.items()):
        if trigger is not None:
            side: Literal["left", "right"] = "right" if rank < trigger.order else "left"
            before = int(np.searchsorted(tape.time_ms, trigger.time_ms, side))
            until[name] = trigger.index if name == trigger.symbol else before
        elif timed_ms is not None:
            until[name] = int(np.searchsorted(tape.time_ms, timed_ms))
        else:
            until[name] = len(tape)
    return until


def _timed(market: Market, ledger: Ledger, at_ms: int) -> None:
    for order in [o for o in ledger.orders.values() if o.expires_ms and o.expires_ms <= at_ms]:
        finish(ledger, order, ORDER_STATE_EXPIRED, at_ms, order.price)
    for work in [w for w in ledger.works.values() if w.manner.due_ms <= at_ms]:
        finish_work(market, ledger, work, at_ms)
    if at_ms % DAY_MS == 0:
        roll_over(market, ledger, at_ms)
