"""Looking for an order whose answer was lost, until the venue's books leave no doubt.

It is never sent again. Found deals settle it at once; that it is nowhere must be read twice, with
`SPACING_S` between, from a terminal that was connected and logged in to our account before and
after each reading. A reading that failed proves nothing and starts the count anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from infra.mt5.gateway.clock import Clock
from infra.mt5.gateway.health import Identity, look
from infra.mt5.gateway.ledger import Entry
from infra.mt5.reconcile import EVER_S, Absent, Books, Finding, Found, Undealt, Undecided, judge
from infra.mt5.terminal import Terminal

EVERY_S = 0.25
SETTLE_S = 1.0
"""Least time between the lost answer and the first reading that may count as absence."""
SPACING_S = 2.0
MARGIN_S = 24 * 60 * 60
"""The venue's clock may be in another zone: history is read from a day earlier."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Search:
    """One order that is looked for."""

    entry: Entry
    began_s: float
    next_s: float
    absent_since_s: float | None = None
    doubt: str = ""


def begin(entry: Entry, clock: Clock) -> Search:
    """Start looking now."""
    now_s = clock.monotonic_s()
    return Search(entry, now_s, now_s)


def step(
    search: Search,
    terminal: Terminal,
    identity: Identity,
    clock: Clock,
    explained: Callable[[int], bool],
) -> Found | Undealt | None:
    """Look once; None while there is doubt."""
    finding = _finding(search, terminal, identity, clock, explained)
    now_s = clock.monotonic_s()
    search.next_s = now_s + EVERY_S
    match finding:
        case Found() | Undealt():
            return finding
        case Undecided(why):
            _tell(search, why)
            search.absent_since_s = None
        case Absent() if search.absent_since_s is None:
            if now_s - search.began_s >= SETTLE_S:
                search.absent_since_s = now_s
                search.next_s = now_s + SPACING_S
        case Absent():
            return _proven(now_s - search.absent_since_s)
    return None


def books_of(terminal: Terminal, from_s: int, to_s: int) -> Books:
    """The four reads."""
    return Books(
        positions=terminal.positions_get(),
        orders=terminal.orders_get(),
        orders_done=terminal.history_orders_get(from_s, to_s),
        deals=terminal.history_deals_get(from_s, to_s),
    )


def _finding(
    search: Search,
    terminal: Terminal,
    identity: Identity,
    clock: Clock,
    explained: Callable[[int], bool],
) -> Finding:
    entry = search.entry
    if not look(terminal, identity).readable:
        return Undecided("the terminal is not connected as our account")
    books = books_of(terminal, _from_s(entry, terminal, clock), EVER_S)
    if not look(terminal, identity).readable:
        return Undecided("the terminal changed while it was read")
    return judge(entry.order.event, books, explained, entry.intended_at_us, entry.venue_order)


def _from_s(entry: Entry, terminal: Terminal, clock: Clock) -> int:
    """No deal of the order is older. Where our clock was ahead of the venue's, or of itself now,
    when the order was intended, nobody knows when that was: then all of history is read."""
    intended_s = entry.intended_at_us // 1_000_000
    tick = terminal.symbol_info_tick(entry.order.event.symbol)
    ahead = tick is None or intended_s > min(tick.time + MARGIN_S, clock.now_us() // 1_000_000)
    return 0 if ahead else intended_s - MARGIN_S


def _tell(search: Search, why: str) -> None:
    """A doubt that stays needs a person, who must know what it is."""
    if why != search.doubt:
        log.warning("order %s stays unresolved: %s", search.entry.order.event.order_id, why)
    search.doubt = why


def _proven(apart_s: float) -> Undealt | None:
    if apart_s < SPACING_S:
        return None
    return Undealt(
        "in no position, active order, done order or deal, "
        f"in two readings {apart_s:.1f} s apart, {SETTLE_S:.0f} s or more after the answer was lost"
    )
