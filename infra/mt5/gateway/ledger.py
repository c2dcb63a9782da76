"""What a gateway must never forget: its orders, whose position is whose, which deals are explained.

Everything here is written in the transaction of the events it belongs to. Nothing is a projection:
the gateway decides by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from commands.accounts import BreakerPosition, RecordExternalDeal, ReportAccount, ReportHealth
from commands.orders import RecordFill, RecordNotExecuted, RecordPositionClosed, RecordReject
from events.envelope import Event, Message
from events.limits import LimitsSet
from events.orders import OrderAccepted
from infra.mt5.gateway.health import Identity
from infra.store.offsets import Advance

Steps = tuple[Advance, ...]
Order = Message[OrderAccepted]
Outcome = Sequence[RecordFill] | RecordReject | RecordNotExecuted


@dataclass(frozen=True, slots=True)
class Account:
    """What is known of the account when a session starts."""

    identity: Identity
    swept_from_s: int


@dataclass(frozen=True, slots=True)
class Entry:
    """An order that has no outcome yet.

    `sent`: its intent is committed, so it may be at the venue; otherwise it waits for its turn.
    `venue_order`: the ticket that the venue answered with, 0 if none.
    """

    order: Order
    sent: bool
    intended_at_us: int = 0
    venue_order: int = 0

    def answered(self, venue_order: int) -> Entry:
        """It has been sent, and this is the ticket of the answer."""
        return replace(self, sent=True, venue_order=venue_order)


@dataclass(frozen=True, slots=True)
class Owner:
    """An order of the account, found by what the venue shows of it."""

    order: Order
    settled: bool


class Ledger(Protocol):
    """Durable memory of one account's gateway. A method returns once it is committed.

    `Superseded` from a method that takes steps: another gateway of the account is at work.
    """

    def known(self, now_us: int) -> Account | None:
        """The account as it was left, or as someone else has opened it; None if nobody has."""

    def open(self, identity: Identity, currency: str, now_us: int) -> Account:
        """The account under the identity that it will always have from now on."""

    def halted_for(self) -> frozenset[str]:
        """Why the account is halted, from its own stream; empty if it may take risk."""

    def limits(self) -> LimitsSet | None:
        """The account's limits in force, from their own stream; None if none were ever set."""

    def unsettled(self) -> tuple[Entry, ...]:
        """Orders without an outcome, oldest first."""

    def explained_since(self, since_us: int) -> frozenset[int]:
        """Tickets of the deals accounted for that were made since then."""

    def wait(self, orders: Sequence[Order], steps: Steps) -> None:
        """These orders have been read and wait for their turn."""

    def intend(
        self, order: Order, now_us: int, steps: Steps = (), behind: Sequence[Order] = ()
    ) -> bool:
        """Commit the intent to send, with what has been read and what waits `behind` it.

        False: it must not be sent (its time is over, or it was intended before).
        """

    def attempt(self, order: Order, number: int, now_us: int) -> bool:
        """Commit a further attempt under the same intent; False: the order is not ours to send."""

    def unresolved(self, entry: Entry, detail: str) -> None:
        """Whether the order was dealt is not known."""

    def settle(self, order: Order, outcome: Outcome) -> tuple[Event, ...]:
        """The outcome of an order that was intended, also one that comes late; what it decided."""

    def closed(self, order: Order, command: RecordPositionClosed) -> tuple[Event, ...]:
        """The venue closed what the order had opened; what it decided."""

    def external(self, command: RecordExternalDeal) -> None:
        """A deal that no order of ours explains."""

    def report(self, command: ReportAccount) -> None:
        """The account's figures."""

    def halt(self, reason: str, now_us: int) -> None:
        """No new risk on the account."""

    def breaker(self) -> BreakerPosition:
        """How the account's breaker was left."""

    def turn_breaker(self, position: BreakerPosition, reason: str, now_us: int) -> None:
        """The breaker stands like this from now on."""

    def report_health(self, command: ReportHealth, now_us: int) -> None:
        """How far the terminal is from trading. One that is as it was tells nothing."""

    def pass_over(self, steps: Steps) -> None:
        """What has been read up to here needs nothing."""

    def swept(self, from_s: int) -> None:
        """Deals before this second of the venue's clock need not be read again."""

    def by_magic(self, magic: int) -> Owner | None:
        """The order of this magic number."""

    def by_position(self, position_id: int) -> Owner | None:
        """The order that opened a position."""
