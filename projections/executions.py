"""Every execution: a signal followed by several accounts, leg by leg, and how it ended.

Executions and orders come from different topics, in any order: each writes columns of its own, and
what they say together is put together where it is shown.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from events.envelope import Message
from events.execution import (
    ExecutionCompensated,
    ExecutionCompleted,
    ExecutionOpened,
    ExecutionStuck,
)
from events.orders import OrderFilled, PositionClosed
from projections.orders import LIFE, OrderEvent, closes, said
from projections.projection import Projection, Rows, Table
from projections.query import SYMBOL, Query, during, equals

EXECUTIONS = Table("execution_states", ("execution_id",))
LEGS = Table("wanted_legs", ("execution_id", "account"))
ORDERS = Table("leg_orders", ("order_id",))
DEALS = Table("leg_deals", ("account", "deal_ticket"))

DDL = """
create table execution_states (
    execution_id text collate "C" primary key, symbol text, side text, confidence float8,
    as_of_us bigint, state text, accounts jsonb, left_out jsonb, exposed jsonb,
    correlation_id text, message_id text, position text
);
create index on execution_states (as_of_us, execution_id);
create table wanted_legs (
    execution_id text collate "C", account text collate "C", volume_lots numeric(18, 4),
    primary key (execution_id, account)
);
create table leg_orders (
    order_id text collate "C" primary key, execution_id text collate "C", account text collate "C",
    closing boolean, state text, detail text
);
create index on leg_orders (execution_id, account);
create table leg_deals (
    account text collate "C", deal_ticket bigint, execution_id text collate "C", closing boolean,
    volume_lots numeric(18, 4), price numeric(18, 8), profit numeric(18, 4),
    primary key (account, deal_ticket)
);
create index on leg_deals (execution_id, account);
create view legs as
select w.execution_id, w.account, w.volume_lots, o.order_id, coalesce(o.state, 'wanted') as state,
    o.detail, coalesce(d.filled_lots, 0) as filled_lots, d.price, c.order_id as close_order_id,
    c.state as close_state, coalesce(d.closed_lots, 0) as closed_lots, d.price_close,
    coalesce(d.profit, 0) as profit
from wanted_legs w
left join leg_orders o
    on o.execution_id = w.execution_id and o.account = w.account and not o.closing
left join lateral (
    select order_id, state from leg_orders c
    where c.execution_id = w.execution_id and c.account = w.account and c.closing
    order by length(order_id) desc, order_id desc limit 1
) c on true
left join lateral (
    select sum(volume_lots) filter (where not closing) as filled_lots,
        (sum(price * volume_lots) filter (where not closing)
            / sum(volume_lots) filter (where not closing))::numeric(18, 8) as price,
        sum(volume_lots) filter (where closing) as closed_lots,
        (sum(price * volume_lots) filter (where closing)
            / sum(volume_lots) filter (where closing))::numeric(18, 8) as price_close,
        sum(profit) as profit
    from leg_deals d where d.execution_id = w.execution_id and d.account = w.account
) d on true;
create view executions as
select e.*, coalesce(l.legs, '[]') as legs
from execution_states e left join lateral (
    select json_agg(json_build_object(
        'account', account, 'state', state, 'volume_lots', volume_lots::text,
        'filled_lots', filled_lots::numeric(18, 4)::text, 'price', price::text, 'detail', detail,
        'order_id', order_id, 'close_order_id', close_order_id, 'close_state', close_state,
        'closed_lots', closed_lots::numeric(18, 4)::text, 'price_close', price_close::text,
        'profit', profit::numeric(18, 4)::text
    ) order by account) as legs
    from legs where legs.execution_id = e.execution_id
) l on true
where e.state is not null
"""

ExecutionEvent = ExecutionOpened | ExecutionCompleted | ExecutionCompensated | ExecutionStuck
LegEvent = OrderEvent | PositionClosed


class Leg(Struct, frozen=True, kw_only=True):
    """One account's part in an execution. `state` is its order's; `wanted` before one.

    `close_order_id` is the last order that was to close it again.
    """

    account: str
    state: str
    volume_lots: Decimal
    filled_lots: Decimal
    price: Decimal | None
    detail: str | None
    order_id: str | None
    close_order_id: str | None
    close_state: str | None
    closed_lots: Decimal
    price_close: Decimal | None
    profit: Decimal


class Execution(Struct, frozen=True, kw_only=True):
    """A signal followed by several accounts. `state`: open, completed, compensated or stuck.

    `left_out` says why an account did not follow; `exposed` are accounts that could not be closed,
    where a person must look.
    """

    execution_id: str
    symbol: str
    side: str
    confidence: float
    as_of_us: int
    state: str
    accounts: tuple[str, ...]
    left_out: dict[str, str]
    exposed: tuple[str, ...] | None
    legs: tuple[Leg, ...]
    correlation_id: str
    message_id: str
    position: str


def apply(rows: Rows, message: Message[ExecutionEvent | LegEvent]) -> None:
    """What is said of the whole goes to the execution, what is said of an order to its leg."""
    match message.event:
        case ExecutionOpened() as opened:
            _opened(rows, message, opened)
        case ExecutionCompleted() as completed:
            _ended(rows, message, completed.execution_id, "completed")
        case ExecutionCompensated() as compensated:
            _ended(rows, message, compensated.execution_id, "compensated")
        case ExecutionStuck() as stuck:
            _ended(rows, message, stuck.execution_id, "stuck", exposed=stuck.exposed)
        case PositionClosed() as closed:
            _dealt(rows, closed, closing=True)
        case _:
            _leg(rows, message.event)


def _opened(rows: Rows, message: Message[ExecutionEvent | LegEvent], e: ExecutionOpened) -> None:
    rows.put(
        EXECUTIONS,
        execution_id=e.execution_id,
        symbol=e.symbol,
        side=e.side,
        confidence=e.confidence,
        as_of_us=message.envelope.time_us,
        state="open",
        accounts=e.accounts,
        left_out=dict(zip(e.left_out, e.reasons, strict=True)),
        correlation_id=message.envelope.correlation_id,
        message_id=message.envelope.message_id,
        position=str(message.position),
    )
    for account, volume_lots in zip(e.accounts, e.volumes_lots, strict=True):
        rows.put(LEGS, execution_id=e.execution_id, account=account, volume_lots=volume_lots)


def _ended(
    rows: Rows,
    message: Message[ExecutionEvent | LegEvent],
    execution_id: str,
    state: str,
    exposed: tuple[str, ...] = (),
) -> None:
    rows.put(
        EXECUTIONS,
        execution_id=execution_id,
        state=state,
        exposed=exposed,
        message_id=message.envelope.message_id,
        position=str(message.position),
    )


def _leg(rows: Rows, event: OrderEvent) -> None:
    detail = {name: value for name, value in said(event).items() if name in ("state", "detail")}
    rows.put(
        ORDERS,
        order_id=event.order_id,
        execution_id=event.execution_id,
        account=event.account,
        closing=closes(event.order_id),
        **detail,
    )
    if isinstance(event, OrderFilled):
        _dealt(rows, event, closing=closes(event.order_id))


def _dealt(rows: Rows, event: OrderFilled | PositionClosed, closing: bool) -> None:
    rows.put(
        DEALS,
        account=event.account,
        deal_ticket=event.deal_ticket,
        execution_id=event.execution_id,
        closing=closing,
        volume_lots=event.volume_lots,
        price=event.price,
        profit=event.profit,
    )


READS = (
    ExecutionOpened,
    ExecutionCompleted,
    ExecutionCompensated,
    ExecutionStuck,
    *LIFE,
    PositionClosed,
)

PROJECTION = Projection("executions", 1, DDL, ("executions", "legs"), READS, apply)

FOLLOWED = Query(
    "executions",
    Execution,
    ("as_of_us", "execution_id"),
    (
        SYMBOL,
        equals("state", "`open`, `completed`, `compensated` or `stuck`"),
        *during("as_of_us"),
    ),
    key="execution_id",
)
