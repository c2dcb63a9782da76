"""The gateway's four tables, and the statements that are written with its events."""

from __future__ import annotations

from typing import Any

from commands.orders import RecordFill
from events.orders import OrderAccepted, magic_of
from infra.mt5.gateway.ledger import Account

DDL = (
    """
    create table if not exists gateway_accounts (
        account text primary key, login bigint not null, server text not null,
        swept_from_s bigint not null
    )
    """,
    "alter table gateway_accounts drop column if exists halted",
    """
    create table if not exists gateway_orders (
        account text not null, order_id text not null, arrival bigserial, magic bigint not null,
        state text not null check (state in ('waiting', 'sent', 'settled')),
        intended_at_us bigint not null default 0, venue_order bigint not null default 0,
        primary key (account, order_id), unique (account, magic)
    )
    """,
    """
    create index if not exists gateway_orders_unsettled on gateway_orders (account, arrival)
    where state <> 'settled'
    """,
    """
    create table if not exists gateway_positions (
        account text not null, position_id bigint not null, order_id text not null,
        primary key (account, position_id)
    )
    """,
    """
    create table if not exists gateway_deals (
        account text not null, deal_ticket bigint not null, order_id text,
        dealt_at_us bigint not null, primary key (account, deal_ticket)
    )
    """,
    "create index if not exists gateway_deals_by_time on gateway_deals (account, dealt_at_us)",
)

ACCOUNTS = "select account from gateway_accounts order by account"
"""Every account that ever had a gateway."""

Statement = tuple[str, tuple[Any, ...]]


def opened(name: str, account: Account) -> Statement:
    """The account is known, and deals are read from here on."""
    identity = account.identity
    return (
        "insert into gateway_accounts values (%s, %s, %s, %s) on conflict do nothing",
        (name, identity.login, identity.server, account.swept_from_s),
    )


def swept(account: str, from_s: int) -> Statement:
    """Where the next session starts to read deals."""
    return "update gateway_accounts set swept_from_s = %s where account = %s", (from_s, account)


def kept(account: str, order_id: str, state: str, intended_at_us: int) -> Statement:
    """The order is here; what was sent or settled before stays so."""
    return (
        "insert into gateway_orders (account, order_id, magic, state, intended_at_us) "
        "values (%s, %s, %s, %s, %s) on conflict (account, order_id) do update "
        "set state = excluded.state, intended_at_us = excluded.intended_at_us "
        "where gateway_orders.state = 'waiting'",
        (account, order_id, magic_of(order_id), state, intended_at_us),
    )


def answered(account: str, order_id: str, venue_order: int) -> Statement:
    """The ticket under which the venue knows the order."""
    return (
        "update gateway_orders set venue_order = %s where account = %s and order_id = %s",
        (venue_order, account, order_id),
    )


def settled(account: str, order_id: str) -> Statement:
    """The order has an outcome."""
    return (
        "update gateway_orders set state = 'settled' where account = %s and order_id = %s",
        (account, order_id),
    )


def explained(account: str, deal_ticket: int, order_id: str | None, dealt_at_us: int) -> Statement:
    """The deal is accounted for: by an order, or (None) as external."""
    return (
        "insert into gateway_deals values (%s, %s, %s, %s) on conflict do nothing",
        (account, deal_ticket, order_id, dealt_at_us),
    )


def filled(account: str, order: OrderAccepted, fill: RecordFill) -> tuple[Statement, ...]:
    """The deal is the order's, and so is the position that it opened."""
    deal = explained(account, fill.deal_ticket, fill.order_id, fill.dealt_at_us)
    if order.closes_position is not None:
        return (deal,)
    position = (
        "insert into gateway_positions values (%s, %s, %s) on conflict do nothing",
        (account, fill.position_id, fill.order_id),
    )
    return deal, position
