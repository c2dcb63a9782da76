"""What is gathered of an account's room right before an order that opens is sent."""

from __future__ import annotations

from collections.abc import Iterable

from events.limits import LimitsSet
from events.orders import OrderAccepted
from infra.mt5.gateway.clock import Clock
from infra.mt5.gateway.ledger import Ledger
from infra.mt5.gateway.room import Missing, Room
from infra.mt5.terminal import Terminal

SHOWN_WITHIN_S = 2.0
"""A terminal may show a position later than the deal that opened it. An order filled this recently
counts although it does not show; one that is closed again sooner takes room for a moment longer."""
ASKED_AHEAD_S = 0.2
"""And the positions may be looked at as long before they are judged (`AHEAD_S` of a remote one)."""


class Exposure:
    """The limits in force, and the terminal's own positions."""

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

    def room(self, limits_version: int, unresolved: Iterable[OrderAccepted]) -> Room:
        """The room as it is now. `unresolved`: orders that may be at the venue.

        Orders that were accepted under this version can come before the tape has told of it; the
        limits' own stream has held it since before.
        """
        if self._limits is None or self._limits.version < limits_version:
            self._limits = self._ledger.limits()
        shown = self._terminal.positions_get()
        positions = Missing(str(self._terminal.last_error())) if shown is None else shown
        return Room(self._limits, positions, (*unresolved, *self._recent()))

    def _recent(self) -> list[OrderAccepted]:
        since_s = self._clock.monotonic_s() - SHOWN_WITHIN_S - ASKED_AHEAD_S
        self._filled = [each for each in self._filled if each[1] > since_s]
        return [order for order, _ in self._filled]
