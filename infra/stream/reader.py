"""The tape for the read API: `read_api.tape.Tape` over Kafka, in few threads and clients."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined] # exported without a word

from infra.config import Config
from infra.stream import kafka
from infra.stream.kafka import topic_name
from infra.stream.tail import SharedTail, heard_of
from infra.stream.wire import Ids
from read_api.tape import Extent, Heard, TapeAway, TapeTopic
from schemas.catalog import TOPICS

READERS_MAX = 4
READ_DEADLINE_S = 5.0
POLL_S = 0.2
EXTENTS_FOR_S = 0.5
SPEC: Any = OffsetSpec
EARLIEST = SPEC.earliest()
LATEST = SPEC.latest()
CLIENT = {
    "queued_max_messages_kbytes": 4_096,
    "enable_partition_eof": True,
    "auto_offset_reset": "error",
}


class TapeReader:
    """Reads by position with at most `READERS_MAX` clients, and follows each topic at most once."""

    def __init__(self, config: Config, ids: Ids) -> None:
        self._config = config
        self._ids = ids
        self._catalog = {topic.name: topic for topic in TOPICS}
        self._admin = kafka.admin(config)
        self._free: list[Consumer] = []
        self._turns = asyncio.Semaphore(READERS_MAX)
        self._tails: dict[str, SharedTail] = {}
        self._asking = asyncio.Lock()
        self._known: tuple[float, tuple[TapeTopic, ...]] = (0.0, ())

    def knows(self, topic: str) -> bool:
        """Whether the catalog has this topic."""
        return topic in self._catalog

    async def topics(self) -> tuple[TapeTopic, ...]:
        """All topics with their extents, at most `EXTENTS_FOR_S` old."""
        async with self._asking:
            asked_s, found = self._known
            if not found or time.monotonic() - asked_s > EXTENTS_FOR_S:
                found = await asyncio.to_thread(self._ask, tuple(self._catalog))
                self._known = (time.monotonic(), found)
            return found

    async def extents(self, topic: str) -> tuple[Extent, ...]:
        """The extents of one topic, as they are now."""
        (found,) = await asyncio.to_thread(self._ask, (topic,))
        return found.partitions

    async def read(
        self, topic: str, partition: int, start: int, end: int, limit: int
    ) -> tuple[Sequence[Heard], int]:
        """Records from `start` on, and where to go on."""
        if start >= end:
            return (), start
        async with self._turns:
            client = (
                self._free.pop()
                if self._free
                else kafka.consumer(self._config, "read-api", **CLIENT)
            )
            place = TopicPartition(topic_name(self._config, topic), partition, start)
            try:
                fetched, go_on = await asyncio.to_thread(_fetch, client, place, end, limit)
            finally:
                self._free.append(client)
        heard = [heard_of(topic, each, self._ids) for each in fetched]
        return heard, go_on

    @asynccontextmanager
    async def tail(self, topic: str) -> AsyncIterator[SharedTail]:
        """The one tail of a topic; it ends with the last of those who follow it."""
        tail = self._tails.get(topic)
        if tail is None:
            tail = self._tails[topic] = SharedTail(self._config, topic, self._ids)
        tail.followers += 1
        try:
            await tail.started()
            yield tail
        finally:
            tail.followers -= 1
            if not tail.followers and self._tails.get(topic) is tail:
                del self._tails[topic]
                await tail.stop()

    async def close(self) -> None:
        """Give up all clients."""
        for tail in self._tails.values():
            await tail.stop()
        for client in self._free:
            await asyncio.to_thread(client.close)

    def _ask(self, names: tuple[str, ...]) -> tuple[TapeTopic, ...]:
        """Two questions for any number of partitions."""
        places = [
            TopicPartition(topic_name(self._config, name), number)
            for name in names
            for number in range(self._catalog[name].partitions)
        ]
        first = self._offsets(places, EARLIEST)
        last = self._offsets(places, LATEST)
        return tuple(self._told(name, first, last) for name in names)

    def _offsets(self, places: list[TopicPartition], spec: Any) -> dict[tuple[str, int], int]:
        asked = self._admin.list_offsets(
            dict.fromkeys(places, spec),
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=READ_DEADLINE_S,
        )
        try:
            return {(p.topic, p.partition): f.result().offset for p, f in asked.items()}
        except KafkaException as lost:
            raise TapeAway(f"Kafka does not answer: {lost}") from lost

    def _told(
        self, name: str, first: dict[tuple[str, int], int], last: dict[tuple[str, int], int]
    ) -> TapeTopic:
        topic = self._catalog[name]
        broker = topic_name(self._config, name)
        extents = (
            Extent(partition=n, first_offset=first[broker, n], next_offset=last[broker, n])
            for n in range(topic.partitions)
        )
        return TapeTopic(
            topic=name,
            key=topic.key,
            carries=tuple(kind.__name__ for kind in topic.carries),
            decisions=topic.decisions,
            partitions=tuple(extents),
        )


def _fetch(client: Consumer, place: TopicPartition, end: int, limit: int) -> tuple[list[Any], int]:
    """Kafka's messages from a place on, until `end`, `limit` or the end of the partition."""
    deadline_s = time.monotonic() + READ_DEADLINE_S
    found: list[Any] = []
    client.assign([place])
    try:
        while time.monotonic() < deadline_s:
            first: Any = client.poll(POLL_S)
            rest: list[Any] = client.consume(kafka.BATCH_MAX, 0) if first is not None else []
            for each in (first, *rest) if first is not None else ():
                error = each.error()
                if error is None:
                    if each.offset() >= end:
                        return found, end
                    found.append(each)
                    if len(found) == limit or each.offset() + 1 >= end:
                        return found, each.offset() + 1
                elif error.code() == KafkaError._PARTITION_EOF:
                    return found, each.offset()
                elif error.fatal() or error.code() == KafkaError._AUTO_OFFSET_RESET:
                    raise TapeAway(f"{place.topic}/{place.partition} cannot be read: {error}")
    finally:
        client.unassign()
    raise TapeAway(f"Kafka did not answer within {READ_DEADLINE_S:g} s")
