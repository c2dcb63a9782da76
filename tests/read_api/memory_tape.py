"""A tape in memory: `read_api.tape.Tape` for tests that are not about Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from events.envelope import Message
from infra.stream.tail import mark_of
from projections import audit
from read_api.tape import Extent, Heard, TapeAway, TapeTopic
from schemas.catalog import TOPICS


def heard(message: Message[Any]) -> Heard:
    """A message as those who follow get it."""
    assert message.position is not None
    return Heard(
        partition=message.position.partition,
        offset=message.position.offset,
        body=msgspec.json.encode(audit.told(message)),
        type=type(message.event).__name__,
        symbol=getattr(message.event, "symbol", ""),
        account=getattr(message.event, "account", ""),
        mark=mark_of(message, message.position.partition),
        sequence=message.envelope.sequence,
    )


class MemoryTape:
    """Records by topic and partition. `held` is how many of the newest the tail remembers."""

    def __init__(self, messages: Iterable[Message[Any]] = (), held: int = 3) -> None:
        self.growth = 0
        self.away = False
        self._held = held
        self._records: dict[tuple[str, int], list[Heard]] = {
            (topic.name, n): [] for topic in TOPICS for n in range(topic.partitions)
        }
        for message in messages:
            self.add(message)

    def add(self, message: Message[Any]) -> None:
        """One more record, at the offset that its position says."""
        assert message.position is not None
        place = (message.position.topic, message.position.partition)
        self._records[place].append(heard(message))
        self.growth += 1

    def knows(self, topic: str) -> bool:
        return any(topic == name for name, _ in self._records)

    async def topics(self) -> tuple[TapeTopic, ...]:
        found = []
        for topic in TOPICS:
            carries = tuple(kind.__name__ for kind in topic.carries)
            extents = await self.extents(topic.name)
            found.append(
                TapeTopic(
                    topic=topic.name,
                    key=topic.key,
                    carries=carries,
                    decisions=topic.decisions,
                    partitions=extents,
                )
            )
        return tuple(found)

    async def extents(self, topic: str) -> tuple[Extent, ...]:
        self._demand()
        return tuple(
            Extent(partition=n, first_offset=0, next_offset=self._end(topic, n))
            for name, n in self._records
            if name == topic
        )

    async def read(
        self, topic: str, partition: int, start: int, end: int, limit: int
    ) -> tuple[Sequence[Heard], int]:
        self._demand()
        records = [r for r in self._records[topic, partition] if start <= r.offset < end][:limit]
        return records, records[-1].offset + 1 if records else min(end, self._end(topic, partition))

    @asynccontextmanager
    async def tail(self, topic: str) -> AsyncIterator[MemoryTail]:
        self._demand()
        yield MemoryTail(self, topic)

    def _end(self, topic: str, partition: int) -> int:
        records = self._records[topic, partition]
        return records[-1].offset + 1 if records else 0

    def _demand(self) -> None:
        if self.away:
            raise TapeAway("Kafka does not answer")


class MemoryTail:
    """The newest few records of a topic."""

    def __init__(self, tape: MemoryTape, topic: str) -> None:
        self._tape = tape
        self._topic = topic

    @property
    def growth(self) -> int:
        return self._tape.growth

    def after(self, partition: int, offset: int) -> Sequence[Heard] | None:
        records = self._tape._records[self._topic, partition]
        newest = records[-self._tape._held :]
        first = newest[0].offset if newest else 0
        return [r for r in newest if r.offset >= offset] if offset >= first else None

    async def grown(self, growth: int, timeout_s: float) -> None:
        deadline_s = asyncio.get_running_loop().time() + timeout_s
        while self.growth == growth and asyncio.get_running_loop().time() < deadline_s:
            await asyncio.sleep(0.005)
