"""Every account: whether it trades, what the venue said of it, and the limits in force.

Accounts and limits come from different topics, in any order: each writes columns of its own.
"""

from __future__ import annotations

from decimal import Decimal
from typing import assert_never

from msgspec import Struct
from msgspec.structs import asdict

from events.accounts import (
    AccountHalted,
    AccountOpened,
    AccountReported,
    AccountResumed,
    BreakerClosed,
    BreakerHalfOpened,
    BreakerOpened,
    ExternalDealFound,
    TerminalHealthChanged,
)
from events.envelope import Message
from events.limits import LimitsSet
from projections.projection import Projection, Rows, Table
from projections.query import Query, equals

ACCOUNTS = Table("account_states", ("account",))
LIMITS = Table("limits", ("account",))
DEALS = Table("external_deals", ("account", "deal_ticket"))

DDL = """
create table account_states (
    account text collate "C" primary key, login bigint, server text, currency text,
    state text default 'trading', reason text, breaker text default 'closed',
    connected boolean, broker_connected boolean, authorised boolean, synchronised boolean,
    trading_allowed boolean, health_detail text,
    balance numeric(18, 4), equity numeric(18, 4), margin numeric(18, 4),
    open_lots numeric(18, 4), open_positions integer, reported_at_us bigint,
    message_id text, position text
);
create table limits (
    account text collate "C" primary key, version integer, volume_lots_max numeric(18, 4),
    open_lots_max numeric(18, 4), open_positions_max integer, confidence_min float8,
    signal_age_ms_max bigint, symbols jsonb, quote_age_ms_max bigint
);
create table external_deals (
    account text collate "C", deal_ticket bigint, position_id bigint, symbol text,
    volume_lots numeric(18, 4), profit numeric(18, 4), magic text, dealt_at_us bigint,
    primary key (account, deal_ticket)
);
create view accounts as
select a.*, l.version as limits_version, l.volume_lots_max, l.open_lots_max, l.open_positions_max,
    l.confidence_min, l.signal_age_ms_max, l.quote_age_ms_max, l.symbols,
    d.external_deals, d.external_profit
from account_states a left join limits l using (account)
cross join lateral (
    select count(*) as external_deals, coalesce(sum(profit), 0)::numeric(18, 4) as external_profit
    from external_deals where external_deals.account = a.account
) d
"""

AccountEvent = (
    AccountOpened
    | AccountReported
    | AccountHalted
    | AccountResumed
    | BreakerOpened
    | BreakerHalfOpened
    | BreakerClosed
    | TerminalHealthChanged
    | ExternalDealFound
    | LimitsSet
)


class Account(Struct, frozen=True, kw_only=True):
    """An account. `state` is trading or halted; the figures are the venue's, at `reported_at_us`.

    While `breaker` is not closed (open, half_open), only orders that reduce risk are sent.
    The terminal's health, from `connected` to `trading_allowed`, is null before it was looked at;
    `health_detail` says what is missing.
    `external_deals` counts deals at the venue that none of our orders explains.
    """

    account: str
    login: int | None
    server: str | None
    currency: str | None
    state: str
    reason: str | None
    breaker: str
    connected: bool | None
    broker_connected: bool | None
    authorised: bool | None
    synchronised: bool | None
    trading_allowed: bool | None
    health_detail: str | None
    balance: Decimal | None
    equity: Decimal | None
    margin: Decimal | None
    open_lots: Decimal | None
    open_positions: int | None
    reported_at_us: int | None
    limits_version: int | None
    volume_lots_max: Decimal | None
    open_lots_max: Decimal | None
    open_positions_max: int | None
    confidence_min: float | None
    signal_age_ms_max: int | None
    quote_age_ms_max: int | None
    symbols: tuple[str, ...] | None
    external_deals: int
    external_profit: Decimal
    message_id: str
    position: str


def apply(rows: Rows, message: Message[AccountEvent]) -> None:
    """Let the account, its limits or its foreign deals be as the event says."""
    event = message.event
    match event:
        case LimitsSet():
            rows.put(LIMITS, **asdict(event))
        case ExternalDealFound():
            rows.put(DEALS, **{**asdict(event), "magic": str(event.magic)})
        case AccountOpened() | AccountReported():
            _put(rows, message, asdict(event))
        case AccountHalted():
            _put(rows, message, {**asdict(event), "state": "halted"})
        case AccountResumed():
            _put(rows, message, {**asdict(event), "state": "trading"})
        case BreakerOpened():
            _put(rows, message, {"account": event.account, "breaker": "open"})
        case BreakerHalfOpened():
            _put(rows, message, {"account": event.account, "breaker": "half_open"})
        case BreakerClosed():
            _put(rows, message, {"account": event.account, "breaker": "closed"})
        case TerminalHealthChanged():
            parts = asdict(event)
            _put(rows, message, {"health_detail": parts.pop("detail"), **parts})
        case _:
            assert_never(event)


def _put(rows: Rows, message: Message[AccountEvent], columns: dict[str, object]) -> None:
    message_id = message.envelope.message_id
    rows.put(ACCOUNTS, **columns, message_id=message_id, position=str(message.position))


READS = (
    AccountOpened,
    AccountReported,
    AccountHalted,
    AccountResumed,
    BreakerOpened,
    BreakerHalfOpened,
    BreakerClosed,
    TerminalHealthChanged,
    ExternalDealFound,
    LimitsSet,
)

PROJECTION = Projection("accounts", 4, DDL, ("accounts", "external_deals"), READS, apply)

TRADED = Query(
    "accounts",
    Account,
    ("account",),
    (equals("state", "`trading` or `halted`"),),
    key="account",
    newest_first=False,
)
