"""The Faust host: one app, one agent, one processor. Its transport is in `faust_transport`.

What Faust has committed is never trusted: each partition goes on from its own snapshot, over the
tape, to the end; then Faust's records take over, and those already seen are passed by.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from time import time_ns
from typing import Any, cast

import faust
from confluent_kafka import KafkaException
from faust.types import TP

from infra import whole
from infra.config import Config
from infra.observe.telemetry import AWAY, EMITTED, HANDLED, LAG
from infra.observe.traces import traces
from infra.run import instances, snapshots
from infra.run.faust_transport import Transport, behind
from infra.run.processing import DEAD_LETTERS, Partition, Stage
from infra.run.resuming import HOLD_S, caught_up, resumed
from infra.stream import kafka, tape
from infra.stream.schema_ids import RegistryAway
from infra.stream.wire import Outgoing, Record

COMMIT_EVERY_S = SNAPSHOT_EVERY_S = 1.0
WATCH_EVERY_S = 0.1
STOP_S_MAX = 20.0
LINGER_S = 0.002
"""What is written within it goes in one request; a request for each message costs more than it."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Lane:
    """One partition in work: its state, and the acknowledgements its outputs still wait for."""

    number: int
    partition: Partition | None = None
    owned: bool = True
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    pending: list[asyncio.Future[Any]] = field(default_factory=list)
    saved_offset: int = -1


class Host:
    """One processor in this process."""

    def __init__(
        self, config: Config, stage: Stage, stop: threading.Event, concurrency: int = 1
    ) -> None:
        if concurrency != 1:
            raise ValueError(
                f"concurrency is {concurrency}; give 1: with more, a killed worker loses events. "
                "Run more processes instead, up to one for each partition"
            )
        self._config = config
        self._stage = stage
        self._stop = stop
        self._role = f"processor-{stage.processor.name}"
        self._topic = kafka.topic_name(config, stage.reads)
        self._topics = {
            name: kafka.topic_name(config, name) for name in (*stage.writes, DEAD_LETTERS)
        }
        self._traces = traces(config, self._role)
        self._lanes: dict[int, Lane] = {}
        self._taken = 0
        self._sent = dict.fromkeys(self._topics, 0)
        self._handled = HANDLED.labels(self._role, stage.reads)
        self._emitted = {name: EMITTED.labels(self._role, name) for name in self._topics}

    async def run(self) -> None:
        """Work until `stop` is set, then keep the state; raise what made the app crash."""
        group = kafka.group_name(self._config, f"processors.{self._stage.processor.name}")
        instance, lock = instances.claimed(self._config, group)
        app = self._app = _app(self._config, group, instance)
        app.on_partitions_assigned.connect(self._assigned)
        app.on_partitions_revoked.connect(self._revoked)
        topic = app.topic(self._topic, **_RAW)
        app.agent(topic, name="work", concurrency=1)(self._work)
        app.finalize()
        with lock:
            await app.start()
            await self._watch()
            await self._end()

    async def _watch(self) -> None:
        waited_s = 0.0
        while not self._stop.is_set() and not self._app.crashed:
            await asyncio.sleep(WATCH_EVERY_S)
            self._count()
            waited_s += WATCH_EVERY_S
            if waited_s > SNAPSHOT_EVERY_S:
                waited_s = 0.0
                for lane in [lane for lane in self._lanes.values() if lane.ready.is_set()]:
                    await self._save(lane)

    async def _end(self) -> None:
        crashed = self._app.crash_reason
        if crashed is None:
            for lane in self._lanes.values():
                lane.owned = False  # nothing moves any more; Faust waits for what it handed out
                await self._save(lane)
        await asyncio.wait_for(self._app.stop(), STOP_S_MAX)
        if crashed is not None:
            raise crashed

    async def _work(self, stream: Any) -> None:
        async for event in stream.events():
            m = event.message
            try:
                await self._take(
                    Record(m.topic, m.partition, m.offset, m.key, m.value, m.headers or ())
                )
            except Exception as unforeseen:
                await self._app.crash(unforeseen)
                raise

    async def _take(self, record: Record) -> None:
        lane = self._lanes[record.partition]
        if not lane.ready.is_set():
            await lane.ready.wait()
        async with lane.busy:
            partition = cast(Partition, lane.partition)
            if not lane.owned or record.offset < partition.next_offset:
                return
            since_ns = time_ns()
            outputs = await self._advanced(lane, partition, record)
            for output in outputs:
                await self._send(lane, output)
            self._traces.sent(outputs, since_ns)
        self._taken += 1

    async def _advanced(
        self, lane: Lane, partition: Partition, record: Record
    ) -> Sequence[Outgoing]:
        try:
            return self._stage.advance(partition, record)
        except RegistryAway as away:
            log.warning("%s/%s is held: %s", record.topic, record.offset, away)
        AWAY.labels(self._role, "registry").set(1)
        while not self._stop.is_set():
            await asyncio.sleep(HOLD_S)
            try:
                caused = await asyncio.to_thread(self._stage.advance, partition, record)
            except RegistryAway:
                continue
            AWAY.labels(self._role, "registry").set(0)
            return caused
        lane.owned = False  # this record was not taken, so none after it may be
        return ()

    async def _send(self, lane: Lane, output: Outgoing) -> None:
        acknowledged = await self._app.producer.send(
            self._topics[output.topic], output.key, output.value, None, None, output.headers
        )
        lane.pending.append(acknowledged)
        self._sent[output.topic] += 1
        if output.topic == DEAD_LETTERS:
            await acknowledged

    async def _assigned(self, _app: Any, assigned: Iterable[TP], **_: Any) -> None:
        for tp in assigned:
            if tp.topic == self._topic:
                lane = self._lanes.setdefault(tp.partition, Lane(tp.partition))
                lane.owned = True
                lane.ready.clear()
                self._app.add_future(self._catch_up(lane))

    async def _revoked(self, _app: Any, revoked: Iterable[TP], **_: Any) -> None:
        for tp in revoked:
            lane = self._lanes.get(tp.partition)
            if lane is not None and tp.topic == self._topic:
                lane.owned = False
                lane.ready.set()

    async def _catch_up(self, lane: Lane) -> None:
        """Bring a partition from its snapshot to the end of the tape, then let the agent go on."""
        async with lane.busy:
            while lane.owned and not self._stop.is_set():
                try:
                    await self._follow(lane)
                except KafkaException as away:
                    log.warning("partition %s waits: %s", lane.number, away)
                    await asyncio.sleep(HOLD_S)
                else:
                    break
            if self._stop.is_set():
                lane.owned = False  # perhaps short of the end: nothing may be taken beyond a gap
        if lane.owned and lane.partition is not None:
            await self._skip(lane.number, lane.partition.next_offset)
        lane.ready.set()

    async def _skip(self, number: int, offset: int) -> None:
        """Have Faust go on at `offset`: what lies before it has been taken from the tape itself."""
        tp, consumer = TP(self._topic, number), self._app.consumer
        try:
            await consumer.seek_wait({tp: offset})
        except Exception as refused:  # it has lost the partition, or passes by one after the other
            log.info("%s does not go on at %s: %r", tp, offset, refused)
        else:
            consumer._committed_offset[tp] = offset  # else it waits for what it will not see

    async def _follow(self, lane: Lane) -> None:
        if lane.partition is None:
            lane.partition = await asyncio.to_thread(self._resumed, lane.number)
        lane.saved_offset = lane.partition.next_offset
        batches = caught_up(self._config, self._stage, lane.partition, self._stop)
        while (outputs := await asyncio.to_thread(next, batches, None)) is not None:
            for output in outputs:
                await self._send(lane, output)
            if not lane.owned:
                break
        await asyncio.to_thread(batches.close)
        log.info("%s goes on at %s", self._stage.source(lane.number), lane.partition.next_offset)

    def _resumed(self, number: int) -> Partition:
        with tape.reader(self._config) as client:
            return resumed(self._config, client, self._stage, number)

    async def _save(self, lane: Lane) -> None:
        """Write the snapshot, after all that the state has caused is acknowledged."""
        async with lane.busy:
            partition = lane.partition
            if partition is None or partition.next_offset <= lane.saved_offset:
                return
            content = snapshots.frozen(self._stage.processor, self._topic, partition)
            pending, lane.pending = lane.pending, []
            offset = partition.next_offset
        await asyncio.gather(*pending)
        path = snapshots.path_of(self._config, self._stage.processor.name, lane.number)
        await asyncio.to_thread(whole.write, path, content)
        lane.saved_offset = offset

    def _count(self) -> None:
        """What was done since the last look: counted seldom, because counting takes a lock."""
        self._handled.inc(self._taken)
        self._taken = 0
        for topic, sent in self._sent.items():
            self._emitted[topic].inc(sent)
            self._sent[topic] = 0
        for n, lane in self._lanes.items():
            at = lane.partition.next_offset if lane.partition else None
            if (lag := behind(self._app, TP(self._topic, n), at)) is not None:
                LAG.labels(self._role, self._stage.reads, str(n)).set(lag)


_RAW = {
    "key_type": bytes,
    "value_type": bytes,
    "key_serializer": "raw",
    "value_serializer": "raw",
}
"""Records as they lie on the tape: Faust decodes nothing, so it drops nothing undecodable."""


def _app(config: Config, group: str, instance: str) -> Any:
    """The app: nothing served, nothing declared, nothing stored by Faust."""
    brokers = ";".join(f"kafka://{address}" for address in config.kafka.split(","))
    folder = config.home / "faust"
    folder.mkdir(parents=True, exist_ok=True)
    app = faust.App(
        group,
        broker=brokers,
        datadir=folder / group,
        store="memory://",
        table_standby_replicas=0,  # then partitions are assigned as every Kafka client can
        autodiscover=False,
        web_enabled=False,
        web_tables_enabled=False,
        web_router_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        broker_commit_interval=COMMIT_EVERY_S,
        broker_session_timeout=30.0,
        broker_heartbeat_interval=3.0,
        broker_max_poll_records=500,
        stream_processing_timeout=30.0,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=instance,
        producer_acks=-1,
        producer_linger=LINGER_S,
    )
    transport = Transport(app.conf.broker, app, loop=asyncio.get_running_loop())
    app.transport = app.producer_transport = transport
    return app


def run(config: Config, stop: threading.Event, stage: Stage) -> None:
    """Host `stage` until `stop` is set."""
    asyncio.run(Host(config, stage, stop).run())
