"""The checks: each looks at the evidence and gives a verdict in one line. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from events.accounts import AccountReported, ExternalDealFound
from events.envelope import Event, Message
from events.execution import (
    ExecutionCompensated,
    ExecutionCompleted,
    ExecutionOpened,
    ExecutionStuck,
)
from events.market import TickReceived
from events.orders import (
    OrderAccepted,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderIntended,
    OrderNotExecuted,
    OrderRejected,
    PositionClosed,
)
from events.predictions import PredictionMade
from events.signals import Abstained, SignalRaised
from infra.mt5.books import differences, tape_book
from infra.verify.evidence import Evidence, Quote

ENDS = (OrderFilled, OrderRejected, OrderNotExecuted, OrderExpired)
EXECUTION_STATES: dict[type[Event], str] = {
    ExecutionCompleted: "completed",
    ExecutionCompensated: "compensated",
    ExecutionStuck: "stuck",
}
COUNTED: dict[str, tuple[type[Event], ...]] = {"predictions": (PredictionMade,), "signals": (SignalRaised, Abstained)}
UNAUDITED = {"market-data-events"}
SHOWN_MAX = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """A claim, whether it holds, and the figures or the first things that speak against it."""

    claim: str
    holds: bool
    detail: str

    def __str__(self) -> str:
        return f"{'ok  ' if self.holds else 'FAIL'}  {self.claim}: {self.detail}"


def every_tick_once_in_order(evidence: Evidence) -> Verdict:
    """The tape has the venue's quotes, none missing, none twice, numbered without a hole."""
    faults: list[str] = []
    count = 0
    for symbol, quotes in evidence.quotes.items():
        ticks = [m.event for m in evidence.tape.raw["market-data-events"] if m.key == symbol]
        count += len(ticks)
        faults += _tick_faults(symbol, ticks, quotes)
    return _verdict(
        "every tick of the venue is on the tape once, in order", faults, f"{count:,} ticks"
    )


def something_happened(evidence: Evidence) -> Verdict:
    """A run without predictions and executions proves nothing."""
    predictions = len(evidence.tape.events(PredictionMade))
    fills = {e.execution_id: set[str]() for e in evidence.tape.events(ExecutionOpened)}
    for fill in evidence.tape.events(OrderFilled):
        fills.setdefault(fill.execution_id, set()).add(fill.account)
    whole = sum(len(accounts) >= len(evidence.books) for accounts in fills.values())
    faults = [] if predictions and whole else ["nothing to judge"]
    detail = f"{predictions:,} predictions, {len(fills)} executions, {whole} filled on all accounts"
    return Verdict("there is something to judge", not faults, detail)


def every_execution_ended(evidence: Evidence) -> Verdict:
    """Complete or compensated, once; nothing stuck."""
    opened = {e.execution_id for e in evidence.tape.events(ExecutionOpened)}
    complete = [e.execution_id for e in evidence.tape.events(ExecutionCompleted)]
    compensated = [e.execution_id for e in evidence.tape.events(ExecutionCompensated)]
    ended = Counter(complete + compensated)
    faults = [f"{name} has not ended" for name in sorted(opened - ended.keys())]
    faults += [f"{name} ended {n} times" for name, n in ended.items() if n > 1]
    faults += [f"{e.execution_id} is stuck" for e in evidence.tape.events(ExecutionStuck)]
    detail = f"{len(complete)} complete, {len(compensated)} compensated"
    return _verdict("every execution is complete or compensated", faults, detail)


def every_order_ended_once(evidence: Evidence) -> Verdict:
    """One intent per attempt, at most the ordered volume, one end."""
    accepted = {e.order_id: e for e in evidence.tape.events(OrderAccepted)}
    faults = [*_unended(evidence, accepted.keys()), *_overfilled(evidence, accepted)]
    intents = Counter((e.order_id, e.attempt) for e in evidence.tape.events(OrderIntended))
    faults += [f"{name} was intended {n} times" for name, n in intents.items() if n > 1]
    denied = len(evidence.tape.events(OrderDenied))
    detail = f"{len(accepted)} accepted, {denied} denied, {sum(intents.values())} sent"
    return _verdict("every order was sent at most once and ended", faults, detail)


def books_are_equal(evidence: Evidence) -> Verdict:
    """The venue's deals, positions and balances are what the tape tells, to the cent.

    The venue goes on after its books were read: what it dealt later is left out.
    """
    told = evidence.tape.events(OrderFilled, PositionClosed, ExternalDealFound)
    faults = [
        f"{account}: {difference}"
        for account, books in evidence.books.items()
        for difference in differences(
            account,
            [event for event in told if event.dealt_at_us <= books.at_us],
            books.positions,
            books.deals,
            books.balance,
        )
    ]
    deals = sum(len(books.deals) for books in evidence.books.values())
    detail = f"{len(evidence.books)} accounts, {deals} deals"
    return _verdict("the venue's books equal the tape's", faults, detail)


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
    return _verdict("the read models equal the fold of the tape", faults, f"{rows} rows")


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
    return _verdict("the audit trail has every message", faults, f"{sum(seen.values()):,} messages")


def relay_lost_nothing(evidence: Evidence) -> Verdict:
    """What the event store holds is on Kafka, per key in the same order."""
    stored, told = _by_key(evidence.log), _by_key(_relayed(evidence))
    faults = [
        f"key {key} differs"
        for key in sorted(stored.keys() | told.keys())
        if stored.get(key) != told.get(key)
    ]
    detail = f"{len(evidence.log):,} decisions and commands"
    return _verdict("the relay lost and reordered nothing", faults, detail)


def nothing_set_aside(evidence: Evidence) -> Verdict:
    """No dead letter and no quarantined quote: the run fed nothing bad."""
    letters = len(evidence.tape.raw["dead-letters"])
    quotes = len(evidence.tape.raw["market-data-quarantine"])
    detail = f"{letters} dead letters, {quotes} quotes; {evidence.tape.repeats} repeats dropped"
    return Verdict("nothing was set aside", letters + quotes == 0, detail)


CHECKS: tuple[Callable[[Evidence], Verdict], ...] = (
    something_happened,
    every_tick_once_in_order,
    every_order_ended_once,
    every_execution_ended,
    books_are_equal,
    relay_lost_nothing,
    projections_are_equal,
    audit_is_complete,
    nothing_set_aside,
)


def _tick_faults(symbol: str, ticks: list[TickReceived], quotes: list[Quote]) -> Iterator[str]:
    if not ticks:
        yield f"{symbol} has no ticks"
        return
    seqs = [tick.source_seq for tick in ticks]
    if seqs != list(range(seqs[0], seqs[0] + len(seqs))):
        yield f"{symbol}: {len(seqs)} numbers from {seqs[0]} have a hole or a repeat"
    told = [(tick.ts_source_us // 1000, tick.bid, tick.ask) for tick in ticks]
    first = next((i for i, quote in enumerate(quotes) if quote == told[0]), None)
    if first is None:
        yield f"{symbol}: the venue does not know the first tick {told[0]}"
        return
    for number, (ours, theirs) in enumerate(zip(told, quotes[first:], strict=False)):
        if ours != theirs:
            yield f"{symbol} tick {number}: the tape says {ours}, the venue {theirs}"
            return
    if len(told) > len(quotes) - first:
        yield f"{symbol}: {len(told)} ticks on the tape, {len(quotes) - first} at the venue"


def _unended(evidence: Evidence, accepted: Iterable[str]) -> Iterator[str]:
    ended = {event.order_id for event in evidence.tape.events(*ENDS)}
    yield from (f"{name} has not ended" for name in sorted(set(accepted) - ended))


def _overfilled(evidence: Evidence, accepted: dict[str, OrderAccepted]) -> Iterator[str]:
    filled: defaultdict[str, Decimal] = defaultdict(Decimal)
    for event in evidence.tape.events(OrderFilled):
        filled[event.order_id] += event.volume_lots
    for name, volume in filled.items():
        if name not in accepted:
            yield f"{name} was filled and never accepted"
        elif volume > accepted[name].volume_lots:
            yield f"{name} was filled with {volume} of {accepted[name].volume_lots} lots"


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


def _relayed(evidence: Evidence) -> list[Message[Any]]:
    messages = [m for topic in evidence.tape.once.values() for m in topic]
    return sorted(
        (m for m in messages if m.envelope.source == "event-store"),
        key=lambda m: m.envelope.sequence,
    )


def _by_key(messages: Iterable[Message[Any]]) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for message in messages:
        found[message.key].append(message.envelope.message_id)
    return dict(found)


def _verdict(claim: str, faults: list[str], detail: str) -> Verdict:
    if not faults:
        return Verdict(claim, True, detail)
    more = f" and {len(faults) - SHOWN_MAX} more" if len(faults) > SHOWN_MAX else ""
    return Verdict(claim, False, f"{'; '.join(faults[:SHOWN_MAX])}{more} ({detail})")
