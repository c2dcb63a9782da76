"""The checks: each looks at the evidence and gives a verdict in one line. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

from events.accounts import ExternalDealFound
from events.envelope import Message
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
from infra.mt5.books import differences
from infra.verify.evidence import Evidence, Quote
from infra.verify.tables import audit_is_complete, projections_are_equal
from infra.verify.verdict import Verdict, verdict

LAG_US_MAX = 5_000_000
"""A quote that is older must be on the tape when the bridge is stopped."""
ENDS = (OrderFilled, OrderRejected, OrderNotExecuted, OrderExpired)


def every_tick_once_in_order(evidence: Evidence) -> Verdict:
    """The tape has the venue's quotes, none missing, none twice, numbered without a hole.

    From the beginning of the bridge's backfill until it was stopped.
    """
    faults: list[str] = []
    count = 0
    for symbol, quotes in evidence.quotes.items():
        ticks = [m.event for m in evidence.tape.raw["market-data-events"] if m.key == symbol]
        count += len(ticks)
        faults += _tick_faults(symbol, ticks, quotes, evidence.fed_us[1] - LAG_US_MAX)
    return verdict(
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
    return verdict("every execution is complete or compensated", faults, detail)


def every_order_ended_once(evidence: Evidence) -> Verdict:
    """One intent per attempt, at most the ordered volume, one end."""
    accepted = {e.order_id: e for e in evidence.tape.events(OrderAccepted)}
    faults = [*_unended(evidence, accepted.keys()), *_overfilled(evidence, accepted)]
    intents = Counter((e.order_id, e.attempt) for e in evidence.tape.events(OrderIntended))
    faults += [f"{name} was intended {n} times" for name, n in intents.items() if n > 1]
    denied = len(evidence.tape.events(OrderDenied))
    detail = f"{len(accepted)} accepted, {denied} denied, {sum(intents.values())} sent"
    return verdict("every order was sent at most once and ended", faults, detail)


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
    return verdict("the venue's books equal the tape's", faults, detail)


def relay_lost_nothing(evidence: Evidence) -> Verdict:
    """What the event store holds is on Kafka, per key in the same order."""
    stored, told = _by_key(evidence.log), _by_key(_relayed(evidence))
    faults = [
        f"key {key} differs"
        for key in sorted(stored.keys() | told.keys())
        if stored.get(key) != told.get(key)
    ]
    detail = f"{len(evidence.log):,} decisions and commands"
    return verdict("the relay lost and reordered nothing", faults, detail)


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


def _tick_faults(
    symbol: str, ticks: list[TickReceived], quotes: list[Quote], until_us: int
) -> Iterator[str]:
    """What the tape lacks of a venue's quotes, the first and the last alike."""
    if not ticks:
        yield f"{symbol} has no ticks"
        return
    seqs = [tick.source_seq for tick in ticks]
    if seqs != list(range(seqs[0], seqs[0] + len(seqs))):
        yield f"{symbol}: {len(seqs)} numbers from {seqs[0]} have a hole or a repeat"
    told = [(tick.ts_source_us // 1000, tick.bid, tick.ask) for tick in ticks]
    for number, (ours, theirs) in enumerate(zip(told, quotes, strict=False)):
        if ours != theirs:
            yield f"{symbol} tick {number}: the tape says {ours}, the venue {theirs}"
            return
    due = sum(1 for time_ms, _, _ in quotes if time_ms * 1_000 <= until_us)
    if not due <= len(told) <= len(quotes):
        yield f"{symbol}: {len(told)} ticks on the tape, {due} to {len(quotes)} at the venue"


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
