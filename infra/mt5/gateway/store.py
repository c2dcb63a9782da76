"""The gateway's ledger in Postgres: rows are written in the transaction of their events."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from itertools import count
from typing import Any

from commands.accounts import (
    ACCOUNTS,
    BreakerPosition,
    HaltAccount,
    OpenAccount,
    RecordExternalDeal,
    ReportAccount,
    ReportHealth,
    TurnBreaker,
)
from commands.command import Command
from commands.limits import LIMITS
from commands.order_life import ORDERS, in_time
from commands.orders import (
    IntendOrder,
    RecordNotExecuted,
    RecordPositionClosed,
    RecordReject,
    RecordUnknown,
)
from events.envelope import Event, Message, caused_by, first_cause
from events.limits import LimitsSet
from events.orders import OrderAccepted, OrderIntended, magic_of
from infra.mt5.gateway import tables
from infra.mt5.gateway.health import Identity
from infra.mt5.gateway.ledger import Account, Entry, Order, Outcome, Owner, Steps
from infra.mt5.gateway.tables import Statement
from infra.observe.traces import Traces, Untraced
from infra.store import offsets
from infra.store.draft import Work
from infra.store.event_store import EventStore
from infra.store.postgres import Connection
from infra.store.recorders import Effects

FIRST_SWEEP_S = 24 * 60 * 60
"""Deals of the day before an account was first opened here are external; older are not read."""


class GatewayStore:
    """`Ledger` over the event store and four tables of the gateway's own.

    `connection` holds the account's lock: when it breaks, so does everything here.
    """

    def __init__(
        self,
        store: EventStore,
        connection: Connection,
        account: str,
        consumer: str,
        traces: Traces | None = None,
    ) -> None:
        self._store = store
        self._connection = connection
        self._account = account
        self._consumer = consumer
        self._traces = traces or Untraced()
        self._session = secrets.token_hex(8)
        self._told = count()

    def known(self, now_us: int) -> Account | None:
        """The account as it was left, or as someone else has opened it."""
        rows = self._rows(
            "select login, server, swept_from_s from gateway_accounts where account = %s"
        )
        for login, server, swept_from_s in rows:
            return Account(Identity(login, server), swept_from_s)
        opened = self._store.state(ACCOUNTS, self._account).opened
        if opened is None:
            return None
        identity = Identity(opened.login, opened.server)
        return self._written(Account(identity, now_us // 1_000_000 - FIRST_SWEEP_S))

    def open(self, identity: Identity, currency: str, now_us: int) -> Account:
        """The account under the identity that it will always have from now on."""
        opening = OpenAccount(
            account=self._account,
            login=identity.login,
            server=identity.server,
            currency=currency,
        )
        self._tell(opening, now_us)
        return self._written(Account(identity, now_us // 1_000_000 - FIRST_SWEEP_S))

    def limits(self) -> LimitsSet | None:
        """The account's limits in force, from their own stream."""
        latest: LimitsSet | None = self._store.state(LIMITS, self._account).latest
        return latest

    def halted_for(self) -> frozenset[str]:
        """Why the account is halted, from its own stream: the tape may tell of it late."""
        reasons: frozenset[str] = self._store.state(ACCOUNTS, self._account).halted_for
        return reasons

    def unsettled(self) -> tuple[Entry, ...]:
        """Orders without an outcome, oldest first."""
        rows = self._rows(
            "select order_id, state, intended_at_us, venue_order from gateway_orders "
            "where account = %s and state <> 'settled' order by arrival"
        )
        orders = self._orders([row[0] for row in rows])
        return tuple(
            Entry(orders[order_id], state == "sent", intended_at_us, venue_order)
            for order_id, state, intended_at_us, venue_order in rows
        )

    def explained_since(self, since_us: int) -> frozenset[int]:
        """Tickets of the deals accounted for that were made since then."""
        rows = self._rows(
            "select deal_ticket from gateway_deals where account = %s and dealt_at_us >= %s",
            since_us,
        )
        return frozenset(ticket for (ticket,) in rows)

    def wait(self, orders: Sequence[Order], steps: Steps) -> None:
        """These orders have been read and wait for their turn."""
        self._commit([], steps, *(self._kept(order, "waiting") for order in orders))

    def intend(
        self, order: Order, now_us: int, steps: Steps = (), behind: Sequence[Order] = ()
    ) -> bool:
        """Commit the intent to send, with what has been read and what waits behind it."""
        self._store.heard(ORDERS, order)
        opens = order.event.closes_position is None
        timely = in_time(order.event.expires_at_us, opens, now_us)
        rows = [self._kept(order, "sent" if timely else "settled", now_us)]
        rows += [self._kept(each, "waiting") for each in behind]
        return self._intended(order, 1, now_us, steps, rows)

    def attempt(self, order: Order, number: int, now_us: int) -> bool:
        """Commit a further attempt under the same intent."""
        return self._intended(order, number, now_us, (), [])

    def unresolved(self, entry: Entry, detail: str) -> None:
        """Whether the order was dealt is not known."""
        order_id = entry.order.event.order_id
        unknown = RecordUnknown(order_id=order_id, detail=detail)
        ticket = tables.answered(self._account, order_id, entry.venue_order)
        self._commit([(entry.order, unknown, f"unknown/{entry.intended_at_us}")], (), ticket)

    def settle(self, order: Order, outcome: Outcome) -> tuple[Event, ...]:
        """The outcome of an order that was intended, also one that comes late."""
        order_id = order.event.order_id
        done = tables.settled(self._account, order_id)
        match outcome:
            case RecordReject():
                return self._commit([(order, outcome, "reject")], (), done)
            case RecordNotExecuted():
                return self._commit([(order, outcome, "not-executed")], (), done)
            case fills:
                work = [(order, fill, f"fill/{fill.deal_ticket}") for fill in fills]
                filled = [tables.filled(self._account, order.event, f) for f in fills]
                return self._commit(work, (), done, *(row for rows in filled for row in rows))

    def closed(self, order: Order, command: RecordPositionClosed) -> tuple[Event, ...]:
        """The venue closed what the order had opened."""
        deal = tables.explained(
            self._account, command.deal_ticket, command.order_id, command.dealt_at_us
        )
        return self._commit([(order, command, f"closed/{command.deal_ticket}")], (), deal)

    def external(self, command: RecordExternalDeal) -> None:
        """A deal that no order of ours explains."""
        deal = tables.explained(self._account, command.deal_ticket, None, command.dealt_at_us)
        self._tell(command, command.dealt_at_us, deal)

    def report(self, command: ReportAccount) -> None:
        """The account's figures."""
        self._tell(command, command.reported_at_us)

    def halt(self, reason: str, now_us: int) -> None:
        """No new risk on the account."""
        self._tell(HaltAccount(account=self._account, reason=reason), now_us)

    def breaker(self) -> BreakerPosition:
        """How the account's breaker was left, from its own stream."""
        position: BreakerPosition = self._store.state(ACCOUNTS, self._account).breaker
        return position

    def turn_breaker(self, position: BreakerPosition, reason: str, now_us: int) -> None:
        """The breaker stands like this from now on."""
        turned = TurnBreaker(account=self._account, position=position, reason=reason)
        self._tell(turned, now_us)

    def report_health(self, command: ReportHealth, now_us: int) -> None:
        """How far the terminal is from trading."""
        self._tell(command, now_us)

    def pass_over(self, steps: Steps) -> None:
        """What has been read up to here needs nothing."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            offsets.advance(cursor, self._consumer, steps)

    def swept(self, from_s: int) -> None:
        """Deals before this second of the venue's clock need not be read again."""
        self._run(tables.swept(self._account, from_s))

    def by_magic(self, magic: int) -> Owner | None:
        """The order of this magic number."""
        return self._owner("magic = %s", magic) if magic < 1 << 63 else None

    def by_position(self, position_id: int) -> Owner | None:
        """The order that opened a position."""
        opener = (
            "order_id = (select order_id from gateway_positions p "
            "where p.account = gateway_orders.account and position_id = %s)"
        )
        return self._owner(opener, position_id)

    def _written(self, account: Account) -> Account:
        self._run(tables.opened(self._account, account))
        return account

    def _owner(self, condition: str, value: int) -> Owner | None:
        rows = self._rows(
            f"select order_id, state from gateway_orders where account = %s and {condition}", value
        )
        if not rows:
            return None
        ((order_id, state),) = rows
        return Owner(self._orders([order_id])[order_id], state == "settled")

    def _intended(
        self, order: Order, attempt: int, now_us: int, steps: Steps, rows: Sequence[Statement]
    ) -> bool:
        """Each try has an id of its own: the store gives a command that it knows its old answer,
        and an intent of before permits nothing now."""
        step = f"intend/{attempt}/{self._session}.{next(self._told)}"
        command = IntendOrder(
            order_id=order.event.order_id,
            magic=magic_of(order.event.order_id),
            attempt=attempt,
            intended_at_us=now_us,
        )
        events = self._commit([(order, command, step)], steps, *rows)
        return any(isinstance(event, OrderIntended) for event in events)

    def _commit(
        self, work: Sequence[tuple[Order, Command, str]], steps: Steps, *rows: Statement
    ) -> tuple[Event, ...]:
        began_ns = time.time_ns()
        commands = [self._message(*each) for each in work]
        decided = self._store.handle_all(
            [(ORDERS, command) for command in commands], Effects(self._consumer, steps, rows)
        )
        told = [command for command, answer in zip(commands, decided, strict=True) if answer]
        self._traces.written(told, began_ns)
        return tuple(message.event for answer in decided for message in answer)

    def _message(self, order: Order, command: Command, step: str) -> Message[Command]:
        source = f"gateway/{self._account}"
        return caused_by(
            order, command, source=source, sequence="", key=order.key, step=step, actor=source
        )

    def _tell(self, command: Command, now_us: int, *rows: Statement) -> None:
        source = f"gateway/{self._account}"
        message = first_cause(
            command,
            source=source,
            sequence=f"{self._session}.{next(self._told)}",
            key=self._account,
            time_us=now_us,
            actor=source,
        )
        work: list[Work] = [(ACCOUNTS, message)]
        self._store.handle_all(work, Effects(self._consumer, (), rows))

    def _orders(self, order_ids: Sequence[str]) -> dict[str, Order]:
        """The orders as they were accepted, from their own streams."""
        streams = {f"{ORDERS.name}:{order_id}": order_id for order_id in order_ids}
        journals = self._store.journals(dict.fromkeys(streams, 0))
        return {
            streams[stream]: next(
                kept.message for kept in journal if isinstance(kept.message.event, OrderAccepted)
            )
            for stream, journal in journals.items()
        }

    def _kept(self, order: Order, state: str, now_us: int = 0) -> Statement:
        return tables.kept(self._account, order.event.order_id, state, now_us)

    def _run(self, statement: Statement) -> None:
        sql, parameters = statement
        self._connection.execute(sql.encode(), parameters)

    def _rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql.encode(), (self._account, *parameters)).fetchall()
