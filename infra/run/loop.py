"""The loop of every consumer whose effects are in Postgres: read, handle, advance, all or nothing.

The handler writes its effects and `offsets.advance` in one transaction, so a record has its effect
once, whatever is killed. Trouble with a service has one cure: leave, wait, come back to the stored
offsets. `patiently` is that cure, around the loop and all that the role has opened for it. Trouble
with a record is the record's own: it is set aside, as one that cannot be read.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from events.envelope import Message
from infra.config import Config
from infra.observe import telemetry
from infra.run.intake import Intake, Ruled
from infra.run.membership import membership
from infra.run.patience import TAPE_AWAY
from infra.store import offsets, postgres
from infra.store.offsets import Advance, Cursors, Superseded
from infra.store.postgres import Connection
from infra.store.recorders import Conflict
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from infra.stream.tape import TapeReplaced
from infra.stream.topic_watch import TopicWatch
from infra.stream.wire import Record

BATCH_MAX = 500
ATTEMPTS_MAX = 3
ATTEMPT_AGAIN_S = 0.5
"""A record that a handler fails at alone is tried again: what is wrong may not be the record."""
POLL_S = 0.1
COMMIT_EVERY_S = 1.0
PASSING = (Superseded, Conflict, Ruled, *TAPE_AWAY, *postgres.AWAY)
"""Trouble that another attempt can cure, once what is stored has been read again."""

MADE_ANEW = (
    "was made anew, or has lost what we had not read; give this copy another TAPEDECK_NAMESPACE"
)

Handle = Callable[[Sequence[Message[Any]], tuple[Advance, ...]], None]
"""Given fresh messages, in order per key, and the steps to write with their effects."""
Concerns = Callable[[Message[Any]], bool]
Place = tuple[str, int]
Batches = dict[Place, list[Record]]

log = logging.getLogger(__name__)


def loop(
    config: Config,
    ids: SchemaIds,
    consumer: str,
    topics: Sequence[str],
    handle: Handle,
    stop: threading.Event,
    batch_max: int = BATCH_MAX,
    between: Callable[[], None] | None = None,
    concerns: Concerns | None = None,
    held: Callable[[str], None] | None = None,
) -> None:
    """Run until `stop`. `topics` are the catalog's names; `consumer` names group and offsets.

    `between` is called after every poll, that is at least every `POLL_S`, in the same thread.
    `concerns`: which messages `handle` has something to do about. Steps over others alone are
    written with the next that it has, or within `COMMIT_EVERY_S`, and may be read again until then.
    `held` is told of a partition that is not read on, because a record there cannot be used.
    Raises `PASSING` when Kafka, Postgres or the registry goes away, or another took over; begin
    again then, with connections of today. `TapeReplaced` is to end the role.
    """
    with membership(config, consumer) as (client, connection):
        intake = Intake(config, consumer, ids, connection)
        _Session(
            config, consumer, handle, batch_max, connection, client, intake, between, concerns, held
        ).run(topics, stop)


@dataclass
class _Session:
    """One membership in the group, from joining to the first trouble."""

    config: Config
    consumer: str
    handle: Handle
    batch_max: int
    connection: Connection
    client: Consumer
    intake: Intake
    between: Callable[[], None] | None = None
    concerns: Concerns | None = None
    held: Callable[[str], None] | None = None
    cursors: dict[Place, Cursors] = field(default_factory=dict)
    stopped: set[Place] = field(default_factory=set)
    topics: TopicWatch = field(init=False)
    trouble: Exception | None = None
    committed_s: float = 0.0

    def run(self, topics: Sequence[str], stop: threading.Event) -> None:
        """Poll and handle until `stop`; raises what goes wrong."""
        names = [kafka.topic_name(self.config, name) for name in topics]
        self.topics, lost = TopicWatch(self.config, {}), self.revoked
        self.client.subscribe(names, on_assign=self.assigned, on_revoke=lost, on_lost=lost)
        while not stop.is_set():
            records, produced_ms = self._poll()
            if self.trouble is not None:
                raise self.trouble
            if records:
                self._process(records)
                self._measure(records, produced_ms)
            if self.between is not None:
                self.between()
            self._report()
        self._write(())

    def assigned(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        """Go on where the database says, not where Kafka thinks.

        Only now are the topics there for certain: one that was away may have come back as another.
        """
        try:
            self._demand_same({partition.topic for partition in partitions})
            starts = [self._start(client, p.topic, p.partition) for p in partitions]
        except Exception as trouble:  # raised by `run`: this is called from inside librdkafka
            self.trouble = trouble
            starts = []
        client.incremental_assign(starts)

    def revoked(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        """Forget partitions that others will read, and steps over them that were not written."""
        for partition in partitions:
            place = (kafka.catalog_name(self.config, partition.topic), partition.partition)
            self.cursors.pop(place, None)
            self.stopped.discard(place)
        client.incremental_unassign(partitions)

    def _demand_same(self, names: set[str]) -> None:
        ids = kafka.topic_ids(self.config, sorted(names))
        if anew := offsets.replaced(self.connection, ids):
            raise TapeReplaced(f"{self.consumer} stands on {sorted(anew)}, which {MADE_ANEW}")
        self.topics = TopicWatch(self.config, {**self.topics.ids, **ids})

    def _start(self, client: Consumer, topic: str, number: int) -> TopicPartition:
        low, high = kafka.bounds(client, topic, number)
        name = kafka.catalog_name(self.config, topic)
        cursors = offsets.resume(self.connection, self.consumer, name, number, low)
        if not low <= cursors.next_offset <= high:
            raise TapeReplaced(
                f"{self.consumer} stands at offset {cursors.next_offset} of {topic}/{number}, "
                f"which holds {low} to {high}: the topic {MADE_ANEW}"
            )
        self.cursors[name, number] = cursors
        return TopicPartition(topic, number, cursors.next_offset)

    def _poll(self) -> tuple[Batches, int]:
        """At once with the first record: `consume` alone would wait for a full batch."""
        first: Any = self.client.poll(POLL_S)
        if first is None:
            return {}, 0
        rest: list[Any] = self.client.consume(self.batch_max - 1, 0)
        records: Batches = defaultdict(list)
        for fetched in (first, *rest):
            if fetched.error() is not None:
                _judge(fetched.error())
                continue
            place = (kafka.catalog_name(self.config, fetched.topic()), fetched.partition())
            if place in self.cursors and place not in self.stopped:
                headers = fetched.headers() or ()
                records[place].append(
                    Record(*place, fetched.offset(), fetched.key(), fetched.value(), headers)
                )
        return records, first.timestamp()[1]

    def _process(self, records: Batches) -> None:
        """All at once; where the handler fails one by one, so that a record stops no others."""
        if self._attempt(records) is not None:
            for place, batch in records.items():
                for record in batch:
                    self._alone(place, record)

    def _alone(self, place: Place, record: Record) -> None:
        bug = None
        for _ in range(ATTEMPTS_MAX):
            if place in self.stopped or (bug := self._attempt({place: [record]})) is None:
                return
            time.sleep(ATTEMPT_AGAIN_S)
        assert bug is not None
        self._refuse(place, record, bug)

    def _attempt(self, records: Batches) -> Exception | None:
        """Take the records; or what the handler failed at, and nothing was taken."""
        before = {place: self.cursors[place].pending for place in records}
        try:
            self._take(records)
        except PASSING:
            raise
        except Exception as bug:
            log.exception("%s fails at %s", self.consumer, sorted(records))
            for place, pending in before.items():
                self.cursors[place].pending = pending
            return bug
        return None

    def _take(self, records: Batches) -> None:
        messages, stops = [], []
        for place, batch in records.items():
            cursors = self.cursors[place]
            taken = self.intake.take(batch)
            fresh = cursors.fresh(taken.messages)
            telemetry.REPEATS.labels(self.consumer).inc(len(taken.messages) - len(fresh))
            messages += fresh
            if taken.next_offset > cursors.read_to:
                cursors.pending = cursors.advanced(fresh, taken.next_offset)
            if taken.stopped_by is not None:
                stops.append(place)
        if self.concerns is None or any(map(self.concerns, messages)):
            self._write(messages)
        for place in stops:
            self._hold(place)

    def _refuse(self, place: Place, record: Record, bug: Exception) -> None:
        """Read what was ruled in its place; or set it aside, and go on where that is permitted."""
        instead = self.intake.instead(record)
        helped = instead is not None and not (instead and self._attempt({place: [*instead]}))
        if not helped:
            self.intake.set_aside(record, bug)
        if not helped and self.intake.must_stop(record):
            self._hold(place)
        elif (cursors := self.cursors[place]).read_to <= record.offset:
            cursors.pending = cursors.advanced((), record.offset + 1)

    def _write(self, messages: Sequence[Message[Any]]) -> None:
        """Handle these, and write all steps that are pending with their effects."""
        steps = tuple(c.pending for c in self.cursors.values() if c.pending is not None)
        if steps:
            self.handle(messages, steps)
        for step in steps:
            self.cursors[step.topic, step.partition].take(step)

    def _hold(self, place: Place) -> None:
        """Stay here until someone has mended it; other partitions go on."""
        topic = kafka.topic_name(self.config, place[0])
        self.stopped.add(place)
        self.client.pause([TopicPartition(topic, place[1])])
        log.critical("%s stops at a record of %s/%s it cannot use", self.consumer, *place)
        if self.held is not None:
            self.held(f"{place[0]}/{place[1]}")

    def _measure(self, records: Batches, produced_ms: int) -> None:
        for (topic, _), batch in records.items():
            telemetry.HANDLED.labels(self.consumer, topic).inc(len(batch))
            latency_s = time.time() - produced_ms / 1000
            telemetry.LATENCY.labels(self.consumer, topic).observe(latency_s)

    def _report(self) -> None:
        """Once a second: what is pending, lag for the metrics, our place for Kafka's own tools."""
        if time.monotonic() - self.committed_s < COMMIT_EVERY_S:
            return
        self.committed_s = time.monotonic()
        self._write(())
        self.intake.look_again()
        self.topics.look()
        telemetry.STOPPED.labels(self.consumer).set(len(self.stopped))
        places = []
        for (name, number), cursors in self.cursors.items():
            place = TopicPartition(kafka.topic_name(self.config, name), number, cursors.next_offset)
            _, high = self.client.get_watermark_offsets(place, cached=True)
            lag = max(0, high - cursors.next_offset)  # nothing is pending
            telemetry.LAG.labels(self.consumer, name, str(number)).set(lag)
            places.append(place)
        if places:
            self.client.commit(offsets=places, asynchronous=True)


def _judge(error: KafkaError) -> None:
    """librdkafka mends lost connections by itself; the rest ends the session."""
    if error.code() == KafkaError._AUTO_OFFSET_RESET:
        raise TapeReplaced(f"the offset we stand at is gone: {error}")
    if not kafka.mends_itself(error):
        raise KafkaException(error)
