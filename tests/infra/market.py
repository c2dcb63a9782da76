"""Putting ticks on a topic and reading what came of them, as plainly as a client can."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from events.envelope import first_cause
from events.market import TickReceived
from infra.config import Config
from infra.stream import kafka, tape, wire
from infra.stream.wire import Record
from tests.infra.counting import FixedIds

START_US = 1_700_000_000_000_000
IDS = FixedIds()
UNCOMMITTED = {"isolation_level": "read_uncommitted"}


def tick(symbol: str, seq: int, bid: float = 1.1, spread: float = 0.0002) -> TickReceived:
    """A tick, `seq` milliseconds after the start."""
    at_us = START_US + seq * 1000
    return TickReceived(
        symbol=symbol,
        source="test",
        source_seq=seq,
        ts_source_us=at_us,
        ts_received_us=at_us,
        bid=bid,
        ask=bid + spread,
    )


def record_of(event: TickReceived) -> wire.Outgoing:
    """A tick as the bridge would write it."""
    sequence = f"{event.source_seq:016d}"
    message = first_cause(
        event, source="test", sequence=sequence, key=event.symbol, time_us=event.ts_source_us
    )
    return wire.write(message, IDS)


def put(config: Config, records: Sequence[wire.Outgoing], committed: bool = True) -> None:
    """Write records in one transaction, which is aborted if not `committed`; over on return."""
    producer = kafka.producer(
        config,
        transactional_id=f"{config.namespace}.test",
        delivery_timeout_ms=60_000,
        linger_ms=5,
    )
    producer.init_transactions(30)
    producer.begin_transaction()
    for record in records:
        name = kafka.topic_name(config, record.topic)
        producer.produce(name, record.value, record.key, headers=list(record.headers))
    producer.flush(30)
    if committed:
        producer.commit_transaction(30)
    else:
        producer.abort_transaction(30)
    for topic in {kafka.topic_name(config, record.topic) for record in records}:
        _await_settled(config, topic)


def all_of(config: Config, topic: str) -> list[Record]:
    """Everything committed on a topic, partition by partition."""
    name = kafka.topic_name(config, topic)
    with tape.reader(config) as client:
        return [
            record
            for partition in kafka.partitions_of(client, name)
            for batch in tape.read(client, name, partition, *tape.bounds(client, name, partition))
            for record in batch
        ]


def first_of_each(records: Iterable[Record]) -> list[Record]:
    """What a reader is left with: per source and key, only what is above all before."""
    marks: dict[tuple[str, bytes | None], str] = {}
    fresh = []
    for record in records:
        source, sequence = wire.place_of(record.headers)
        if sequence > marks.get((source, record.key), ""):
            marks[source, record.key] = sequence
            fresh.append(record)
    return fresh


def as_written(
    records: Sequence[Record],
) -> list[tuple[bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]]:
    """Key, value and headers, without the position."""
    return [(r.key, r.value, tuple(r.headers)) for r in records]


def wait_for(config: Config, topic: str, count: int, timeout_s: float = 40.0) -> list[Record]:
    """Everything on a topic once it holds `count` different messages; what there is on time-out."""
    deadline = time.monotonic() + timeout_s
    while True:
        records = first_of_each(all_of(config, topic))
        if len(records) >= count or time.monotonic() > deadline:
            return records
        time.sleep(0.1)


def _await_settled(config: Config, topic: str) -> None:
    """Return when no transaction is open any more: a broker ends them after it has said so."""
    with tape.reader(config) as committed, tape.reader(config, **UNCOMMITTED) as whole:
        for partition in kafka.partitions_of(committed, topic):
            end = tape.bounds(whole, topic, partition)
            while tape.bounds(committed, topic, partition) < end:
                time.sleep(0.01)
