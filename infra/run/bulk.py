"""The bulk host: a processor on a confluent-kafka loop with transactions, for high rates.

Each partition has its own writer under a stable name, so a predecessor that still lives is fenced
before its successor looks at what was written. The outputs and dead letters of a batch are all or
nothing, and where to go on is read from them. The offset is committed beside, for whoever looks at
lag: inside of a transaction librdkafka waits for ever if the group's coordinator dies just then.
The consumer group is the Faust host's: either may take over from the other.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition
from msgspec import Struct

from infra import whole
from infra.config import Config
from infra.observe.telemetry import AWAY, EMITTED, HANDLED
from infra.observe.traces import traces
from infra.run import instances, snapshots
from infra.run.patience import TAPE_AWAY, patiently
from infra.run.processing import BEFORE_ALL, Partition, Place, Stage, not_yet_written
from infra.run.resuming import HOLD_S, resumed, tails
from infra.stream import kafka, tape
from infra.stream.schema_ids import RegistryAway
from infra.stream.transactions import Doubtful, Writer, opened
from infra.stream.wire import Outgoing, Record, records_of

PORTION, PORTIONS_MAX = 1_000, 20
"""A portion is worked off while the processor still has it in its cache: half as fast again as many
thousand records at once. As many portions as are there share a transaction, and its wait."""
POLL_S = 0.05
LINGER_MS = 5
SESSION_MS = 30_000
SNAPSHOT_EVERY_S = 1.0

log = logging.getLogger(__name__)


class Sent:
    """What a transaction holds: counted by topic, and kept if somebody traces it."""

    def __init__(self, since_ns: int, records: list[Outgoing] | None) -> None:
        self.since_ns = since_ns
        self.records = records
        self.handled = 0
        self.counts: Counter[str] = Counter()

    def add(self, handled: int, outputs: Sequence[Outgoing]) -> None:
        """So many records caused these."""
        self.handled += handled
        self.counts.update(output.topic for output in outputs)
        if self.records is not None:
            self.records += outputs


class Lane(Struct):
    """One partition in work: its state, its writer, and what was written before it began.

    `sent` is there while a transaction is open: until its end the state is ahead of the tape.
    """

    partition: Partition
    writer: Writer
    tails: dict[str, Place]
    saved_offset: int
    saved_at_s: float
    sent: Sent | None = None


class Host:
    """One processor in this process."""

    def __init__(self, config: Config, stage: Stage, stop: threading.Event) -> None:
        self._config = config
        self._stage = stage
        self._stop = stop
        self._name = f"processors.{stage.processor.name}"
        self._role = f"processor-{stage.processor.name}"
        self._topic = kafka.topic_name(config, stage.reads)
        self._traces = traces(config, self._role)
        self._lanes: dict[int, Lane] = {}
        instance, self._lock = instances.claimed(config, kafka.group_name(config, self._name))
        self._consumer = kafka.consumer(
            config,
            self._name,
            group_instance_id=instance,
            session_timeout_ms=SESSION_MS,
            partition_assignment_strategy="roundrobin",
        )

    def run(self) -> None:
        """Work until `stop` is set; raise what cannot be ridden out, and then save nothing."""
        self._consumer.subscribe([self._topic], on_assign=self._assigned, on_revoke=self._revoked)
        try:
            while not self._stop.is_set():
                self._turn()
            for lane in self._lanes.values():
                self._save(lane)
        except BaseException:
            self._lanes.clear()  # closing revokes, and would save what may have been aborted
            raise
        finally:
            self._consumer.close()
            self._lock.close()

    def _turn(self) -> None:
        """What has arrived, portion after portion: one transaction for each partition."""
        for number in range(PORTIONS_MAX):
            portion: list[Any] = self._consumer.consume(PORTION, 0 if number else POLL_S)
            for partition, records in _by_partition(portion).items():
                if partition in self._lanes:
                    self._handle(self._lanes[partition], records)
            if len(portion) < PORTION:
                break
        for lane in list(self._lanes.values()):
            self._end(lane)

    def _handle(self, lane: Lane, records: Sequence[Record]) -> None:
        """Write what records cause; in any doubt go on from what is on the tape."""
        partition = lane.partition
        try:
            if lane.sent is None:
                lane.writer.begin()
                lane.sent = Sent(time.time_ns(), [] if self._config.otlp else None)
            outputs = self._caused(lane, [r for r in records if r.offset >= partition.next_offset])
            lane.writer.add(outputs)
            lane.sent.add(len(records), outputs)
        except RegistryAway as away:
            AWAY.labels(self._role, "registry").set(1)
            log.warning("partition %s is held: %s", partition.number, away)
            self._stop.wait(HOLD_S)
            self._reopen(partition.number)
        except Doubtful as doubt:
            self._start_again(partition.number, doubt)

    def _end(self, lane: Lane) -> None:
        """Bring what was written onto the tape, all or nothing."""
        sent, lane.sent = lane.sent, None
        if sent is None:
            return
        try:
            lane.writer.commit()
        except Doubtful as doubt:
            self._start_again(lane.partition.number, doubt)
        else:
            self._count(sent)
            if time.monotonic() - lane.saved_at_s > SNAPSHOT_EVERY_S:
                self._save(lane)

    def _start_again(self, number: int, doubt: Doubtful) -> None:
        log.warning("partition %s starts again: %s", number, doubt)
        self._reopen(number)

    def _caused(self, lane: Lane, records: Sequence[Record]) -> Sequence[Outgoing]:
        """What is not on the tape yet of what records cause."""
        partition, stage = lane.partition, self._stage
        written = max(lane.tails.values(), default=BEFORE_ALL)[0]
        if not records:
            return ()
        if records[0].offset > written:
            return stage.advance_all(partition, records)
        outputs: list[Outgoing] = []
        for record in records:
            caused = stage.advance(partition, record)
            outputs += not_yet_written(caused, record.offset, lane.tails)
        return outputs

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        starts = []
        for given in partitions:
            if self._open(given.partition):
                at = self._lanes[given.partition].partition.next_offset
                starts.append(TopicPartition(self._topic, given.partition, at))
        consumer.assign(starts)

    def _revoked(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for taken in partitions:
            lane = self._lanes.pop(taken.partition, None)
            if lane is not None and lane.sent is None:
                self._save(lane)

    def _open(self, number: int) -> bool:
        """Fence whoever wrote for this partition before, then see how far it came."""
        writer = opened(self._config, f"{self._name}.{number}", self._stop, LINGER_MS)
        if writer is None:
            return False
        with tape.reader(self._config) as client:
            partition = resumed(self._config, client, self._stage, number)
            written = tails(self._config, client, self._stage, number)
        at = partition.next_offset
        self._lanes[number] = Lane(partition, writer, written, at, time.monotonic())
        log.info("%s goes on at %s", self._stage.source(number), at)
        return True

    def _reopen(self, number: int) -> None:
        del self._lanes[number]
        if self._open(number):
            at = self._lanes[number].partition.next_offset
            self._consumer.seek(TopicPartition(self._topic, number, at))

    def _save(self, lane: Lane) -> None:
        """Keep the state. All that it caused is on the tape: batches are all or nothing."""
        partition, processor = lane.partition, self._stage.processor
        lane.saved_at_s = time.monotonic()
        if partition.next_offset > lane.saved_offset:
            lane.saved_offset = partition.next_offset
            path = snapshots.path_of(self._config, processor.name, partition.number)
            whole.write(path, snapshots.frozen(processor, self._topic, partition))
            done = TopicPartition(self._topic, partition.number, partition.next_offset)
            self._consumer.commit(offsets=[done], asynchronous=True)

    def _count(self, sent: Sent) -> None:
        AWAY.labels(self._role, "registry").set(0)
        HANDLED.labels(self._role, self._stage.reads).inc(sent.handled)
        for topic, emitted in sent.counts.items():
            EMITTED.labels(self._role, topic).inc(emitted)
        self._traces.sent(sent.records or (), sent.since_ns)


def _by_partition(fetched: Iterable[Any]) -> Mapping[int, list[Record]]:
    arrived: dict[int, list[Any]] = {}
    for each in fetched:
        error = each.error()
        if error is None:
            arrived.setdefault(each.partition(), []).append(each)
        elif kafka.mends_itself(error):
            log.warning("reading waits: %s", error)
        else:
            raise KafkaException(error)
    return {partition: records_of(each) for partition, each in arrived.items()}


def run(config: Config, stop: threading.Event, stage: Stage) -> None:
    """Host `stage` until `stop` is set; from the beginning again when Kafka was away.

    A consumer whose session ended meanwhile is fenced for good: the next host has another.
    """
    role = f"processor-{stage.processor.name}"
    patiently(role, lambda: Host(config, stage, stop).run(), stop, (Doubtful, *TAPE_AWAY))
