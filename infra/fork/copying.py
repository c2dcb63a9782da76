"""A topic copied byte for byte, each record at the very offset that it had.

Offsets are what recorded causes name, so a copy must have the same holes. Where one offset is
missing, a marker of Kafka's stood: the record before it is committed alone, which sets one. A
longer hole is filled by a transaction that is taken back: its records, and its marker.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from confluent_kafka import Consumer, Producer

from infra.config import Config
from infra.embedded.process import ServiceError
from infra.stream import kafka, tape, wire
from infra.stream.identity import EVENT_STORE
from infra.stream.wire import Record

FLUSH_S = 60.0
TRANSACTION_MS = 60_000
SETTLES_S = 30.0
LOOK_S = 0.002
FILLER = Record("", 0, 0, None, b"-", ())
LINGER_MS = 5
MARKED = 2
"""How far two records are apart between which one marker stands."""


@dataclass(slots=True)
class Copied:
    """How much was copied. `relayed`: the highest number in the log that the records tell of."""

    records: int = 0
    size_bytes: int = 0
    relayed: int = 0

    def take(self, record: Record) -> None:
        """One record more."""
        self.records += 1
        self.size_bytes += len(record.value or b"") + len(record.key or b"")
        source, sequence = wire.place_if_any(record.headers)
        if source == EVENT_STORE and sequence.isdecimal():
            self.relayed = max(self.relayed, int(sequence))


class Way:
    """One partition on its way: `at` is the next offset of the copy."""

    def __init__(self, number: int, records: Iterator[Record], end: int) -> None:
        self.number, self.at, self.end = number, 0, end
        self._records = records
        self._ahead = [next(records, None), next(records, None)]

    @property
    def over(self) -> bool:
        """Whether the copy is as long as it has to be."""
        return self.at >= self.end

    @property
    def hole(self) -> int:
        """How many offsets have no record before the next one, or the end."""
        return self._offset(0) - self.at

    def plain(self) -> Iterator[Record]:
        """The records up to the next that must be committed alone, or to the next hole."""
        while not (self.over or self.hole or self._marked):
            yield self._taken()

    def alone(self) -> Record | None:
        """The record that a marker follows, if it is the next."""
        if self.over or self.hole or not self._marked:
            return None
        record = self._taken()
        self.at += 1
        return record

    @property
    def _marked(self) -> bool:
        """Whether exactly one offset is missing after the next record."""
        return self._offset(1) - self._offset(0) == MARKED

    def _offset(self, place: int) -> int:
        record = self._ahead[place]
        return self.end if record is None else record.offset

    def _taken(self) -> Record:
        record = self._ahead[0]
        assert record is not None, "it is not over, and there is no hole"
        self._ahead = [self._ahead[1], next(self._records, None)]
        self.at = record.offset + 1
        return record


class Copier:
    """Two producers into the fork: a plain one, and one for what needs a marker."""

    def __init__(self, original: Config, fork: Config, copied: Copied) -> None:
        self._original, self._fork, self._copied = original, fork, copied
        self._plain = kafka.producer(fork, linger_ms=LINGER_MS)
        self._marking = kafka.producer(
            fork,
            transactional_id=kafka.group_name(fork, "fork"),
            delivery_timeout_ms=TRANSACTION_MS,
        )
        self._marking.init_transactions(FLUSH_S)

    def copy(self, topic: str, ends: dict[int, int], shown: Callable[[], None]) -> None:
        """A topic of the catalog, each partition up to its end."""
        name, source = kafka.topic_name(self._fork, topic), kafka.topic_name(self._original, topic)
        with ExitStack() as readers:
            looking = readers.enter_context(
                tape.reader(self._fork, isolation_level="read_uncommitted")
            )
            ways = [
                Way(number, _records(readers, self._original, source, number, end), end)
                for number, end in ends.items()
                if end
            ]
            while ways := [way for way in ways if not way.over]:
                self._round(name, ways)
                _settled(looking, name, ways)
                shown()

    def _round(self, name: str, ways: list[Way]) -> None:
        for way in ways:
            for record in way.plain():
                self._sent(self._plain, name, way.number, record)
        _flushed(self._plain)
        alone = [(way.number, last) for way in ways if (last := way.alone()) is not None]
        holes = [way for way in ways if way.hole]
        if alone:
            self._marking.begin_transaction()
            for number, last in alone:
                self._sent(self._marking, name, number, last)
            self._marking.commit_transaction(FLUSH_S)
        elif holes:
            self._fill(name, holes)

    def _fill(self, name: str, holes: list[Way]) -> None:
        self._marking.begin_transaction()
        for way in holes:
            if way.hole == 1:
                raise ServiceError(
                    f"{name}/{way.number} has a hole of one offset at {way.at} that no record "
                    "precedes: its offsets cannot be kept, so it cannot be forked"
                )
            for _ in range(way.hole - 1):
                _put(self._marking, name, way.number, FILLER)
            way.at += way.hole
        _flushed(self._marking)
        self._marking.abort_transaction(FLUSH_S)

    def _sent(self, producer: Producer, name: str, number: int, record: Record) -> None:
        self._copied.take(record)
        _put(producer, name, number, record)


def _put(producer: Producer, name: str, number: int, record: Record) -> None:
    while True:
        try:
            producer.produce(
                name,
                record.value,
                record.key,
                number,
                timestamp=record.timestamp_ms,
                headers=list(record.headers),
            )
        except BufferError:  # what is queued has to go out first
            producer.poll(LOOK_S)
        else:
            return


def _flushed(producer: Producer) -> None:
    if producer.flush(FLUSH_S):
        raise ServiceError(f"Kafka has not taken all of the copy within {FLUSH_S:.0f} s")


def _settled(client: Consumer, name: str, ways: list[Way]) -> None:
    """A broker sets markers after it has said that it would: until then nothing may follow."""
    deadline_s = time.monotonic() + SETTLES_S
    for way in ways:
        while (high := tape.bounds(client, name, way.number)[1]) < way.at:
            if time.monotonic() > deadline_s:
                raise ServiceError(f"{name}/{way.number} is at {high} and should be at {way.at}")
            time.sleep(LOOK_S)
        if high > way.at:
            raise ServiceError(f"{name}/{way.number} is at {high}, beyond {way.at}: who writes?")


def _records(
    readers: ExitStack, config: Config, name: str, number: int, end: int
) -> Iterator[Record]:
    client = readers.enter_context(tape.reader(config))
    low, high = tape.bounds(client, name, number)
    return (
        record for batch in tape.read(client, name, number, low, min(end, high)) for record in batch
    )
