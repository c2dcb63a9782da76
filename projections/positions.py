"""Positions per account: what the venue's deals opened and closed.

Opening and closing deals come from different orders, hence in any order: a position is therefore
always the sum of its deals, made anew whenever one is added. A deal that is told twice, by an order
and by the venue, is one row.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from events.envelope import Message
from events.orders import OrderFilled, PositionClosed
from projections.orders import closes
from projections.projection import Projection, Rows, Table
from projections.query import ACCOUNT, SYMBOL, Query, during, equals

DEALS = Table("deals", ("account", "deal_ticket"))

DDL = """
create table deals (
    account text collate "C", deal_ticket bigint, position_id bigint, symbol text,
    closing boolean, order_id text, side text, volume_lots numeric(18, 4), price numeric(18, 8),
    commission numeric(18, 4), swap numeric(18, 4) default 0, profit numeric(18, 4),
    reason text default 'order', dealt_at_us bigint,
    primary key (account, deal_ticket)
);
create index on deals (account, position_id);
create view position_sums as
select account || '/' || position_id as id, account, position_id, min(symbol) as symbol,
    min(side) filter (where not closing) as side,
    case when sum(case when closing then -volume_lots else volume_lots end) > 0
         then 'open' else 'closed' end as state,
    min(order_id) filter (where not closing) as order_id,
    sum(volume_lots) filter (where not closing) as opened_lots,
    coalesce(sum(volume_lots) filter (where closing), 0) as closed_lots,
    sum(case when closing then -volume_lots else volume_lots end) as open_lots,
    sum(price * volume_lots) filter (where not closing)
        / sum(volume_lots) filter (where not closing) as price_open,
    sum(price * volume_lots) filter (where closing)
        / sum(volume_lots) filter (where closing) as price_close,
    sum(commission) as commission, sum(swap) as swap, sum(profit) as profit,
    min(dealt_at_us) filter (where not closing) as opened_at_us,
    max(dealt_at_us) filter (where closing) as last_closed_at_us,
    (array_agg(reason order by dealt_at_us desc, deal_ticket desc) filter (where closing))[1]
        as last_closed_by
from deals group by account, position_id having not bool_and(closing);
create table positions (
    id text collate "C" primary key, account text, position_id bigint, symbol text, side text,
    state text, order_id text, opened_lots numeric(18, 4), closed_lots numeric(18, 4),
    open_lots numeric(18, 4), price_open numeric(18, 8), price_close numeric(18, 8),
    commission numeric(18, 4), swap numeric(18, 4), profit numeric(18, 4),
    opened_at_us bigint, last_closed_at_us bigint, last_closed_by text
);
create index on positions (opened_at_us, id);
create index on positions (state, opened_at_us, id)
"""

FORGET = "delete from positions where id = %s"
SUM_UP = """
insert into positions select * from position_sums where account = %s and position_id = %s
"""


class Held(Struct, frozen=True, kw_only=True):
    """A position at the venue. Prices are means over its deals; costs are not within `profit`.

    `last_closed_by` is `order` for an order of ours, else the venue's reason (stop, target, …).
    """

    id: str
    account: str
    position_id: int
    symbol: str
    side: str
    state: str
    order_id: str
    opened_lots: Decimal
    closed_lots: Decimal
    open_lots: Decimal
    price_open: Decimal
    price_close: Decimal | None
    commission: Decimal
    swap: Decimal
    profit: Decimal
    opened_at_us: int
    last_closed_at_us: int | None
    last_closed_by: str | None


def apply(rows: Rows, message: Message[OrderFilled | PositionClosed]) -> None:
    """Add the deal, and sum its position up."""
    event = message.event
    rows.put(
        DEALS,
        **_named(event),
        position_id=event.position_id,
        symbol=event.symbol,
        closing=isinstance(event, PositionClosed) or closes(event.order_id),
        side=event.side,
        volume_lots=event.volume_lots,
        price=event.price,
        commission=event.commission,
        profit=event.profit,
        dealt_at_us=event.dealt_at_us,
    )
    if isinstance(event, PositionClosed):
        rows.put(DEALS, **_named(event), swap=event.swap, reason=event.reason)
    else:
        rows.put(DEALS, **_named(event), order_id=event.order_id)
    rows.execute(FORGET, (f"{event.account}/{event.position_id}",))
    rows.execute(SUM_UP, (event.account, event.position_id))


def _named(event: OrderFilled | PositionClosed) -> dict[str, object]:
    return {"account": event.account, "deal_ticket": event.deal_ticket}


PROJECTION = Projection("positions", 1, DDL, ("positions",), (OrderFilled, PositionClosed), apply)

HELD = Query(
    "positions",
    Held,
    ("opened_at_us", "id"),
    (
        SYMBOL,
        ACCOUNT,
        equals("state", "`open` or `closed`"),
        *during("opened_at_us"),
    ),
    key="id",
)
