"""One leg of an execution: the order that opens it, and the orders that close it again."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from events.orders import (
    OrderAccepted,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderNotExecuted,
    OrderRejected,
    OrderUnresolved,
    PositionClosed,
)
from events.values import Lots, Price, Side, lots

CLOSE_ATTEMPTS_MAX = 3
ZERO = lots("0")

LegEvent = (
    OrderAccepted
    | OrderDenied
    | OrderFilled
    | OrderRejected
    | OrderUnresolved
    | OrderNotExecuted
    | OrderExpired
    | PositionClosed
)
LEG_EVENTS = (
    OrderAccepted,
    OrderDenied,
    OrderFilled,
    OrderRejected,
    OrderUnresolved,
    OrderNotExecuted,
    OrderExpired,
    PositionClosed,
)


class Answer(Enum):
    """What has become of an order. What is filled counts, whatever was said before."""

    NONE = "none"
    PENDING = "pending"
    REFUSED = "refused"
    FILLED = "filled"


class Ticket(Struct, frozen=True):
    """One order of the leg."""

    answer: Answer = Answer.NONE
    ordered_lots: Lots = ZERO
    filled_lots: Lots = ZERO

    @property
    def settled(self) -> bool:
        """Whether nothing more is expected of it."""
        return self.answer in (Answer.REFUSED, Answer.FILLED)


class Leg(Struct, frozen=True):
    """An account's part of an execution."""

    account: str
    side: Side
    volume_lots: Lots
    opening: Ticket = Ticket()
    closings: tuple[Ticket, ...] = ()
    position_id: int = 0
    price_filled: Price | None = None
    closed_by_venue_lots: Lots = ZERO

    @property
    def open_lots(self) -> Decimal:
        """What is filled and not closed."""
        closed = sum((ticket.filled_lots for ticket in self.closings), self.closed_by_venue_lots)
        return max(ZERO, self.opening.filled_lots - closed)

    @property
    def is_closing(self) -> bool:
        """Whether a closing order is on its way."""
        return any(ticket.answer is Answer.PENDING for ticket in self.closings)

    @property
    def close_attempt(self) -> int | None:
        """Number of the closing order that is wanted or pending; None after the last has failed."""
        attempt = sum(ticket.settled for ticket in self.closings) + 1
        return attempt if attempt <= CLOSE_ATTEMPTS_MAX else None

    def after(self, event: LegEvent) -> Leg:
        """The leg after an event of one of its orders."""
        if isinstance(event, PositionClosed):
            closed_lots = self.closed_by_venue_lots + event.volume_lots
            return replace(self, closed_by_venue_lots=closed_lots)
        number = closing_number(event.order_id)
        if number is not None:
            missing = (Ticket(),) * (number - len(self.closings))
            tickets = (*self.closings, *missing)
            changed = _after(tickets[number - 1], event)
            return replace(self, closings=(*tickets[: number - 1], changed, *tickets[number:]))
        leg = replace(self, opening=_after(self.opening, event))
        if isinstance(event, OrderFilled):
            return replace(leg, position_id=event.position_id, price_filled=event.price)
        return leg


def opening_id(execution_id: str, account: str) -> str:
    """Id of the order that opens the leg."""
    return f"{execution_id}/{account}/open"


def closing_id(execution_id: str, account: str, attempt: int) -> str:
    """Id of an order that closes the leg; each attempt is an order of its own."""
    return f"{execution_id}/{account}/close" + (f"-{attempt}" if attempt > 1 else "")


def closing_number(order_id: str) -> int | None:
    """Which attempt to close an order is; None for the order that opens."""
    kind, _, number = order_id.rpartition("/")[2].partition("-")
    if kind != "close" or not (number or "1").isdecimal():
        return None
    return int(number or 1)


def _after(ticket: Ticket, event: LegEvent) -> Ticket:
    match event:
        case OrderAccepted():
            pending = Answer.PENDING if ticket.answer is Answer.NONE else ticket.answer
            return replace(ticket, answer=pending, ordered_lots=event.volume_lots)
        case OrderFilled():
            filled_lots = ticket.filled_lots + event.volume_lots
            whole = filled_lots + event.volume_left_lots >= ticket.ordered_lots
            answer = Answer.FILLED if whole else Answer.PENDING
            return replace(ticket, answer=answer, filled_lots=filled_lots)
        case OrderDenied() | OrderRejected() | OrderNotExecuted() | OrderExpired():
            answer = Answer.FILLED if ticket.filled_lots else Answer.REFUSED
            return replace(ticket, answer=answer)
        case OrderUnresolved() | PositionClosed():
            return ticket
        case _:
            assert_never(event)
