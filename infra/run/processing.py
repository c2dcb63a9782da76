"""A processor as records in, records out: what both hosts and the replay share.

Everything that decides what is written is here, so that the hosts write the same bytes.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from events.envelope import Event
from events.letters import DeadLettered
from infra.stream import dead_letters, headings, messages, wire
from infra.stream.consequences import Caused, caused_all, causes_of
from infra.stream.schema_ids import RegistryAway
from infra.stream.wire import Headers, Outgoing, Record, Unreadable
from processors.processor import Processor
from schemas import quick
from schemas.catalog import key_of, topic_of
from schemas.quick_columns import encode_all

Place = tuple[int, int]
"""Where an output stands in its source: offset of its cause, index among its siblings."""
BEFORE_ALL: Place = (-1, -1)
DEAD_LETTERS = "dead-letters"
Known = Mapping[int, Event]
"""By offset, an event that has been read already."""
UNKNOWN: Known = {}
Foreseen = Mapping[int, tuple[Event, tuple[Event, ...] | None]]
"""By offset, an event and what its step will emit, if that is known."""
NOTHING: Foreseen = {}
BATCH_MIN = 2

log = logging.getLogger(__name__)


class Partition(Struct):
    """All that a processor remembers of one partition of what it reads, up to `next_offset`."""

    number: int
    next_offset: int
    marks: dict[str, str]
    """The highest sequence seen per `source|key`: a repeat is not above it."""
    states: dict[str, Any]
    topic_id: str = ""
    """What Kafka calls the topic for itself; empty where it was never asked."""


def fresh(number: int) -> Partition:
    """A partition of which nothing was read yet."""
    return Partition(number, 0, {}, {})


class Stage:
    """A processor bound to the wire. It holds no state: that is in the `Partition`s."""

    def __init__(self, processor: Processor[Any, Any, Any], ids: wire.Ids) -> None:
        self.processor = processor
        self.reads = topic_of(processor.reads).name
        self.writes = tuple(sorted({topic_of(kind).name for kind in processor.writes}))
        self._ids = ids
        ids.id_of(DeadLettered)  # all are asked for now: a registry that is away splits no step
        self._frames = {
            kind: (topic_of(kind).name, headings.frame_of(ids.id_of(kind)))
            for kind in processor.writes
        }
        self._step = processor.step
        self._state_key = processor.key

    def source(self, partition: int) -> str:
        """The CloudEvents source of what is caused by a partition."""
        return f"processors/{self.processor.name}/{partition}"

    def advance(
        self, partition: Partition, record: Record, foreseen: Foreseen = NOTHING
    ) -> Sequence[Outgoing]:
        """What a record causes; `partition` moves past it.

        A record that cannot be used becomes a dead letter, alone. `RegistryAway` means that nothing
        happened: the same record is to be given again.
        """
        try:
            outputs = self._outputs(partition, record, foreseen)
        except RegistryAway:
            raise
        except Exception as cause:  # whatever it is, its neighbours are not to be lost with it
            log.warning("%s/%s: %s", self.source(record.partition), record.offset, cause)
            outputs = (self._letter(record, cause),)
        partition.next_offset = record.offset + 1
        return outputs

    def advance_all(
        self, partition: Partition, records: Sequence[Record], known: Known = UNKNOWN
    ) -> Sequence[Outgoing]:
        """What `advance` returns for each of one or more: made together, because that is faster.

        Where anything is out of the ordinary they are gone through one by one.
        """
        foreseen = self.foreseen(records, known)
        marks, states = dict(partition.marks), dict(partition.states)
        try:
            return self._together(partition, records, foreseen)
        except Exception as cause:  # advancing says of which record it is, and what becomes of it
            log.debug("%s records are not taken together: %s", len(records), cause)
        partition.marks, partition.states = marks, states
        return [out for record in records for out in self.advance(partition, record, foreseen)]

    def foreseen(self, records: Sequence[Record], known: Known = UNKNOWN) -> Foreseen:
        """What a batch of records of a partition says and will cause, as far as it can be foreseen.

        Only advancing makes it happen. A batch that cannot be used is left to that, one by one.
        """
        if len(records) < BATCH_MIN:
            return {offset: (event, None) for offset, event in known.items()}
        try:
            return self._foreseen(self._read_all(records, known))
        except Exception as cause:  # advancing says of which record it is, and what becomes of it
            log.debug("%s records are not foreseen: %s", len(records), cause)
            return NOTHING

    def _foreseen(self, events: Mapping[int, Event]) -> Foreseen:
        batch, kind = self.processor.batch, self.processor.reads
        if batch is None:
            return {offset: (event, None) for offset, event in events.items()}
        meant = {offset: event for offset, event in events.items() if type(event) is kind}
        outputs = batch(list(meant.values()))
        return {
            offset: (event, made)
            for (offset, event), made in zip(meant.items(), outputs, strict=True)
        }

    def _read_all(self, records: Sequence[Record], known: Known) -> Mapping[int, Event]:
        """The events by their offsets: those that are not known yet are read together."""
        unknown = [record for record in records if record.offset not in known]
        read = zip(unknown, wire.events_of(unknown, self._ids), strict=True)
        events = {record.offset: event for record, event in read}
        if known:
            events |= known
            return {record.offset: events[record.offset] for record in records}
        return events

    def _read(self, record: Record) -> Event:
        return wire.event_of(record, self._ids)

    def _outputs(
        self, partition: Partition, record: Record, foreseen: Foreseen
    ) -> Sequence[Outgoing]:
        taken = self._taken(partition, record, *wire.place_of(record.headers), foreseen)
        if taken is None:
            return ()
        name, state, events = taken
        outputs = self._written(record, events) if events else ()
        partition.states[name] = state
        return outputs

    def _together(
        self, partition: Partition, records: Sequence[Record], foreseen: Foreseen
    ) -> Sequence[Outgoing]:
        causes: list[Record] = []
        caused: list[Caused] = []
        places = messages.places_of([record.headers for record in records])
        for record, (source, sequence) in zip(records, places, strict=True):
            taken = self._taken(partition, record, source, sequence, foreseen)
            if taken is None:
                continue
            name, partition.states[name], events = taken
            if events:
                cause = len(causes)
                causes.append(record)
                for index, event in enumerate(events):
                    caused.append(Caused(cause, event, *self._place(record.offset, index)))
        outputs = self._written_together(partition.number, causes, caused) if caused else ()
        partition.next_offset = records[-1].offset + 1
        return outputs

    def _taken(
        self,
        partition: Partition,
        record: Record,
        source: str,
        sequence: str,
        foreseen: Foreseen,
    ) -> tuple[str, Any, Sequence[Event]] | None:
        """Of which state a record is, what becomes of it, and what follows; None of a repeat."""
        key = record.key
        if key is None:
            raise Unreadable("the key is null")
        mark = f"{source}|{key.decode()}"
        if sequence <= partition.marks.get(mark, ""):
            return None
        event, made = foreseen.get(record.offset) or (self._read(record), None)
        partition.marks[mark] = sequence
        if type(event) is not self.processor.reads:
            return None
        name = self._state_key(event)
        state = partition.states.get(name, self.processor.initial)
        state, events = self._step(state, event) if made is None else (state, made)
        if events and key_of(event).encode() != key:
            raise Unreadable(f"the key is {key!r} and the event is of {key_of(event)}")
        return name, state, events

    def _written(self, record: Record, events: Sequence[Event]) -> Sequence[Outgoing]:
        cause, source = dict(record.headers), self.source(record.partition)
        return [
            self._output(
                event,
                quick.encode(event),
                headings.caused(cause, event, source, *self._place(record.offset, index)),
            )
            for index, event in enumerate(events)
        ]

    def _written_together(
        self, number: int, causes: Sequence[Record], caused: Sequence[Caused]
    ) -> Sequence[Outgoing]:
        events = [one.event for one in caused]
        told = causes_of([record.headers for record in causes])
        headers = caused_all(self.source(number), told, caused)
        return list(map(self._output, events, encode_all(events), headers))

    def _place(self, offset: int, index: int) -> tuple[str, str]:
        """The sequence and the step of one of the events that follow from a record."""
        return sequence_of((offset, index)), f"{self.processor.name}.{index}"

    def _output(self, event: Event, payload: bytes, headers: Headers) -> Outgoing:
        topic, frame = self._frames[type(event)]
        return Outgoing(topic, key_of(event).encode(), frame + payload, headers, event)

    def _letter(self, record: Record, cause: Exception) -> Outgoing:
        consumer = f"processors/{self.processor.name}"
        return wire.write(dead_letters.letter(record, self.reads, consumer, cause), self._ids)


def sequence_of(place: Place) -> str:
    """A place as the sequence in the envelope: text that sorts as the place does."""
    return f"{place[0]:016d}.{place[1]:03d}"


def place_of(sequence: str) -> Place:
    """The place that a sequence states; `ValueError` if it is not one of a processor."""
    offset, _, index = sequence.partition(".")
    return int(offset), int(index)


def not_yet_written(
    outputs: Sequence[Outgoing], offset: int, tails: dict[str, Place]
) -> list[Outgoing]:
    """Those outputs of the record at `offset` that come after `tails`, the last place by topic."""
    return [
        output
        for index, output in enumerate(outputs)
        if (offset, index) > tails.get(output.topic, BEFORE_ALL)
    ]
