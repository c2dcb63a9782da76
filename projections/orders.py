"""Every order: what was wanted, what became of it, and what the venue dealt.

Everything is a `put`: an order's events stand in one partition, in order. What several deals add up
to is added up where it is shown.
"""

from __future__ import annotations

from decimal import Decimal
from typing import assert_never

from msgspec import Struct

from events.envelope import Message
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
)
from projections.projection import Projection, Rows, Table
from projections.query import ACCOUNT, SYMBOL, Query, during, equals

ORDERS = Table("order_states", ("order_id",))
DEALS = Table("deals", ("order_id", "deal_ticket"))

DDL = """
create table order_states (
    order_id text collate "C" primary key, execution_id text collate "C", account text, symbol text,
    as_of_us bigint, state text, side text, volume_lots numeric(18, 4), left_lots numeric(18, 4),
    price_reference numeric(18, 8), stop_loss numeric(18, 8), take_profit numeric(18, 8),
    closes_position bigint, limits_version integer, expires_at_us bigint,
    magic text, attempts integer, position_id bigint, retcode integer, detail text,
    limit_broken text, allowed text, observed text, disputed text,
    correlation_id text, message_id text, position text
);
create index on order_states (as_of_us, order_id);
create index on order_states (account, as_of_us, order_id);
create index on order_states (execution_id);
create table deals (
    order_id text collate "C", deal_ticket bigint, volume_lots numeric(18, 4),
    price numeric(18, 8), commission numeric(18, 4), profit numeric(18, 4), dealt_at_us bigint,
    primary key (order_id, deal_ticket)
);
create view orders as
select s.*, d.*
from order_states s cross join lateral (
    select coalesce(sum(volume_lots), 0)::numeric(18, 4) as filled_lots,
           (sum(volume_lots * price) / nullif(sum(volume_lots), 0))::numeric(18, 8) as price,
           coalesce(sum(commission), 0)::numeric(18, 4) as commission,
           coalesce(sum(profit), 0)::numeric(18, 4) as profit,
           max(dealt_at_us) as dealt_at_us
    from deals where deals.order_id = s.order_id
) d
"""

OrderEvent = (
    OrderAccepted
    | OrderDenied
    | OrderIntended
    | OrderFilled
    | OrderRejected
    | OrderUnresolved
    | OrderNotExecuted
    | OrderExpired
    | DealDisputed
)


class Order(Struct, frozen=True, kw_only=True):
    """An order on one account. `price` is the mean over its deals; `magic` names it at the venue.

    `state` is one of accepted, denied, intended, filled, partly_filled, rejected, unresolved,
    not_executed, expired. `disputed` says why a person must look. `magic` is text, as JSON numbers
    have fewer bits.
    """

    order_id: str
    execution_id: str
    account: str
    symbol: str
    as_of_us: int
    state: str
    side: str | None
    volume_lots: Decimal | None
    filled_lots: Decimal
    left_lots: Decimal | None
    price: Decimal | None
    price_reference: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None
    commission: Decimal
    profit: Decimal
    closes_position: int | None
    position_id: int | None
    limits_version: int | None
    limit_broken: str | None
    allowed: str | None
    observed: str | None
    disputed: str | None
    magic: str | None
    attempts: int | None
    retcode: int | None
    detail: str | None
    expires_at_us: int | None
    dealt_at_us: int | None
    correlation_id: str
    message_id: str
    position: str


def apply(rows: Rows, message: Message[OrderEvent]) -> None:
    """Let the order be as its latest event says; a deal is a row of its own."""
    event = message.event
    rows.put(
        ORDERS,
        order_id=event.order_id,
        execution_id=event.execution_id,
        account=event.account,
        symbol=event.symbol,
        correlation_id=message.envelope.correlation_id,
        message_id=message.envelope.message_id,
        position=str(message.position),
        **said(event),
    )
    if isinstance(event, OrderAccepted | OrderDenied):
        rows.put(ORDERS, order_id=event.order_id, as_of_us=message.envelope.time_us)
    if isinstance(event, OrderFilled):
        rows.put(
            DEALS,
            order_id=event.order_id,
            deal_ticket=event.deal_ticket,
            volume_lots=event.volume_lots,
            price=event.price,
            commission=event.commission,
            profit=event.profit,
            dealt_at_us=event.dealt_at_us,
        )


def said(event: OrderEvent) -> dict[str, object]:
    """The columns that this event speaks of."""
    match event:
        case OrderAccepted():
            return _accepted(event)
        case OrderDenied():
            return {
                "state": "denied",
                "detail": f"{event.limit} is {event.observed}, allowed is {event.allowed}",
                "limit_broken": event.limit,
                "allowed": event.allowed,
                "observed": event.observed,
                "limits_version": event.limits_version,
            }
        case OrderIntended():
            return {"state": "intended", "magic": str(event.magic), "attempts": event.attempt}
        case OrderFilled():
            return {
                "state": "partly_filled" if event.volume_left_lots else "filled",
                "side": event.side,
                "left_lots": event.volume_left_lots,
                "position_id": event.position_id,
            }
        case OrderRejected():
            return {"state": "rejected", "retcode": event.retcode, "detail": event.detail}
        case OrderUnresolved():
            return {"state": "unresolved", "detail": event.detail}
        case OrderNotExecuted():
            return {"state": "not_executed", "detail": event.evidence}
        case OrderExpired():
            return {"state": "expired"}
        case DealDisputed():
            return {"disputed": event.reason}
        case _:
            assert_never(event)


def closes(order_id: str) -> bool:
    """Whether an order takes volume away: its name says what it is for (`…/close`, `…/close-2`)."""
    return order_id.rpartition("/")[2].partition("-")[0] == "close"


def _accepted(event: OrderAccepted) -> dict[str, object]:
    return {
        "state": "accepted",
        "side": event.side,
        "volume_lots": event.volume_lots,
        "left_lots": event.volume_lots,
        "price_reference": event.price_reference,
        "stop_loss": event.stop_loss,
        "take_profit": event.take_profit,
        "closes_position": event.closes_position,
        "limits_version": event.limits_version,
        "expires_at_us": event.expires_at_us,
    }


LIFE = (
    OrderAccepted,
    OrderDenied,
    OrderIntended,
    OrderFilled,
    OrderRejected,
    OrderUnresolved,
    OrderNotExecuted,
    OrderExpired,
)
"""What tells how an order is."""

PROJECTION = Projection("orders", 1, DDL, ("orders",), (*LIFE, DealDisputed), apply)

WANTED = Query(
    "orders",
    Order,
    ("as_of_us", "order_id"),
    (
        SYMBOL,
        ACCOUNT,
        equals("state", "only orders in this state"),
        equals("execution_id", "only the legs of this execution"),
        *during("as_of_us"),
    ),
    key="order_id",
)
