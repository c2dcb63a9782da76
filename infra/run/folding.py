"""One projection at work: messages in, rows and the place on the tape out, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from events.envelope import Message
from infra import offsets, read_models
from infra.offsets import Advance, Cursors, MarkKey, mark_key
from infra.postgres import Connection
from infra.rows import BatchRows
from projections.projection import Projection

Place = tuple[str, int]
"""A topic of the catalog, and a partition of it."""


@dataclass(slots=True)
class Step:
    """How far a partition has been read since the last commit, and the marks set on the way."""

    next_offset: int
    marks: dict[MarkKey, str] = field(default_factory=dict)


class Folding:
    """A projection, where it stands in each partition, and what it has not committed yet.

    After any exception from here it is to be thrown away, and made again from what is stored.
    """

    def __init__(
        self, projection: Projection, conninfo: str, cursors: dict[Place, Cursors]
    ) -> None:
        self.projection = projection
        self.cursors = cursors
        self._conninfo = conninfo
        self._rows = BatchRows()
        self._steps: dict[Place, Step] = {}
        self._wanted: dict[type, bool] = {}
        self.folded = 0

    def take(self, place: Place, offset: int, message: Message[Any] | None) -> bool:
        """Fold the message at this place, unless that has been done; None if it could not be read.

        False if it was a repeat of a message that stood earlier on the tape.
        """
        cursor = self.cursors.get(place)
        if cursor is None or offset < cursor.next_offset:
            return True
        step = self._step(place)
        step.next_offset = offset + 1
        return message is None or self._fold(cursor, step, message)

    def pass_to(self, place: Place, offset: int) -> None:
        """Nothing for us stands before this offset: what is there belongs to Kafka's transactions."""
        cursor = self.cursors.get(place)
        if cursor is not None and offset > cursor.next_offset:
            step = self._step(place)
            step.next_offset = max(step.next_offset, offset)

    def commit(self, connection: Connection) -> None:
        """Write rows and places; `Superseded` if another process has done so meanwhile."""
        if not self._steps:
            return
        steps = [self._advance(place, step) for place, step in sorted(self._steps.items())]
        with connection.pipeline(), connection.transaction(), connection.cursor() as cursor:
            read_models.enter(cursor, self._conninfo, self.projection)
            self._rows.send(cursor)
            offsets.advance(cursor, self.projection.consumer, steps)
        for step in steps:
            self.cursors[step.topic, step.partition].take(step)
        self._steps.clear()
        self.folded = 0

    def _fold(self, cursor: Cursors, step: Step, message: Message[Any]) -> bool:
        kind = type(message.event)
        wanted = self._wanted.get(kind)
        if wanted is None:
            wanted = self._wanted[kind] = self.projection.wants(kind)
        if not wanted:
            return True
        mark, sequence = mark_key(message), message.envelope.sequence
        seen = step.marks.get(mark) or cursor.marks.get(mark)
        if seen is not None and sequence <= seen:
            return False
        step.marks[mark] = sequence
        self.projection.apply(self._rows, message)
        self.folded += 1
        return True

    def _step(self, place: Place) -> Step:
        step = self._steps.get(place)
        if step is None:
            step = self._steps[place] = Step(self.cursors[place].next_offset)
        return step

    def _advance(self, place: Place, step: Step) -> Advance:
        old = self.cursors[place].next_offset
        return Advance(*place, old, step.next_offset, tuple(sorted(step.marks.items())))
