"""What a drill knows of its own orders: who sent what, in which order, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from threading import Lock

from events.orders import OrderAccepted, magic_of


class Outcome(Enum):
    """Where an intent ends. Whoever is still open at the end was lost."""

    OPEN = "open"
    DONE = "done"
    FOUND = "found dealt"
    REFUSED = "refused"
    NEVER_SENT = "never sent"
    ABSENT = "found not dealt"


DEALT = frozenset({Outcome.DONE, Outcome.FOUND})


@dataclass(slots=True)
class Intent:
    """An order that a lane meant to send. `number` rises within its account and symbol."""

    order: OrderAccepted
    number: int
    outcome: Outcome = Outcome.OPEN
    unknown: bool = False

    @property
    def magic(self) -> int:
        """The order's identity at the venue."""
        return magic_of(self.order.order_id)


@dataclass(slots=True)
class Crossings:
    """What was answered by another than the one who was asked, as all lanes have seen it."""

    seen: list[str] = field(default_factory=list)
    reads: int = 0
    _lock: Lock = field(default_factory=Lock)

    def served(self) -> None:
        """A read was answered, and rightly."""
        with self._lock:
            self.reads += 1

    def note(self, what: str) -> None:
        """A reply is not what it should be."""
        with self._lock:
            self.seen.append(what)
