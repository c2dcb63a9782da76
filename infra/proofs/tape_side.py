"""What Kafka has of a partition, walked beside the leaves of its log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from events.envelope import Message
from infra.proofs.leaf import Leaf, leaf_of
from infra.store.offsets import MarkKey, mark_key, mark_of
from infra.stream import wire
from infra.stream.wire import Ids, Record
from projections import audit


@dataclass
class TapeSide:
    """The records of a partition from `low`, of which those before `read_to` have been audited.

    `keeps`: nothing may be gone from the topic; else its oldest records end with their time.
    `instead`: what a person has ruled is to be read in the place of a record that cannot be read.
    """

    records: Iterator[Record]
    ids: Ids
    low: int
    read_to: int
    keeps: bool
    instead: Callable[[Record], Sequence[Record] | None] = lambda _: None
    _next: Record | None = None
    _ended: bool = False
    _marks: dict[MarkKey, str] = field(default_factory=dict)

    def at(self, leaf: Leaf, data: bytes) -> str:
        """What does not agree with the next leaf; nothing if all does."""
        if leaf.offset < self.low:
            self._mark(leaf.envelope.source, leaf.key, leaf.envelope.sequence)
            return "its record is gone from Kafka" if self.keeps else ""
        passed = self._pass(leaf.offset)
        if passed:
            return passed[1]
        record = self._peek()
        if record is None or record.offset != leaf.offset:
            return "its record is gone from Kafka"
        self._next = None
        read = self._read(record)
        if read is None:
            return "its record on Kafka cannot be read"
        message, value = read
        fresh = self._fresh(message)
        if leaf_of(message, value) != data:
            return "its record on Kafka says something else"
        return "" if fresh else "its record on Kafka repeats an earlier one"

    def beyond(self) -> tuple[str, str] | None:
        """An event behind the last leaf that should have one: its id, and what is wrong."""
        return self._pass(self.read_to)

    def _pass(self, end: int) -> tuple[str, str] | None:
        """Records before `end` need no leaf, or one of them does."""
        while (record := self._peek()) is not None and record.offset < end:
            self._next = None
            read = self._read(record)
            if read is None or not audit.PROJECTION.wants(type(read[0].event)):
                continue
            message = read[0]
            if self._fresh(message):
                place = f"{record.topic}/{record.partition}/{record.offset}"
                event = message.envelope.message_id
                return event, f"event {event} stands on Kafka at {place} and has no leaf"
        return None

    def _read(self, record: Record) -> tuple[Message[Any], bytes] | None:
        """What readers make of a record, and the bytes they make it of; they set aside the rest."""
        try:
            return wire.read(record, self.ids), record.value or b""
        except (ValueError, LookupError):
            released = self.instead(record) or ()
        for whole in released:
            return wire.read(whole, self.ids), whole.value or b""
        return None

    def _fresh(self, message: Message[Any]) -> bool:
        key, sequence = mark_key(message), message.envelope.sequence
        if sequence <= self._marks.get(key, ""):
            return False
        self._marks[key] = sequence
        return True

    def _mark(self, source: str, key: str, sequence: str) -> None:
        self._marks[mark_of(source, key)] = sequence

    def _peek(self) -> Record | None:
        if self._next is None and not self._ended:
            self._next = next(self.records, None)
            self._ended = self._next is None
        return self._next
