"""An order's life: the table `DECISIONS` says what each command does in each status.

What the venue shows always counts. A fill of an order that it first refused is booked; only a deal
that no sending of ours can explain, or more volume than was ordered, is disputed instead.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, assert_never

from msgspec import Struct
from msgspec.structs import asdict, replace

from commands.decider import Decider
from commands.order_limits import broken
from commands.orders import (
    COMMANDS,
    ExpireOrder,
    IntendOrder,
    OrderCommand,
    RecordFill,
    RecordNotExecuted,
    RecordPositionClosed,
    RecordReject,
    RecordUnknown,
    RequestOrder,
)
from events.orders import (
    DealDisputed,
    OrderAccepted,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderIntended,
    OrderNotExecuted,
    OrderRejected,
    OrderUnresolved,
    PositionClosed,
)
from events.values import Lots, Side, lots

OrderEvent = (
    OrderAccepted
    | OrderDenied
    | OrderIntended
    | OrderFilled
    | OrderRejected
    | OrderUnresolved
    | OrderNotExecuted
    | OrderExpired
    | PositionClosed
    | DealDisputed
)
EVENTS = (
    OrderAccepted,
    OrderDenied,
    OrderIntended,
    OrderFilled,
    OrderRejected,
    OrderUnresolved,
    OrderNotExecuted,
    OrderExpired,
    PositionClosed,
    DealDisputed,
)
ATTEMPTS_MAX = 3
LIFE_US_MAX = 3_600_000_000
"""No order that opens a position waits longer. One that could is of a signal from the future."""


class Status(Enum):
    """Where an order stands. Only what was intended can have been dealt."""

    NEW = "new"
    ACCEPTED = "accepted"
    DENIED = "denied"
    INTENDED = "intended"
    UNRESOLVED = "unresolved"
    PARTLY_FILLED = "partly_filled"
    FILLED = "filled"
    REJECTED = "rejected"
    NOT_EXECUTED = "not_executed"
    EXPIRED = "expired"


class Order(Struct, frozen=True):
    """What has to be remembered in order to decide."""

    status: Status = Status.NEW
    execution_id: str = ""
    account: str = ""
    symbol: str = ""
    side: Side = Side.BUY
    ordered_lots: Lots = lots("0")
    filled_lots: Lots = lots("0")
    closed_lots: Lots = lots("0")
    expires_at_us: int = 0
    opens: bool = True
    attempt: int = 0
    deals: frozenset[int] = frozenset()


Handler = Callable[[Any, Order], tuple[OrderEvent, ...]]


def decide(command: OrderCommand, order: Order) -> tuple[OrderEvent, ...]:
    """What the table says for this status and this command."""
    return DECISIONS[order.status][type(command)](command, order)


def evolve(order: Order, event: OrderEvent) -> Order:
    """The order after the event."""
    match event:
        case OrderAccepted():
            return replace(
                _named(order, event, Status.ACCEPTED),
                side=event.side,
                ordered_lots=event.volume_lots,
                expires_at_us=event.expires_at_us,
                opens=event.closes_position is None,
            )
        case OrderDenied():
            return _named(order, event, Status.DENIED)
        case OrderIntended():
            return replace(order, status=Status.INTENDED, attempt=event.attempt)
        case OrderFilled():
            return _with_fill(order, event)
        case OrderRejected():
            return replace(order, status=Status.REJECTED)
        case OrderUnresolved():
            return replace(order, status=Status.UNRESOLVED)
        case OrderNotExecuted():
            return replace(order, status=Status.NOT_EXECUTED)
        case OrderExpired():
            return replace(order, status=Status.EXPIRED)
        case PositionClosed():
            closed_lots = order.closed_lots + event.volume_lots
            return replace(order, closed_lots=closed_lots, deals=order.deals | {event.deal_ticket})
        case DealDisputed():
            return replace(order, deals=order.deals | {event.deal_ticket})
        case _:
            assert_never(event)


def in_time(expires_at_us: int, opens: bool, at_us: int) -> bool:
    """Whether an order may be sent at this moment."""
    left_us = expires_at_us - at_us
    return left_us >= 0 and not (opens and left_us > LIFE_US_MAX)


def _judge(command: RequestOrder, order: Order) -> tuple[OrderEvent, ...]:
    check = broken(command)
    if check is None:
        return _told(OrderAccepted, command, order)
    figures = {"limit": check.limit, "allowed": check.allowed, "observed": check.observed}
    return _told(OrderDenied, command, order, **figures)


def _intend(command: IntendOrder, order: Order) -> tuple[OrderEvent, ...]:
    """A further attempt needs the one before it; one that is not in time ends the order."""
    if command.attempt != order.attempt + 1 or command.attempt > ATTEMPTS_MAX:
        return ()
    if in_time(order.expires_at_us, order.opens, command.intended_at_us):
        return _told(OrderIntended, command, order)
    if order.status is Status.ACCEPTED:
        return _told(OrderExpired, command, order, expired_at_us=command.intended_at_us)
    return ()


def _expire(command: ExpireOrder, order: Order) -> tuple[OrderEvent, ...]:
    over = command.expired_at_us > order.expires_at_us
    return _told(OrderExpired, command, order) if over else ()


def _fill(command: RecordFill, order: Order) -> tuple[OrderEvent, ...]:
    """A deal. One that comes late is told without those before it, and so with too much left."""
    if command.deal_ticket in order.deals:
        return ()
    left_lots = order.ordered_lots - order.filled_lots - command.volume_lots
    if left_lots < 0:
        return _told(DealDisputed, command, order, reason="more was filled than was ordered")
    left_lots = min(left_lots, command.volume_left_lots)
    return _told(OrderFilled, command, order, volume_left_lots=left_lots)


def _close(command: RecordPositionClosed, order: Order) -> tuple[OrderEvent, ...]:
    if command.deal_ticket in order.deals:
        return ()
    if order.closed_lots + command.volume_lots > order.filled_lots:
        return _told(DealDisputed, command, order, reason="more was closed than was filled")
    return _told(PositionClosed, command, order)


def _dispute(command: RecordFill | RecordPositionClosed, order: Order) -> tuple[OrderEvent, ...]:
    if command.deal_ticket in order.deals:
        return ()
    reason = f"the order is {order.status.value}: it was never sent"
    return _told(DealDisputed, command, order, reason=reason)


def _reject(command: RecordReject, order: Order) -> tuple[OrderEvent, ...]:
    return _told(OrderRejected, command, order)


def _unresolved(command: RecordUnknown, order: Order) -> tuple[OrderEvent, ...]:
    return _told(OrderUnresolved, command, order)


def _not_executed(command: RecordNotExecuted, order: Order) -> tuple[OrderEvent, ...]:
    return _told(OrderNotExecuted, command, order)


def _nothing(_command: OrderCommand, _order: Order) -> tuple[OrderEvent, ...]:
    return ()


def _with_fill(order: Order, event: OrderFilled) -> Order:
    filled_lots = order.filled_lots + event.volume_lots
    whole = filled_lots + event.volume_left_lots >= order.ordered_lots
    return replace(
        order,
        status=Status.FILLED if whole else Status.PARTLY_FILLED,
        filled_lots=filled_lots,
        deals=order.deals | {event.deal_ticket},
    )


def _named(order: Order, event: OrderAccepted | OrderDenied, status: Status) -> Order:
    return replace(
        order,
        status=status,
        execution_id=event.execution_id,
        account=event.account,
        symbol=event.symbol,
    )


def _told(
    kind: type[OrderEvent], command: OrderCommand, order: Order, **more: Any
) -> tuple[OrderEvent, ...]:
    """The event, each field from `more`, from the command, or from the order, in this order."""
    known = {name: getattr(order, name) for name in ("execution_id", "account", "symbol", "side")}
    known |= asdict(command) | more
    return (kind(**{name: known[name] for name in kind.__struct_fields__}),)


_NEVER_SENT: dict[type, Handler] = {RecordFill: _dispute, RecordPositionClosed: _dispute}
_AT_THE_VENUE: dict[type, Handler] = {RecordFill: _fill, RecordPositionClosed: _close}
_EVIDENCE: dict[type, Handler] = {RecordReject: _reject, RecordNotExecuted: _not_executed}

_DECIDING: dict[Status, dict[type, Handler]] = {
    Status.NEW: {RequestOrder: _judge},
    Status.ACCEPTED: {
        IntendOrder: _intend,
        ExpireOrder: _expire,
        RecordReject: _reject,
        **_NEVER_SENT,
    },
    Status.DENIED: _NEVER_SENT,
    Status.EXPIRED: _NEVER_SENT,
    Status.INTENDED: {
        IntendOrder: _intend,
        RecordUnknown: _unresolved,
        **_EVIDENCE,
        **_AT_THE_VENUE,
    },
    Status.UNRESOLVED: {**_EVIDENCE, **_AT_THE_VENUE},
    Status.PARTLY_FILLED: _AT_THE_VENUE,
    Status.FILLED: _AT_THE_VENUE,
    Status.REJECTED: _AT_THE_VENUE,
    Status.NOT_EXECUTED: _AT_THE_VENUE,
}
"""What decides something; every other pair of status and command decides nothing."""

DECISIONS: dict[Status, dict[type, Handler]] = {
    status: dict.fromkeys(COMMANDS, _nothing) | deciding for status, deciding in _DECIDING.items()
}

ORDERS: Decider[OrderCommand, Order, OrderEvent] = Decider(
    name="orders",
    commands=COMMANDS,
    events=EVENTS,
    stream=lambda command: command.order_id,
    initial=Order(),
    decide=decide,
    evolve=evolve,
)
