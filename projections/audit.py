"""Every message, where it stands on the tape, who sent it and what caused it.

Ticks are not copied: they stay on the tape. The cause of a bar is a tick, and the bar's own source
and sequence say at which offset of which partition that tick stands (`cause_of`).
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from events.envelope import Event, Message, Position
from events.market import TickReceived
from projections.projection import Projection, Rows, Table
from projections.query import Query, during, equals

MESSAGES = Table("audit", ("message_id",), only_grows=True, latest_by="time_us")
PROCESSORS = "processors/"

DDL = """
create table audit (
    message_id text collate "C" primary key, type text, topic text, partition integer,
    "offset" bigint, key text collate "C", time_us bigint, correlation_id text collate "C",
    causation_id text collate "C", source text, sequence text, tenant text, actor text,
    payload jsonb
)
"""

INDEXES = """
create index if not exists audit_by_time on audit (time_us, message_id);
create index if not exists audit_by_key on audit (key, time_us);
create index if not exists audit_by_correlation on audit (correlation_id);
create index if not exists audit_by_cause on audit (causation_id)
"""

CHAIN_MAX = 200

CAUSES = """
with recursive chain as (
    select 0 as distance, a.* from audit a where a.message_id = %(id)s
    union all
    select chain.distance + 1, a.* from chain join audit a on a.message_id = chain.causation_id
    where chain.distance < %(limit)s
)
select {columns} from chain where distance > 0 order by distance
"""

EFFECTS = """
with recursive chain as (
    select 0 as distance, a.* from audit a where a.message_id = %(id)s
    union all
    select chain.distance + 1, a.* from chain join audit a on a.causation_id = chain.message_id
    where chain.distance < %(limit)s
)
select {columns} from chain where distance > 0
order by distance, topic, partition, "offset" limit %(limit)s
"""

DECISIVE = """
select message_id from audit where correlation_id = %s
order by type = 'SignalRaised' desc, type = 'Abstained' desc, time_us desc,
    topic, partition, "offset" limit 1
"""

STORY = """
select {columns} from audit
where key = %(name)s or (key >= %(name)s || '/' and key < %(name)s || '0')
order by time_us, topic, partition, "offset" limit %(limit)s
"""


class Audited(Struct, frozen=True, kw_only=True):
    """A message of the tape: its place, its origin, its cause, and the event as JSON.

    Decimals in `payload` are text, bytes are base64; a number that JSON cannot say is null.
    """

    message_id: str
    type: str
    topic: str
    partition: int
    offset: int
    key: str
    time_us: int
    correlation_id: str
    causation_id: str | None
    source: str
    sequence: str
    tenant: str
    actor: str
    payload: dict[str, Any]


def apply(rows: Rows, message: Message[Event]) -> None:
    """Write the message down."""
    rows.put(MESSAGES, **told(message))


def told(message: Message[Event]) -> dict[str, object]:
    """A message that has been read from the tape, as it is shown everywhere: an `Audited`."""
    envelope, position = message.envelope, message.position
    assert position is not None  # it was read from the tape
    return {
        "message_id": envelope.message_id,
        "type": type(message.event).__name__,
        "topic": position.topic,
        "partition": position.partition,
        "offset": position.offset,
        "key": message.key,
        "time_us": envelope.time_us,
        "correlation_id": envelope.correlation_id,
        "causation_id": envelope.causation_id,
        "source": envelope.source,
        "sequence": envelope.sequence,
        "tenant": envelope.tenant,
        "actor": envelope.actor,
        "payload": message.event,
    }


def cause_of(source: str, sequence: str, topic: str) -> Position | None:
    """Where the cause of a processor's output stands on `topic`, which that processor reads."""
    if not source.startswith(PROCESSORS):
        return None
    return Position(topic, int(source.rpartition("/")[2]), int(sequence.partition(".")[0]))


PROJECTION = Projection(
    "audit",
    2,
    DDL,
    ("audit",),
    (Event,),
    apply,
    leaves=(TickReceived,),
    ledgers=(MESSAGES,),
    indexes=INDEXES,
    proven=True,
)

RECORDED = Query(
    "audit",
    Audited,
    ("time_us", "message_id"),
    (
        equals("type", "only messages of this type"),
        equals("topic", "only messages of this topic"),
        equals("key", "only this aggregate or symbol"),
        equals("correlation_id", "only what follows from the same first cause"),
        equals("causation_id", "only what this message caused"),
        equals("actor", "only messages of this actor"),
        *during("time_us"),
    ),
    key="message_id",
)
