"""What was recorded: each prediction, what was made of it, and what was decided on that.

It is read with a session of Postgres that cannot write, and from Kafka without a group.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer
from msgspec.structs import replace
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from events.accounts import AccountOpened
from events.envelope import Event, Message
from events.execution import ExecutionOpened
from events.orders import OrderAccepted, OrderDenied, OrderFilled, PositionClosed
from events.predictions import PredictionMade
from events.roles import RoleStarted
from events.signals import Abstained, SignalRaised
from infra.config import Config
from infra.store import postgres
from infra.store.recorders import EVENTS_TABLE, StoredEvent
from infra.store.stored import Kept, kept
from infra.stream import kafka, tape, wire
from infra.stream.wire import Ids, Unreadable
from infra.whatif.outcomes import Key, Moment, Verdicts, key_of, signal_key
from infra.whatif.verdicts import verdicts
from sagas.order_execution import ORDER_EXECUTION
from schemas.catalog import topic_of
from schemas.codec import Undecodable

LOG_BATCH = 5_000
READ_ONLY = "-c default_transaction_read_only=on"
JOURNAL = f"saga:{ORDER_EXECUTION.name}:"
Known = dict[tuple[str, str], Message[Any]]


@dataclass(slots=True)
class Recorded:
    """What the tape and the log have. `context`: by signal, what its journal heard before it."""

    moments: dict[Key, Moment] = field(default_factory=dict)
    reached_us: dict[int, int] = field(default_factory=dict)
    """By partition of predictions, the event time of the last that something was made of."""
    context: dict[str, list[Message[Any]]] = field(default_factory=dict)
    known: list[Message[Any]] = field(default_factory=list)
    """All that accounts and limits were told to be, in the order of the log."""
    opened: dict[str, ExecutionOpened] = field(default_factory=dict)
    orders: dict[str, list[OrderAccepted | OrderDenied]] = field(
        default_factory=lambda: defaultdict(list)
    )
    profit: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """By account, what the venue's deals came to, commission and swap included."""
    role: Message[Any] | None = None

    def context_of(self, signal: SignalRaised, time_us: int) -> list[Message[Any]]:
        """What a saga knew, or would have known, of accounts as a signal came.

        Its own journal says so. Of a signal that nobody raised: the newest of each by event time;
        what was told of later alone counts as known from the start.
        """
        if signal.signal_id in self.context:
            return self.context[signal.signal_id]
        newest: Known = {}
        for message in self.known:
            place = (type(message.event).__name__, message.key)
            if place not in newest or message.envelope.time_us <= time_us:
                newest[place] = message
        role = () if self.role is None else (self.role,)
        return [*newest.values(), *role]

    def verdicts_on(self, signal: SignalRaised) -> Verdicts | None:
        """What was decided on a signal; None if nobody has yet."""
        opened = self.opened.get(signal.signal_id)
        if opened is None:
            return {} if signal.signal_id in self.context else None
        return verdicts(opened, self.orders[signal.signal_id])

    @property
    def currencies(self) -> dict[str, str]:
        """The currency of each account."""
        return {
            message.event.account: message.event.currency
            for message in self.known
            if isinstance(message.event, AccountOpened)
        }


def read(config: Config, ids: Ids) -> Recorded:
    """All of it; nothing is written anywhere."""
    found = Recorded()
    with tape.reader(config) as client:
        for message in _messages(config, client, ids, PredictionMade):
            key = key_of(message.event)
            found.moments[key] = Moment(key, message.envelope.time_us, prediction=message.event)
        for message in _messages(config, client, ids, SignalRaised):
            _made(found, message)
    for entry in _log(config):
        _decided(found, entry, kept(entry))
    return found


def _made(found: Recorded, message: Message[Any]) -> None:
    """Take in a signal, or why there was none. A repeat says the same again."""
    event, position = message.event, message.position
    assert position is not None, "it was read from the tape"
    if isinstance(event, SignalRaised):
        key = signal_key(event)
    elif isinstance(event, Abstained):
        key = key_of(event)
    else:
        return
    before = found.moments.get(key)
    prediction = None if before is None else before.prediction
    found.moments[key] = Moment(
        key, message.envelope.time_us, prediction=prediction, outcome=event, position=str(position)
    )
    at = position.partition
    found.reached_us[at] = max(found.reached_us.get(at, 0), message.envelope.time_us)


def _decided(found: Recorded, entry: StoredEvent, taken: Kept) -> None:
    stream, event = str(entry.originator_id), taken.message.event
    if stream.startswith(JOURNAL):
        _heard(found, stream.removeprefix(JOURNAL), taken)
        return
    match event:
        case ExecutionOpened():
            found.opened[event.execution_id] = event
        case OrderAccepted() | OrderDenied():
            found.orders[event.execution_id].append(event)
        case OrderFilled():
            found.profit[event.account] += float(event.profit + event.commission)
        case PositionClosed():
            found.profit[event.account] += float(event.profit + event.commission + event.swap)
        case _ if isinstance(event, ORDER_EXECUTION.context):
            found.known.append(taken.message)


def _heard(found: Recorded, signal_id: str, taken: Kept) -> None:
    """An entry of a journal: what stands before its signal was known when that came."""
    if not taken.heard:
        return
    event, before = taken.message.event, found.context.setdefault(signal_id, [])
    if isinstance(event, RoleStarted):
        found.role = taken.message
    if isinstance(event, (*ORDER_EXECUTION.context, RoleStarted)):
        before.append(taken.message)


def session(config: Config) -> postgres.Connection:
    """A connection that Postgres lets write nothing."""
    options = " ".join((str(conninfo_to_dict(config.postgres).get("options", "")), READ_ONLY))
    dsn = make_conninfo(config.postgres, options=options)
    return postgres.connect(postgres.address(dsn, config.namespace))


def _log(config: Config) -> Iterator[StoredEvent]:
    select = (
        f"select notification_id, originator_id, originator_version, topic, state "
        f"from {EVENTS_TABLE} where notification_id > %s order by notification_id limit %s"
    )
    with session(config) as connection:
        exists = connection.execute("select to_regclass(%s)", (EVENTS_TABLE,)).fetchone()
        if exists is None or exists[0] is None:
            return  # nothing was ever decided here
        at = 0
        while rows := connection.execute(select.encode(), (at, LOG_BATCH)).fetchall():
            for _, stream, version, topic, state in rows:
                yield StoredEvent(stream, version, topic, bytes(state))
            at = rows[-1][0]


def _messages(
    config: Config, client: Consumer, ids: Ids, kind: type[Event]
) -> Iterator[Message[Any]]:
    name = kafka.topic_name(config, topic_of(kind).name)
    for number in kafka.partitions_of(client, name):
        low, high = tape.bounds(client, name, number)
        for batch in tape.read(client, name, number, low, high):
            for record in batch:
                try:
                    yield wire.read(replace(record, topic=topic_of(kind).name), ids)
                except (Unreadable, Undecodable, LookupError):
                    continue  # a dead letter has it
