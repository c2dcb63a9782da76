"""The newest records of one topic, decoded once for all who follow it."""

from __future__ import annotations

import asyncio
import logging
import threading
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from events.envelope import Event, Message
from infra.config import Config
from infra.stream import kafka, wire
from infra.stream.identity import EVENT_STORE
from infra.stream.schema_ids import RegistryAway
from infra.stream.wire import Ids, Record
from projections import audit
from read_api.tape import Heard, Mark, TapeAway

HELD_MAX = 2_000
CLIENT = {
    "queued_max_messages_kbytes": 2_048,
    "enable_partition_eof": True,
    "auto_offset_reset": "error",
}
POLL_S = 0.1
GATHER_S = 0.01
REGISTRY_RETRY_S = 0.5
PROCESSORS = "processors/"

log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode

Batch = tuple[list[Heard], dict[int, int]]
"""New records, and the next offset of each partition that has moved on."""


class Held:
    """The last records of a partition: all from offset `begin` up to, not including, `next`."""

    def __init__(self, start: int) -> None:
        self.begin = start
        self.next = start
        self._offsets: list[int] = []
        self._records: list[Heard] = []

    def add(self, heard: Heard) -> None:
        """Hold one more; when there are twice too many, let the older half go."""
        self._offsets.append(heard.offset)
        self._records.append(heard)
        self.next = heard.offset + 1
        if len(self._records) >= 2 * HELD_MAX:
            self.begin = self._offsets[HELD_MAX]
            del self._offsets[:HELD_MAX], self._records[:HELD_MAX]

    def after(self, offset: int) -> Sequence[Heard] | None:
        """Everything from `offset` on, if nothing in between has been let go."""
        if not self.begin <= offset <= self.next:
            return None
        return self._records[bisect_left(self._offsets, offset) :]


class SharedTail:
    """`read_api.tape.Tail`: a thread reads and decodes, the event loop holds and hands out."""

    def __init__(self, config: Config, topic: str, ids: Ids) -> None:
        self.followers = 0
        self.growth = 0
        self._config = config
        self._topic = topic
        self._ids = ids
        self._held: dict[int, Held] = {}
        self._failed: str = ""
        self._grew = asyncio.Event()
        self._ready: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    async def started(self) -> None:
        """Wait until the tail holds everything from here on; `TapeAway`."""
        if self._ready is None:
            self._ready = asyncio.create_task(asyncio.to_thread(self._start))
        await asyncio.shield(self._ready)

    async def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def after(self, partition: int, offset: int) -> Sequence[Heard] | None:
        """What is held from `offset` on."""
        if self._failed:
            raise TapeAway(self._failed)
        return self._held[partition].after(offset)

    async def grown(self, growth: int, timeout_s: float) -> None:
        """Wait until there is more than at `growth`."""
        if self.growth == growth and not self._failed:
            try:
                await asyncio.wait_for(self._grew.wait(), timeout_s)
            except TimeoutError:
                return

    def _start(self) -> None:
        client = kafka.consumer(self._config, "read-api-tail", **CLIENT)
        name = kafka.topic_name(self._config, self._topic)
        try:
            starts = [
                TopicPartition(name, number, kafka.bounds(client, name, number)[1])
                for number in kafka.partitions_of(client, name)
            ]
        except KafkaException as lost:
            client.close()
            raise TapeAway(f"Kafka does not answer: {lost}") from lost
        self._held = {start.partition: Held(start.offset) for start in starts}
        client.assign(starts)
        self._thread = threading.Thread(
            target=self._run, args=(client,), name=f"tail-{self._topic}", daemon=True
        )
        self._thread.start()

    def _run(self, client: Consumer) -> None:
        try:
            while not self._stop.is_set():
                batch = self._poll(client)
                if batch[1]:
                    self._loop.call_soon_threadsafe(self._add, batch)
        except Exception as broken:  # whatever it is, followers must not wait for ever
            why = f"{type(broken).__name__}: {broken}"  # some have no words of their own
            log.warning("the tail of %s ends: %s", self._topic, why, exc_info=True)
            self._loop.call_soon_threadsafe(self._fail, why)
        finally:
            client.close()

    def _poll(self, client: Consumer) -> Batch:
        first: Any = client.poll(POLL_S)
        if first is None:
            return [], {}
        rest: list[Any] = client.consume(kafka.BATCH_MAX, GATHER_S)
        found: list[Heard] = []
        moved: dict[int, int] = {}
        for each in (first, *rest):
            error = each.error()
            if error is None:
                found.append(self._decoded(each))
                moved[each.partition()] = each.offset() + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                moved[each.partition()] = each.offset()
            elif error.fatal() or error.code() == KafkaError._AUTO_OFFSET_RESET:
                raise KafkaException(error)
        return found, moved

    def _decoded(self, fetched: Any) -> Heard:
        """A registry that is away is waited for: nothing may be left out."""
        while True:
            try:
                return heard_of(self._topic, fetched, self._ids)
            except TapeAway as away:
                log.warning("the tail of %s waits: %s", self._topic, away)
                if self._stop.wait(REGISTRY_RETRY_S):
                    raise KafkaException(str(away)) from away

    def _add(self, batch: Batch) -> None:
        found, moved = batch
        for heard in found:
            self._held[heard.partition].add(heard)
        for partition, offset in moved.items():
            held = self._held[partition]
            held.next = max(held.next, offset)
        self._wake()

    def _fail(self, why: str) -> None:
        self._failed = why
        self._wake()

    def _wake(self) -> None:
        self.growth += 1
        self._grew.set()
        self._grew = asyncio.Event()


def heard_of(topic: str, fetched: Any, ids: Ids) -> Heard:
    """A Kafka message as it is sent to those who follow; `TapeAway` if the registry is away."""
    record = Record(
        topic,
        fetched.partition(),
        fetched.offset(),
        fetched.key(),
        fetched.value(),
        fetched.headers() or (),
    )
    try:
        message: Message[Event] = wire.read(record, ids)
    except RegistryAway as away:
        raise TapeAway(str(away)) from away
    except (ValueError, LookupError) as bad:
        return _unreadable(record, bad)
    envelope, event = message.envelope, message.event
    return Heard(
        partition=record.partition,
        offset=record.offset,
        body=_encode(audit.told(message)),
        type=type(event).__name__,
        symbol=getattr(event, "symbol", ""),
        account=getattr(event, "account", ""),
        mark=mark_of(message, record.partition),
        sequence=envelope.sequence,
    )


def mark_of(message: Message[Event], partition: int) -> Mark:
    """What the sequence of a message counts over.

    The relay and the processors count over all keys of a partition. One mark for all of them is
    found in the one record before the place where someone resumes, however much is repeated after.
    """
    source = message.envelope.source
    whole = source == EVENT_STORE or source.startswith(PROCESSORS)
    return source, partition if whole else message.key


def _unreadable(record: Record, bad: Exception) -> Heard:
    place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
    body = _encode({**place, "error": f"this record cannot be read: {bad}"})
    return Heard(partition=record.partition, offset=record.offset, body=body)
