"""The checks of the read models: what Postgres shows is the fold of the tape. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from events.accounts import AccountReported
from events.envelope import Event
from events.execution import (
    ExecutionCompensated,
    ExecutionCompleted,
    ExecutionOpened,
    ExecutionStuck,
)
from events.market import TickReceived
from events.orders import OrderAccepted, OrderDenied, OrderFilled, PositionClosed
from events.predictions import PredictionMade
from events.signals import Abstained, SignalRaised
from infra.mt5.books import tape_book
from infra.verify.evidence import Evidence
from infra.verify.verdict import Verdict, verdict

EXECUTION_STATES: dict[type[Event], str] = {
    ExecutionCompleted: "completed",
    ExecutionCompensated: "compensated",
    ExecutionStuck: "stuck",
}
COUNTED: dict[str, tuple[type[Event], ...]] = {
    "predictions": (PredictionMade,),
    "signals": (SignalRaised, Abstained),
}
UNAUDITED = {"market-data-events"}


def projections_are_equal(evidence: Evidence) -> Verdict:
    """Orders, positions, executions, accounts, ticks in Postgres are the fold of the tape."""
    faults = [
        *_order_rows(evidence),
        *_position_rows(evidence),
        *_execution_rows(evidence),
        *_account_rows(evidence),
        *_latest_rows(evidence),
    ]
    rows = sum(len(evidence.tables[name]) for name in ("orders", "positions", "executions"))
    return verdict("the read models equal the fold of the tape", faults, f"{rows} rows")


def audit_is_complete(evidence: Evidence) -> Verdict:
    """Every message but ticks, each once."""
    told = {
        topic: len(messages)
        for topic, messages in evidence.tape.once.items()
        if messages and topic not in UNAUDITED
    }
    seen = {topic: count for topic, count in evidence.tables["audit"] if topic not in UNAUDITED}
    faults = [
        f"{topic}: {told.get(topic, 0)} on the tape, {seen.get(topic, 0)} in the audit trail"
        for topic in sorted(told.keys() | seen.keys())
        if told.get(topic, 0) != seen.get(topic, 0)
    ]
    return verdict("the audit trail has every message", faults, f"{sum(seen.values()):,} messages")


def _order_rows(evidence: Evidence) -> Iterator[str]:
    filled: defaultdict[str, Decimal] = defaultdict(Decimal)
    for event in evidence.tape.events(OrderFilled):
        filled[event.order_id] += event.volume_lots
    known = {e.order_id for e in evidence.tape.events(OrderAccepted, OrderDenied)}
    rows = {name: volume for name, _, volume in evidence.tables["orders"]}
    yield from (f"order {name} is in one of them only" for name in sorted(known ^ rows.keys()))
    for name in sorted(known & rows.keys()):
        if rows[name] != filled[name]:
            yield f"order {name}: {filled[name]} lots on the tape, {rows[name]} in the table"


def _position_rows(evidence: Evidence) -> Iterator[str]:
    rows = {
        (account, ticket): (lots, side)
        for account, ticket, lots, side in evidence.tables["positions"]
    }
    events = evidence.tape.events(OrderFilled, PositionClosed)
    told = {
        (account, ticket): (abs(volume), "buy" if volume > 0 else "sell")
        for account in evidence.books
        for ticket, volume in tape_book(account, events).positions.items()
    }
    for name in sorted(rows.keys() | told.keys()):
        if rows.get(name) != told.get(name):
            yield f"position {name}: {told.get(name)} on the tape, {rows.get(name)} in the table"


def _execution_rows(evidence: Evidence) -> Iterator[str]:
    told = {e.execution_id: "open" for e in evidence.tape.events(ExecutionOpened)}
    for kind, state in EXECUTION_STATES.items():
        told.update((e.execution_id, state) for e in evidence.tape.events(kind))
    rows = dict(evidence.tables["executions"])
    for name in sorted(told.keys() | rows.keys()):
        if told.get(name) != rows.get(name):
            yield f"execution {name}: {told.get(name)} on the tape, {rows.get(name)} in the table"


def _account_rows(evidence: Evidence) -> Iterator[str]:
    """The last report of each account, which is the venue's own statement."""
    told = {
        e.account: (e.balance, e.equity, e.open_lots, e.open_positions)
        for e in evidence.tape.events(AccountReported)
    }
    rows = {name: tuple(figures) for name, *figures in evidence.tables["accounts"]}
    for name in sorted(told.keys() | rows.keys()):
        if told.get(name) != rows.get(name):
            yield f"account {name}: {told.get(name)} on the tape, {rows.get(name)} in the table"


def _latest_rows(evidence: Evidence) -> Iterator[str]:
    """The latest tick of each symbol, and as many predictions and signals as there are."""
    told = {e.symbol: (e.source_seq, e.bid, e.ask) for e in evidence.tape.events(TickReceived)}
    rows = {symbol: tuple(figures) for symbol, *figures in evidence.tables["ticks"]}
    if told != rows:
        yield f"latest ticks: {told} on the tape, {rows} in the table"
    for table, kinds in COUNTED.items():
        count, ((rows_,),) = len(evidence.tape.events(*kinds)), evidence.tables[table]
        if count != rows_:
            yield f"{table}: {count} on the tape, {rows_} in the table"
