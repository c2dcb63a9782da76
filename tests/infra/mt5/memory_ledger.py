"""A gateway's ledger in memory: real deciders on a real event store, rows as dictionaries.

It passes the same contract as the one over Postgres (`gateway/test_ledger.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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
from events.orders import OrderIntended, magic_of
from infra.mt5.gateway.health import Identity
from infra.mt5.gateway.ledger import Account, Entry, Order, Outcome, Owner, Steps
from infra.store.event_store import EventStore
from infra.store.offsets import Superseded
from infra.store.recorders import MemoryRecorder


@dataclass
class Row:
    entry: Entry
    settled: bool = False


@dataclass
class MemoryLedger:
    """`Ledger` without a database. What it holds is what survives a crash."""

    name: str
    store: EventStore = field(default_factory=lambda: EventStore(MemoryRecorder()))
    account: Account | None = None
    rows: dict[str, Row] = field(default_factory=dict)
    positions: dict[int, str] = field(default_factory=dict)
    deals: dict[int, int] = field(default_factory=dict)
    next_offsets: dict[tuple[str, int], int] = field(default_factory=dict)
    _told: Any = field(default_factory=count)

    def known(self, now_us: int) -> Account | None:
        opened = self.store.state(ACCOUNTS, self.name).opened
        if self.account is None and opened is not None:
            identity = Identity(opened.login, opened.server)
            self.account = Account(identity, now_us // 1_000_000 - 86_400)
        return self.account

    def open(self, identity: Identity, currency: str, now_us: int) -> Account:
        opening = OpenAccount(
            account=self.name, login=identity.login, server=identity.server, currency=currency
        )
        self._tell(opening, now_us)
        self.account = Account(identity, now_us // 1_000_000 - 86_400)
        return self.account

    def limits(self) -> LimitsSet | None:
        latest: LimitsSet | None = self.store.state(LIMITS, self.name).latest
        return latest

    def halted_for(self) -> frozenset[str]:
        reasons: frozenset[str] = self.store.state(ACCOUNTS, self.name).halted_for
        return reasons

    def unsettled(self) -> tuple[Entry, ...]:
        return tuple(row.entry for row in self.rows.values() if not row.settled)

    def explained_since(self, since_us: int) -> frozenset[int]:
        return frozenset(ticket for ticket, at_us in self.deals.items() if at_us >= since_us)

    def wait(self, orders: Sequence[Order], steps: Steps) -> None:
        self._step(steps)
        for order in orders:
            self._keep(order, sent=False)

    def intend(
        self, order: Order, now_us: int, steps: Steps = (), behind: Sequence[Order] = ()
    ) -> bool:
        intended = self._intended(order, 1, now_us, steps)
        opens = order.event.closes_position is None
        timely = in_time(order.event.expires_at_us, opens, now_us)
        self._keep(order, sent=True, now_us=now_us, settled=not timely)
        for each in behind:
            self._keep(each, sent=False)
        return intended

    def attempt(self, order: Order, number: int, now_us: int) -> bool:
        return self._intended(order, number, now_us, ())

    def unresolved(self, entry: Entry, detail: str) -> None:
        order_id = entry.order.event.order_id
        step = f"unknown/{entry.intended_at_us}"
        self._decide(entry.order, [(RecordUnknown(order_id=order_id, detail=detail), step)])
        self.rows[order_id].entry = replace(
            self.rows[order_id].entry, venue_order=entry.venue_order
        )

    def settle(self, order: Order, outcome: Outcome) -> tuple[Event, ...]:
        match outcome:
            case RecordReject():
                events = self._decide(order, [(outcome, "reject")])
            case RecordNotExecuted():
                events = self._decide(order, [(outcome, "not-executed")])
            case fills:
                events = self._decide(order, [(f, f"fill/{f.deal_ticket}") for f in fills])
                for fill in fills:
                    self.deals.setdefault(fill.deal_ticket, fill.dealt_at_us)
                    if order.event.closes_position is None:
                        self.positions.setdefault(fill.position_id, fill.order_id)
        self.rows[order.event.order_id].settled = True
        return events

    def closed(self, order: Order, command: RecordPositionClosed) -> tuple[Event, ...]:
        events = self._decide(order, [(command, f"closed/{command.deal_ticket}")])
        self.deals.setdefault(command.deal_ticket, command.dealt_at_us)
        return events

    def external(self, command: RecordExternalDeal) -> None:
        self._tell(command, command.dealt_at_us)
        self.deals.setdefault(command.deal_ticket, command.dealt_at_us)

    def report(self, command: ReportAccount) -> None:
        self._tell(command, command.reported_at_us)

    def halt(self, reason: str, now_us: int) -> None:
        self._tell(HaltAccount(account=self.name, reason=reason), now_us)

    def breaker(self) -> BreakerPosition:
        position: BreakerPosition = self.store.state(ACCOUNTS, self.name).breaker
        return position

    def turn_breaker(self, position: BreakerPosition, reason: str, now_us: int) -> None:
        turned = TurnBreaker(account=self.name, position=position, reason=reason)
        self._tell(turned, now_us)

    def report_health(self, command: ReportHealth, now_us: int) -> None:
        self._tell(command, now_us)

    def pass_over(self, steps: Steps) -> None:
        self._step(steps)

    def swept(self, from_s: int) -> None:
        if self.account is not None:
            self.account = replace(self.account, swept_from_s=from_s)

    def by_magic(self, magic: int) -> Owner | None:
        found = [row for row in self.rows.values() if _magic(row) == magic]
        return Owner(found[0].entry.order, found[0].settled) if found else None

    def by_position(self, position_id: int) -> Owner | None:
        row = self.rows.get(self.positions.get(position_id, ""))
        return None if row is None else Owner(row.entry.order, row.settled)

    def _keep(self, order: Order, sent: bool, now_us: int = 0, settled: bool = False) -> None:
        row = self.rows.get(order.event.order_id)
        if row is None or not (row.entry.sent or row.settled):
            self.rows[order.event.order_id] = Row(Entry(order, sent, now_us), settled)

    def _intended(self, order: Order, attempt: int, now_us: int, steps: Steps) -> bool:
        order_id = order.event.order_id
        command = IntendOrder(
            order_id=order_id, magic=magic_of(order_id), attempt=attempt, intended_at_us=now_us
        )
        self._check(steps)
        events = self._decide(order, [(command, f"intend/{next(self._told)}")])
        self._step(steps)
        return any(isinstance(event, OrderIntended) for event in events)

    def _decide(self, order: Order, commands: Sequence[tuple[Any, str]]) -> tuple[Event, ...]:
        work = [
            (ORDERS, caused_by(order, c, source="gateway", sequence="", key=order.key, step=step))
            for c, step in commands
        ]
        return tuple(m.event for answer in self.store.handle_all(work) for m in answer)

    def _tell(self, command: Any, now_us: int) -> None:
        sequence = f"{now_us}.{next(self._told)}"
        message: Message[Any] = first_cause(
            command, source="gateway", sequence=sequence, key=self.name, time_us=now_us
        )
        self.store.handle(ACCOUNTS, message)

    def _check(self, steps: Steps) -> None:
        for step in steps:
            if self.next_offsets.get((step.topic, step.partition), 0) != step.old:
                raise Superseded(f"{step.topic}/{step.partition} has moved on")

    def _step(self, steps: Steps) -> None:
        self._check(steps)
        for step in steps:
            self.next_offsets[step.topic, step.partition] = step.new


def _magic(row: Row) -> int:
    return magic_of(row.entry.order.event.order_id)
