"""The tape recomputed: stage by stage beside what was recorded, in lockstep, in little memory.

What a stage reads is what was recorded, so every stage is judged by itself: a difference in a bar
does not make all that follows differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from events.envelope import Event
from infra import wire
from infra.run.processing import (
    DEAD_LETTERS,
    Foreseen,
    Partition,
    Place,
    Stage,
    fresh,
    place_of,
)
from infra.wire import Headers, Ids, Outgoing, Record
from schemas.catalog import TYPES
from schemas.codec import plan_of

BATCH = 500
"""Inputs worked out together by a stage that is faster so."""
Fed = tuple[Record, bool, Event | None]
LOCAL_ID_FIRST = 2**31
"""Schema ids of what is recomputed here: no registry gives them, and none is asked to."""


class LocalIds:
    """Reads with the registry's ids, writes with ids of its own: nothing is registered."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._kinds = list(TYPES.values())

    def id_of(self, kind: type[Event]) -> int:
        """An id of this process."""
        return LOCAL_ID_FIRST + self._kinds.index(kind)

    def writer(self, schema_id: int) -> tuple[str, object]:
        """The class and schema of an id, wherever it is from."""
        if schema_id < LOCAL_ID_FIRST:
            return self._ids.writer(schema_id)
        kind = self._kinds[schema_id - LOCAL_ID_FIRST]
        return kind.__name__, plan_of(kind).schema


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One difference. Of `recomputed` and `recorded`, one may be missing."""

    stage: str
    place: Place
    recomputed: Outgoing | None
    recorded: Record | None


@dataclass(slots=True)
class Count:
    """What came of one stage."""

    inputs: int = 0
    equal: int = 0
    different: int = 0
    not_yet_recorded: int = 0

    @property
    def compared(self) -> int:
        """Messages that were held against what was recorded."""
        return self.equal + self.different

    def add(self, other: Count) -> None:
        """Sum up."""
        self.inputs += other.inputs
        self.equal += other.equal
        self.different += other.different
        self.not_yet_recorded += other.not_yet_recorded


class Stages(Protocol):
    """Which stage made an output. Only inference has more than one, a model each."""

    def stage(self, recorded: Record | None) -> Stage:
        """The stage that made `recorded`; any that fits if there is nothing recorded."""


class One:
    """Always the same stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def stage(self, recorded: Record | None) -> Stage:
        """The stage."""
        del recorded
        return self._stage


class Link:
    """One stage of one partition, with the records that it wrote and the link that reads them."""

    def __init__(
        self,
        stages: Stages,
        number: int,
        recorded: Iterator[Record] | None,
        ids: Ids,
        following: Link | None,
    ) -> None:
        stage = stages.stage(None)
        self.name = stage.processor.name
        self.count = Count()
        self.first: Mismatch | None = None
        self._stages = stages
        self._source = stage.source(number).encode()
        self._partition: Partition = fresh(number)
        self._recorded = _Ahead(recorded) if recorded is not None else None
        self._ids = ids
        self._following = following
        self._handed_on = 0
        self._waiting: list[Fed] = []
        self._at_once = BATCH if stage.processor.batch is not None else 1

    def feed(self, record: Record, judged: bool, event: Event | None = None) -> None:
        """Recompute what a record causes. Unless `judged`, only the state is folded.

        `event` is what the record says, where that is known.
        """
        self._waiting.append((record, judged, event))
        if len(self._waiting) >= self._at_once:
            self._work()

    def finish(self, judged: bool) -> None:
        """What still waits; then what is recorded for inputs already fed, and not recomputed."""
        self._work()
        if self._recorded is not None:
            self._pass_until((self._partition.next_offset, -1), judged)
        if self._following is not None:
            self._following.finish(judged)

    def _work(self) -> None:
        waiting, self._waiting = self._waiting, []
        records = [record for record, _, _ in waiting]
        known = {record.offset: event for record, _, event in waiting if event is not None}
        foreseen: dict[Stage, Foreseen] = {}
        for record, judged, _ in waiting:
            self.count.inputs += judged
            ahead = self._recorded.ours(self._source) if self._recorded is not None else None
            stage = self._stages.stage(ahead)
            if stage not in foreseen:
                foreseen[stage] = stage.foreseen(records, known)
            outputs = stage.advance(self._partition, record, foreseen[stage])
            for index, output in enumerate(outputs):
                if output.topic != DEAD_LETTERS:
                    self._compare((record.offset, index), output, judged)

    def _compare(self, place: Place, output: Outgoing, judged: bool) -> None:
        if self._recorded is None:
            self.count.equal += judged
            self._hand_on_recomputed(output, judged)
            return
        self._pass_until(place, judged)
        record = self._recorded.ours(self._source)
        if record is None:
            self.count.not_yet_recorded += judged
        elif _place(record) != place:
            self._differs(place, output, None, judged)
        elif self._equal(output, record):
            self.count.equal += judged
            self._take(judged, output.event)
        else:
            self._differs(place, output, record, judged)
            self._take(judged)

    def _pass_until(self, place: Place, judged: bool) -> None:
        """Take what is recorded before `place`. Of our source there should be nothing."""
        recorded = self._recorded
        while recorded is not None and (record := recorded.ours(self._source)) is not None:
            if _place(record) >= place:
                return
            self._differs(_place(record), None, record, judged)
            self._take(judged)

    def _take(self, judged: bool, event: Event | None = None) -> None:
        """Go past the next record of our source; all up to it are read by the next link.

        A record that was found equal need not be decoded: it says what was recomputed, `event`.
        """
        assert self._recorded is not None
        *before, ours = self._recorded.taken()
        if self._following is not None:
            for record in before:
                self._following.feed(record, judged)
            self._following.feed(ours, judged, event)

    def _hand_on_recomputed(self, output: Outgoing, judged: bool) -> None:
        if self._following is not None:
            offset, self._handed_on = self._handed_on, self._handed_on + 1
            number = self._partition.number
            record = Record(output.topic, number, offset, output.key, output.value, output.headers)
            self._following.feed(record, judged, output.event)

    def _equal(self, output: Outgoing, record: Record) -> bool:
        """The same key, identity and value, bit for bit.

        A value that was written with an older schema is compared as what it means today.
        """
        if output.key != record.key or not _same(output.headers, record.headers):
            return False
        if record.value is None or output.value[5:] == record.value[5:]:
            return record.value is not None
        name, writer = self._ids.writer(int.from_bytes(record.value[1:5], "big"))
        if writer is plan_of(TYPES[name]).schema:
            return False
        theirs = Record(record.topic, 0, 0, output.key, output.value, output.headers)
        return wire.event_of(record, self._ids) == wire.event_of(theirs, self._ids)

    def _differs(
        self, place: Place, output: Outgoing | None, record: Record | None, judged: bool
    ) -> None:
        if judged:
            self.count.different += 1
            if self.first is None:
                self.first = Mismatch(self.name, place, output, record)


class _Ahead:
    """Records with a look at the next one of a source. Repeats are passed over, as readers do."""

    def __init__(self, records: Iterator[Record]) -> None:
        self._records = records
        self._held: list[Record] = []
        self._found = False
        self._marks: dict[tuple[str, bytes | None], str] = {}

    def ours(self, source: bytes) -> Record | None:
        """The next record of `source`, which stays; None at the end."""
        while not self._found:
            record = next(self._records, None)
            if record is None:
                return None
            origin, sequence = wire.place_of(record.headers)
            if sequence <= self._marks.get((origin, record.key), ""):
                continue
            self._marks[origin, record.key] = sequence
            self._held.append(record)
            self._found = origin.encode() == source
        return self._held[-1]

    def taken(self) -> Sequence[Record]:
        """All records up to and with that one."""
        held, self._held, self._found = self._held, [], False
        return held


def _same(ours: Headers, theirs: Sequence[tuple[str, bytes]]) -> bool:
    """In any order: in ours at once, as our own hosts write them."""
    return ours == theirs or dict(ours) == dict(theirs)


def _place(record: Record) -> Place:
    return place_of(wire.place_of(record.headers)[1])
