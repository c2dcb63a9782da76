"""Whether the account has room for an order that opens, as the venue shows it right now.

What was known when the order was accepted is old by then, and orders of the same second were
accepted without knowing of each other. They are sent one at a time: here they can be counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from events.limits import LimitsSet
from events.orders import OrderAccepted, magic_of
from events.values import lots
from infra.mt5.gateway.clock import Clock
from infra.mt5.gateway.ledger import Ledger
from infra.mt5.terminal import Terminal
from infra.mt5.tuples import TradePosition

SHOWN_WITHIN_S = 2.0
"""A terminal may show a position later than the deal that opened it. An order filled this recently
counts although it does not show; one that is closed again sooner takes room for a moment longer."""
ASKED_AHEAD_S = 0.2
"""And the positions may be looked at as long before they are judged (`AHEAD_S` of a remote one)."""


class Exposure:
    """The limits in force, held against the terminal's own positions."""

    def __init__(self, terminal: Terminal, ledger: Ledger, clock: Clock) -> None:
        self._terminal = terminal
        self._ledger = ledger
        self._clock = clock
        self._limits = ledger.limits()
        self._filled: list[tuple[OrderAccepted, float]] = []

    def filled(self, order: OrderAccepted) -> None:
        """The order has just been dealt."""
        self._filled.append((order, self._clock.monotonic_s()))

    def heed(self, limits: LimitsSet) -> None:
        """The tape says that these are in force; it may say so late."""
        if self._limits is None or limits.version > self._limits.version:
            self._limits = limits

    def objection(self, order: OrderAccepted, unresolved: Iterable[OrderAccepted]) -> str:
        """Why the order must not go, or nothing: a close always may.

        `unresolved`: orders that may be at the venue, whether it shows them or not.
        """
        if order.closes_position is not None:
            return ""
        limits = self._known(order.limits_version)
        if limits is None:
            return f"version {order.limits_version} of the account's limits is not known"
        positions = self._terminal.positions_get()
        if positions is None:
            return f"the open positions cannot be read: {self._terminal.last_error()}"
        return _alone(limits, order) or _beyond(
            limits, order, positions, (*unresolved, *self._recent())
        )

    def _recent(self) -> list[OrderAccepted]:
        since_s = self._clock.monotonic_s() - SHOWN_WITHIN_S - ASKED_AHEAD_S
        self._filled = [each for each in self._filled if each[1] > since_s]
        return [order for order, _ in self._filled]

    def _known(self, version: int) -> LimitsSet | None:
        """Limits at least as new as those the order was accepted under. Its account's orders can
        come before the tape has told of them; their own stream has held them since before."""
        if self._limits is None or self._limits.version < version:
            self._limits = self._ledger.limits()
        return self._limits if self._limits and self._limits.version >= version else None


def _alone(limits: LimitsSet, order: OrderAccepted) -> str:
    """The limit that the order breaks by itself: it may have been set after it was accepted."""
    if order.symbol not in limits.symbols:
        return f"symbols {','.join(limits.symbols)}: {order.symbol} asked for"
    if order.volume_lots > limits.volume_lots_max:
        return f"volume_lots_max {limits.volume_lots_max}: {order.volume_lots} asked for"
    return ""


def _beyond(
    limits: LimitsSet,
    order: OrderAccepted,
    positions: Sequence[TradePosition],
    unresolved: Iterable[OrderAccepted],
) -> str:
    """The limit that the order would break, with the figures; or nothing."""
    shown = {position.magic for position in positions}
    doubtful = [
        each
        for each in unresolved
        if each.closes_position is None and magic_of(each.order_id) not in shown
    ]
    more = f", {len(doubtful)} more may be" if doubtful else ""
    if len(positions) + len(doubtful) >= limits.open_positions_max:
        return f"open_positions_max {limits.open_positions_max}: {len(positions)} are open{more}"
    held = sum((lots(position.volume) for position in positions), Decimal(0))
    risked = sum((each.volume_lots for each in doubtful), Decimal(0))
    if held + risked + order.volume_lots > limits.open_lots_max:
        more = f", {risked} more may be" if doubtful else ""
        asked = f"{order.volume_lots} more asked for"
        return f"open_lots_max {limits.open_lots_max}: {lots(held)} are open{more}, {asked}"
    return ""
