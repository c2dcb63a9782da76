"""`min_position=`: how much an answer must know, as people say it, and as positions.

A place on the tape says it, or a message: a command is a receipt then, and what is waited for is
all that was decided on it. Nobody has to be told what that was: it was decided when the deciders'
place has gone past the command, it is on the tape when the relay has gone past what the log of
decisions held then, and it is in a read model when that has gone past where the tape ended then.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from read_api.asked import known_only, whole
from read_api.asof import AsOf, on_tape
from read_api.problems import Problem, behind, refused
from read_api.store import Place, Standing, Store
from read_api.tape import Tape
from read_api.watch import Stood, Watch

PARAMETER, WAIT = "min_position", "wait_ms"
WAIT_DEFAULT_MS, WAIT_MAX_MS = 2_000, 10_000
MEANING = (
    "answer once this is folded: positions (`Tapedeck-Position` of an answer), a record "
    "(`topic/partition/offset`) or a message's id; a command (`tapedeck account` tells its place) "
    "stands for all that was decided on it"
)
WAIT_MEANING = f"how long `{PARAMETER}` may wait, 0 to {WAIT_MAX_MS} ms ({WAIT_DEFAULT_MS})"
REMEMBERED_MAX = 1_000

RECORDED = 'select topic, partition, "offset" from audit where message_id = %s'
LOG_END = "select coalesce(max(notification_id), 0) as last from stored_events"

Owed = Mapping[str, Mapping[Place, int]]
"""The next offsets that must have been reached, by the name of a projection, or of none for all."""


@dataclass(frozen=True, slots=True)
class Causes:
    """What leads where on the tape.

    `partitions` of each topic; the topics that a projection reads, by its name; the topics of what
    is decided on the commands of a topic. `decider`, and `relay` at its place in `log`, are names
    under which places are kept.
    """

    partitions: Mapping[str, int]
    read_by: Mapping[str, frozenset[str]]
    decided: Mapping[str, frozenset[str]]
    decider: str
    relay: str
    log: str


@dataclass(frozen=True, slots=True)
class Least:
    """What must be known, and until when that is waited for, by the monotonic clock."""

    asked: AsOf
    until_s: float


def least_of(asked: Mapping[str, str]) -> Least | None:
    """What is asked for, if it is; a `Problem` if it makes no sense."""
    text, wait = asked.get(PARAMETER), asked.get(WAIT)
    wait_ms = WAIT_DEFAULT_MS if wait is None else whole(wait)
    if wait_ms is None or wait_ms > WAIT_MAX_MS:
        raise refused(f"{WAIT} is {str(wait)[:60]}; give milliseconds, 0 to {WAIT_MAX_MS}")
    if text is None:
        if wait is not None:
            raise refused(f"{WAIT} says how long {PARAMETER} may wait; give that too")
        return None
    known_only({PARAMETER: text}, [PARAMETER])
    at = on_tape(PARAMETER, text)
    if at is None:
        raise refused(
            f"{PARAMETER} is {text[:60]!r}; give `Tapedeck-Position` of an answer, a record as in "
            "order-events/0/12, or a message's id"
        )
    return Least(at, time.monotonic() + wait_ms / 1_000)


class Receipts:
    """Says what read models owe to whoever asks for something."""

    def __init__(self, store: Store, watch: Watch, tape: Tape, causes: Causes) -> None:
        self._store = store
        self._watch = watch
        self._tape = tape
        self._causes = causes
        self._found: OrderedDict[str, Owed] = OrderedDict()

    async def owed(self, least: Least) -> Owed:
        """The positions that are meant; waits for what follows from a command to be on the tape."""
        asked = least.asked
        if asked.places:
            self._demand_known(place for places in asked.places.values() for place in places)
            return asked.places
        if (known := self._found.get(asked.text)) is not None:
            return known
        topic, partition, offset = asked.record or await self._recorded(least)
        self._demand_known([(topic, partition)])
        found = {(topic, partition): offset + 1}
        if topic in self._causes.decided:
            found |= await self._caused(least, topic, partition, offset)
        self._found[asked.text] = {"": found}
        if len(self._found) > REMEMBERED_MAX:
            self._found.popitem(last=False)
        return {"": found}

    def lacking(self, owed: Owed, standings: Iterable[Standing]) -> list[tuple[Standing, Place]]:
        """The places that are not reached; none are in topics that a projection does not read."""
        return [
            (standing, place)
            for standing in standings
            for place, offset in _owed_by(standing.name, owed).items()
            if place[0] in self._causes.read_by[standing.name]
            and standing.places.get(place, 0) < offset
        ]

    async def late(self, owed: Owed, lacks: list[tuple[Standing, Place]]) -> Problem:
        """Why nothing is answered: what is behind, or that the tape does not go so far."""
        standing, (topic, partition) = lacks[0]
        offset = _owed_by(standing.name, owed)[topic, partition]
        (end,) = [e for e in await self._tape.extents(topic) if e.partition == partition]
        if offset > end.next_offset:
            place = f"{topic}/{partition}"
            raise refused(f"{PARAMETER} is beyond the tape: {place} ends at {end.next_offset}")
        stands = f"{standing.name} stands at {standing.position or 'the beginning'}"
        return behind(f"{stands}, before {topic}={partition}:{offset}", standing.position)

    async def _recorded(self, least: Least) -> tuple[str, int, int]:
        """Where a message stands, once the audit trail has it."""
        seen: Mapping[Place, int] = {}
        while True:
            async with self._store.snapshot() as snapshot:
                rows = await snapshot.rows(RECORDED.encode(), (least.asked.message_id,))
            if rows:
                return rows[0]["topic"], rows[0]["partition"], rows[0]["offset"]
            stood = await self._watch.until(partial(_audited_more, seen), least.until_s)
            if stood is None:
                advice = "a tick is named by its place, as in market-data-events/0/12"
                raise behind(f"message {least.asked.message_id} is not known here yet; {advice}")
            seen = stood.models["audit"].places

    async def _caused(
        self, least: Least, topic: str, partition: int, offset: int
    ) -> dict[Place, int]:
        """Where the topics of what is decided on a command end, once it is decided and on them."""
        causes, place = self._causes, f"{topic}/{partition}/{offset}"
        if not await self._passed(least, causes.decider, (topic, partition), offset):
            raise behind(f"{place} is not decided yet")
        async with self._store.snapshot() as snapshot:
            (log,) = await snapshot.rows(LOG_END.encode())
        if not await self._passed(least, causes.relay, (causes.log, 0), log["last"]):
            raise behind(f"what was decided on {place} is not on the tape yet")
        return {
            (name, extent.partition): extent.next_offset
            for name in causes.decided[topic]
            for extent in await self._tape.extents(name)
        }

    async def _passed(self, least: Least, consumer: str, place: Place, offset: int) -> bool:
        stood = await self._watch.until(lambda s: s.passed(consumer, place, offset), least.until_s)
        return stood is not None

    def _demand_known(self, places: Iterable[Place]) -> None:
        for topic, partition in places:
            if not 0 <= partition < self._causes.partitions.get(topic, 0):
                raise refused(f"{PARAMETER}: there is no {topic}/{partition} on the tape")


def _audited_more(than: Mapping[Place, int], stood: Stood) -> bool:
    return "audit" in stood.models and stood.models["audit"].places != than


def _owed_by(name: str, owed: Owed) -> Mapping[Place, int]:
    """What is said of a projection; of one that is not named, the most that is said of any."""
    if name in owed:
        return owed[name]
    most: dict[Place, int] = {}
    for places in owed.values():
        for place, offset in places.items():
            most[place] = max(offset, most.get(place, 0))
    return most
