"""What Kafka has of a partition, walked beside the leaves of its log."""

from __future__ import annotations

from collections.abc import Iterator
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
    """

    records: Iterator[Record]
    ids: Ids
    low: int
    read_to: int
    keeps: bool
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
        message = self._message(record)
        if message is None:
            return "its record on Kafka cannot be read"
        fresh = self._fresh(message)
        if leaf_of(message, record.value or b"") != data:
            return "its record on Kafka says something else"
        return "" if fresh else "its record on Kafka repeats an earlier one"

    def beyond(self) -> tuple[str, str] | None:
        """An event behind the last leaf that should have one: its id, and what is wrong."""
        return self._pass(self.read_to)

    def _pass(self, end: int) -> tuple[str, str] | None:
        """Records before `end` need no leaf, or one of them does."""
        while (record := self._peek()) is not None and record.offset < end:
            self._next = None
            message = self._message(record)
            if message is None or not audit.PROJECTION.wants(type(message.event)):
                continue
            if self._fresh(message):
                place = f"{record.topic}/{record.partition}/{record.offset}"
                event = message.envelope.message_id
                return event, f"event {event} stands on Kafka at {place} and has no leaf"
        return None

    def _message(self, record: Record) -> Message[Any] | None:
        try:
            return wire.read(record, self.ids)
        except (ValueError, LookupError):
            return None  # readers set it aside as well

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
