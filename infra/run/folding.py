"""One projection at work: messages in, rows and the place on the tape out, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from events.envelope import Message
from infra.proofs.leaves import Appender
from infra.run.intake import Taken
from infra.run.part import Part
from infra.store.canaries import Canary
from infra.store.copying import Copying
from infra.store.offsets import Advance, Cursors, MarkKey, mark_key
from infra.store.postgres import Connection, Cursor
from infra.store.read_models import Build
from infra.store.rows import BatchRows
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
        self,
        projection: Projection,
        conninfo: str,
        cursors: dict[Place, Cursors],
        log: Appender | None = None,
        build: Build = Build.LIVE,
    ) -> None:
        self.projection = projection
        self.cursors = cursors
        self.build = build
        self.behind = set(cursors)
        """Partitions whose end we have not seen since the start."""
        self._conninfo = conninfo
        self._log = log
        self._copying = Copying()
        self._rows = BatchRows()
        self._latest_of = projection.latest
        self._latest: dict[str, Message[Any]] = {}
        self._steps: dict[Place, Step] = {}
        self._canary: Canary | None = None
        self._wanted: dict[type, bool] = {}

    def fold(self, place: Place, taken: Taken) -> int:
        """Fold what we have not had of what was taken of a partition.

        Says how many were repeats of messages that stood earlier on the tape.
        """
        cursor, messages = self.cursors.get(place), taken.messages
        if cursor is None or taken.next_offset <= cursor.next_offset:
            return 0
        step = self._step(place)
        step.next_offset = taken.next_offset
        fresh = messages
        if messages and _offset(messages[0]) < cursor.next_offset:
            fresh = [m for m in messages if _offset(m) >= cursor.next_offset]
        repeats = sum(self._repeated(cursor, step, message, taken.values) for message in fresh)
        for message in self._latest.values():
            self.projection.apply(self._rows, message)
        self._latest.clear()
        return repeats

    def at_end(self, place: Place, offset: int) -> None:
        """The partition ends here; up to here stand only marks of Kafka's own transactions."""
        self.behind.discard(place)
        cursor = self.cursors.get(place)
        if cursor is not None and offset > cursor.next_offset:
            step = self._step(place)
            step.next_offset = max(step.next_offset, offset)

    def pass_by(self, canary: Canary) -> None:
        """The next commit tells that this one has come so far."""
        self._canary = canary

    def write(self, cursor: Cursor) -> None:
        """Write rows alone: for who keeps no place, and reads from the beginning each time."""
        self._rows.send(cursor)

    def remember(self) -> None:
        """Move the cursors on to what was written alone, with the marks set on the way."""
        for place, step in self._steps.items():
            self.cursors[place].take(self._advance(place, step))
        self._steps.clear()

    def cut(self) -> Part | None:
        """What has been folded since the last cut, None of nothing; from now on we stand after it.

        It may be committed by another thread while we go on, in the order of the cuts.
        """
        if not self._steps and self._canary is None:
            return None
        steps = [self._advance(place, step) for place, step in sorted(self._steps.items())]
        rows, self._rows = self._rows, BatchRows()
        canary, self._canary = self._canary, None
        self._steps.clear()
        for step in steps:
            self.cursors[step.topic, step.partition].take(step)
        leaves = None if self._log is None else self._log.cut()
        return Part(self.projection, self.build, rows, self._copying, leaves, canary, steps)

    def commit(self, connection: Connection) -> None:
        """Write rows and places; `Superseded` if another process has done so meanwhile."""
        part = self.cut()
        if part is not None:
            part.commit(connection, self._conninfo)

    def _repeated(
        self, cursor: Cursors, step: Step, message: Message[Any], values: Mapping[int, bytes]
    ) -> bool:
        kind = type(message.event)
        wanted = self._wanted.get(kind)
        if wanted is None:
            wanted = self._wanted[kind] = self.projection.wants(kind)
        if not wanted:
            return False
        mark, sequence = mark_key(message), message.envelope.sequence
        seen = step.marks.get(mark) or cursor.marks.get(mark)
        if seen is not None and sequence <= seen:
            return True
        step.marks[mark] = sequence
        if self._latest_of is None:
            self.projection.apply(self._rows, message)
        else:
            self._latest[self._latest_of(message.event)] = message
        if self._log is not None:
            self._log.add(message, values[_offset(message)])
        return False

    def _step(self, place: Place) -> Step:
        step = self._steps.get(place)
        if step is None:
            step = self._steps[place] = Step(self.cursors[place].next_offset)
        return step

    def _advance(self, place: Place, step: Step) -> Advance:
        old = self.cursors[place].next_offset
        return Advance(*place, old, step.next_offset, tuple(sorted(step.marks.items())))


def _offset(message: Message[Any]) -> int:
    assert message.position is not None  # it was read from the tape
    return message.position.offset
