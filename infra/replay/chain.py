"""The tape recomputed: stage by stage beside what was recorded, in lockstep, in little memory.

What a stage reads is what was recorded, so every stage is judged by itself: a difference in a bar
does not make all that follows differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from events.envelope import Event
from infra.replay.ahead import Ahead
from infra.replay.found import Count, Mismatch
from infra.replay.share import WHOLE, Share
from infra.run.processing import (
    DEAD_LETTERS,
    Foreseen,
    Known,
    Partition,
    Stage,
    fresh,
    place_of,
    sequence_of,
)
from infra.stream import wire
from infra.stream.wire import FRAME_BYTES, Headers, Ids, Outgoing, Record
from schemas.catalog import TYPES
from schemas.codec import plan_of

BATCH = 500
"""Inputs of a stage that are worked out together."""
Choose = Callable[[Record | None], Stage]
"""The stage that made a record, or any that fits. Only inference has several, one for a model."""
_packed = msgspec.msgpack.Encoder().encode
LOCAL_ID_FIRST = 2**31
"""Schema ids of what is recomputed here: no registry gives them, and none is asked to."""


class LocalIds:
    """Reads with the registry's ids, writes with ids of its own: nothing is registered."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._kinds = list(TYPES.values())
        self._writers: dict[int, tuple[str, object]] = {}

    def id_of(self, kind: type[Event]) -> int:
        """An id of this process."""
        return LOCAL_ID_FIRST + self._kinds.index(kind)

    def writer(self, schema_id: int) -> tuple[str, object]:
        """The class and schema of an id, wherever it is from."""
        known = self._writers.get(schema_id)
        if known is None:
            known = self._writers[schema_id] = self._asked(schema_id)
        return known

    def _asked(self, schema_id: int) -> tuple[str, object]:
        if schema_id < LOCAL_ID_FIRST:
            return self._ids.writer(schema_id)
        kind = self._kinds[schema_id - LOCAL_ID_FIRST]
        return kind.__name__, plan_of(kind).schema


class Link:
    """One stage of a partition's share, with what it wrote and the link that reads that."""

    def __init__(
        self,
        stage: Stage,
        number: int,
        recorded: Iterator[Record] | None,
        ids: Ids,
        following: Link | None,
        share: Share = WHOLE,
        choose: Choose | None = None,
    ) -> None:
        self.name = stage.processor.name
        self.count = Count()
        self.first: Mismatch | None = None
        self._stage = stage
        self._choose = choose
        self._source = stage.source(number)
        self._partition: Partition = fresh(number)
        self._recorded = None if recorded is None else Ahead(recorded, self._source, share)
        self._ids = ids
        self._following = following
        self._share = share
        self._handed_on = 0
        self._waiting: list[Record] = []
        self._unjudged: set[int] = set()
        self._known: dict[int, Event] = {}
        self._hashes: dict[bytes, hashlib._Hash] = {}

    def hashes(self) -> dict[str, str]:
        """Of all that was recomputed and judged: by key, in order."""
        return {key.hex(): each.hexdigest() for key, each in self._hashes.items()}

    def feed_all(self, records: Sequence[Record], judged_from: int) -> None:
        """Recompute what records cause. Of those before this offset only the state is folded."""
        self._waiting += records
        if records and records[0].offset < judged_from:
            self._unjudged.update(r.offset for r in records if r.offset < judged_from)
        if len(self._waiting) >= BATCH:
            self._work()

    def feed(self, record: Record, judged: bool, event: Event | None = None) -> None:
        """The same with one; `event` is what the record says, where that is known."""
        self._waiting.append(record)
        if not judged:
            self._unjudged.add(record.offset)
        if event is not None:
            self._known[record.offset] = event
        if len(self._waiting) >= BATCH:
            self._work()

    def finish(self, judged: bool, end_offset: int = 0) -> None:
        """What still waits; then what is recorded for inputs up to here, and not recomputed.

        Inputs end at `end_offset`, or with what was fed.
        """
        self._work()
        if self._recorded is not None:
            end = sequence_of((max(end_offset, self._partition.next_offset), 0))
            self._pass_until(end, judged)
            self._hand_on_others(end, judged)
        if self._following is not None:
            self._following.finish(judged)

    def _work(self) -> None:
        waiting, self._waiting = self._waiting, []
        unjudged, self._unjudged = self._unjudged, set()
        known, self._known = self._known, {}
        records = [record for record in waiting if self._share.has(record.key)]
        self.count.inputs += len(records) - sum(record.offset in unjudged for record in records)
        for output in self._outputs(records, known) if records else ():
            if output.topic != DEAD_LETTERS:
                sequence = wire.place_of(output.headers)[1]
                counts = place_of(sequence)[0] not in unjudged
                if counts:
                    self._hash(output)
                self._compare(sequence, output, counts)
        if waiting:
            self._partition.next_offset = waiting[-1].offset + 1

    def _hash(self, output: Outgoing) -> None:
        """Key, headers and value, without the schema's id, which another registry gives anew."""
        known = self._hashes.get(output.key)
        if known is None:
            known = self._hashes[output.key] = hashlib.sha256(output.topic.encode())
        known.update(_packed((output.headers, output.value[FRAME_BYTES:])))

    def _outputs(self, records: Sequence[Record], known: Known) -> Iterable[Outgoing]:
        """What the records cause, in order."""
        if self._choose is None:
            yield from self._stage.advance_all(self._partition, records, known)
            return
        foreseen: dict[Stage, Foreseen] = {}
        for record in records:
            stage = self._choose(self._ahead())
            if stage not in foreseen:
                foreseen[stage] = stage.foreseen(records, known)
            yield from stage.advance(self._partition, record, foreseen[stage])

    def _ahead(self) -> Record | None:
        """What was recorded next."""
        return None if self._recorded is None else self._recorded.ours()

    def _compare(self, sequence: str, output: Outgoing, judged: bool) -> None:
        if self._recorded is None:
            self.count.equal += judged
            self._hand_on_recomputed(output, judged)
            return
        self._pass_until(sequence, judged)
        record = self._recorded.ours()
        if record is None and sequence > self._recorded.reached:
            self.count.not_yet_recorded += judged
        elif record is None or self._recorded.sequence != sequence:
            # Missing, although the host has been there: if for keys of another share alone.
            self._differs(sequence, output, None, judged)
        elif self._equal(output, record):
            self.count.equal += judged
            self._take(judged, output.event)
        else:
            self._differs(sequence, output, record, judged)
            self._take(judged)

    def _pass_until(self, sequence: str, judged: bool) -> None:
        """Take what is recorded before `sequence`. Of our source there should be nothing."""
        recorded = self._recorded
        while recorded is not None and (record := recorded.ours()) is not None:
            if recorded.sequence >= sequence:
                return
            self._differs(recorded.sequence, None, record, judged)
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

    def _hand_on_others(self, end: str, judged: bool) -> None:
        """What other shares wrote before `end`: that far goes what the next link can judge."""
        assert self._recorded is not None
        if self._following is not None:
            for record in self._recorded.others(end):
                self._following.feed(record, judged)

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
        self, sequence: str, output: Outgoing | None, record: Record | None, judged: bool
    ) -> None:
        if judged:
            self.count.different += 1
            if self.first is None:
                self.first = Mismatch(self.name, sequence, output, record)


def _same(ours: Headers, theirs: Sequence[tuple[str, bytes]]) -> bool:
    """In any order: in ours at once, as our own hosts write them."""
    return ours == theirs or dict(ours) == dict(theirs)
