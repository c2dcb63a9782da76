"""What sagas said and deciders decided, run again entry by entry in the order of the log.

A saga's journal holds, in order, exactly what it had consumed: signals by the place of what caused
them, decisions by their number in the log. Replay feeds it that and nothing else, so what it then
says must be the journal's next entries, and what is decided on it the next entries of the streams.
What gateways and people brought in without a command on the tape is evidence: it is folded.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from commands import DECIDER_OF, DECIDERS
from events.envelope import Message
from events.execution import ExecutionOpened
from infra.replay.found import Count, Mismatch
from infra.run.hearing import Instance, remembered, speaks, unborn, written
from infra.store.draft import AnyDecider, Draft, Stream
from infra.store.recorders import StoredEvent
from infra.store.stored import Kept, entry_of, kept
from infra.stream import wire
from infra.stream.identity import EVENT_STORE
from infra.stream.wire import Ids, Outgoing, Record
from sagas import SAGAS

SAGA_OF = {saga.name: saga for saga in SAGAS}
DECIDER_NAMED: dict[str, AnyDecider] = {decider.name: decider for decider in DECIDERS}
SAGA, DECIDED, EVIDENCE, HEARD = "sagas", "decisions", "evidence", "consumed"
Judged = tuple[int, int]
"""The event times that are judged, in microseconds; the rest is folded."""
ALWAYS: Judged = (-(2**63), 2**63)


class Decisions:
    """The log, as far as it has been taken. `heard` and `commands` are on the tape alone."""

    def __init__(
        self,
        ids: Ids,
        heard: Mapping[str, Message[Any]],
        commands: Mapping[str, Message[Any]],
        judged: Judged = ALWAYS,
    ) -> None:
        self.counts = {name: Count() for name in (HEARD, SAGA, DECIDED, EVIDENCE)}
        self.first: Mismatch | None = None
        self.environments: set[str] = set()
        self._ids = ids
        self._heard, self._commands, self._judged = heard, commands, judged
        self._draft = Draft(self._found)
        self._instances: dict[str, Instance] = {}
        self._owed: defaultdict[str, deque[StoredEvent]] = defaultdict(deque)
        self._known: dict[str, tuple[bytes, int]] = {}
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """Over all that was run again or folded, in order."""
        return self._hash.hexdigest()

    def take(self, entry: StoredEvent, number: int) -> None:
        """The next entry of the log, and its number there."""
        found, stream = kept(entry), str(entry.originator_id)
        if stream.startswith("saga:"):
            self._journal(stream, entry, found)
        else:
            self._decided(stream, entry, found)
        if not found.heard:
            self._known[found.message.envelope.message_id] = (_said(found.message), number)

    def finish(self) -> None:
        """What is owed and never came."""
        for stream, owed in sorted(self._owed.items()):
            for entry in owed:
                self._differs(DECIDED, stream, entry, None)

    def _journal(self, stream: str, entry: StoredEvent, found: Kept) -> None:
        saga = SAGA_OF[stream.split(":", 2)[1]]
        instance = self._instances.get(stream) or unborn(saga, stream.split(":", 2)[2])
        if not found.heard:
            again = self._paid(SAGA, stream, entry)
            if again is None:  # a word that is not owed is folded as it stands
                self._instances[stream] = remembered(saga, instance, [found])
            self._decide(found.message if again is None else kept(again).message)
            return
        while self._owed[stream]:
            self._differs(SAGA, stream, self._owed[stream].popleft(), None)
        self._consumed(stream, entry, found.message)
        spoken = speaks(saga, remembered(saga, instance, [found]))
        self._owed[stream].extend(spoken.entries)
        self._instances[stream] = replace(written(spoken), wishes=())
        self._hashed(entry)

    def _decide(self, command: Message[Any]) -> None:
        """Have a command decided; what comes of it is owed by the streams."""
        self._draft.decide([(DECIDER_OF[type(command.event)], command)])
        for entry in self._draft.entries:
            self._owed[str(entry.originator_id)].append(entry)
            message = kept(entry).message
            self._known[message.envelope.message_id] = (_said(message), 0)
        self._draft.entries.clear()

    def _decided(self, stream: str, entry: StoredEvent, found: Kept) -> None:
        command = self._commands.get(found.message.envelope.causation_id or "")
        if not self._owed[stream] and command is not None:
            self._decide(command)
        if self._owed[stream]:
            self._paid(DECIDED, stream, entry)
        else:
            self._fold(stream, entry, found)
        if isinstance(found.message.event, ExecutionOpened):
            self.environments.add(found.message.event.environment_digest)

    def _fold(self, stream: str, entry: StoredEvent, found: Kept) -> None:
        """Evidence: it must follow what was there, and be written as it would be today."""
        decider = DECIDER_NAMED[stream.partition(":")[0]]
        known = self._draft.streams.get(stream) or Stream(0, decider.initial)
        again = entry_of(stream, known.version + 1, found.message)
        self._judge(EVIDENCE, stream, again, entry)
        self._draft.streams[stream] = known.grown(decider, found.message)

    def _consumed(self, stream: str, entry: StoredEvent, message: Message[Any]) -> None:
        """What a journal has heard is what stands on the tape, at the place that it names."""
        name, envelope = message.envelope.message_id, message.envelope
        if envelope.source != EVENT_STORE:
            on_tape = self._heard.get(name)
            same = on_tape is not None and replace(on_tape, position=None) == message
        else:
            said, number = self._known.get(name, (b"", 0))
            places = ("", f"{number:016d}") if number else ("",)
            same = said == _said(message) and envelope.sequence in places
        if self._is_judged(message):
            count = self.counts[HEARD]
            count.inputs += 1
            count.equal += same
        if not same:
            self._differs(HEARD, stream, None, entry)

    def _paid(self, stage: str, stream: str, entry: StoredEvent) -> StoredEvent | None:
        """The entry that was owed in its place; None if none was."""
        owed = self._owed[stream]
        if not owed:
            self._differs(stage, stream, None, entry)
            self._hashed(entry)
            return None
        again = owed.popleft()
        self._judge(stage, stream, again, entry)
        return again

    def _judge(self, stage: str, stream: str, again: StoredEvent, entry: StoredEvent) -> None:
        self._hashed(again)
        same = again == entry or _same(again, entry)
        if same and self._is_judged(kept(entry).message):
            self.counts[stage].inputs += 1
            self.counts[stage].equal += 1
        elif not same:
            self._differs(stage, stream, again, entry)

    def _differs(
        self, stage: str, stream: str, again: StoredEvent | None, entry: StoredEvent | None
    ) -> None:
        there = again or entry
        if there is None or not self._is_judged(kept(there).message):
            return
        self.counts[stage].inputs += stage != HEARD
        self.counts[stage].different += 1
        if self.first is None:
            at = f"{stream}@{there.originator_version}"
            ours, theirs = (self._written(each) for each in (again, entry))
            record = None
            if theirs is not None:
                place = (theirs.topic, 0, 0)
                record = Record(*place, theirs.key, theirs.value, theirs.headers)
            self.first = Mismatch(stage, at, ours, record)

    def _written(self, entry: StoredEvent | None) -> Outgoing | None:
        return None if entry is None else wire.write(kept(entry).message, self._ids)

    def _is_judged(self, message: Message[Any]) -> bool:
        start_us, end_us = self._judged
        return start_us <= message.envelope.time_us < end_us

    def _hashed(self, entry: StoredEvent) -> None:
        place = f"{entry.originator_id}@{entry.originator_version} {entry.topic} "
        self._hash.update(place.encode() + entry.state)

    def _found(self, missing: Mapping[str, AnyDecider]) -> dict[str, Stream]:
        return {stream: Stream(0, decider.initial) for stream, decider in missing.items()}


def _same(again: StoredEvent, entry: StoredEvent) -> bool:
    """Written with an older schema it is compared as what it means today."""
    return (again.originator_id, again.originator_version, again.topic) == (
        entry.originator_id,
        entry.originator_version,
        entry.topic,
    ) and kept(again) == kept(entry)


def _said(message: Message[Any]) -> bytes:
    """What a message says, wherever it stands."""
    envelope = replace(message.envelope, source="", sequence="")
    plain = repr((type(message.event).__name__, message.event, message.key, envelope))
    return hashlib.blake2b(plain.encode(), digest_size=16).digest()
