"""Following a topic: each message once, in order per partition, from any position, without a gap.

A subscription is a place in the tape that moves on, not a queue that fills up: whoever reads slowly
holds nothing here but that place. A reader that does not take what it was sent is let go, and can
resume where it was. What a producer wrote twice is recognised by source and sequence, among the
last `MARKS_MAX` keys; on a resume the marks of the `PRIMED` records before it are read again. So
the place to resume from never lies among repeats, where those might be repeats alone.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from read_api.problems import Problem, away, refused
from read_api.tape import Extent, Heard, Mark, Tail, Tape

BLOCK = 200
MARKS_MAX = 20_000
PRIMED = 1_000
LATEST, EARLIEST = "latest", "earliest"


@dataclass(frozen=True, slots=True)
class Limits:
    """What subscribers may take of us."""

    subscribers_max: int = 200
    slow_after_s: float = 10.0
    heartbeat_s: float = 15.0


class TooSlow(Exception):
    """The reader has not taken what it was sent for too long."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a subscriber asks for. Empty filters let everything pass."""

    topic: str
    start: str = LATEST
    symbol: str = ""
    account: str = ""
    types: frozenset[str] = frozenset()

    def wants(self, heard: Heard) -> bool:
        """Whether a record passes the filters. One that cannot be read passes them all."""
        return not heard.type or (
            self.symbol in ("", heard.symbol)
            and self.account in ("", heard.account)
            and (not self.types or heard.type in self.types)
        )


@dataclass(slots=True)
class Follower:
    """Where one subscription stands, and what it has seen on the way."""

    wish: Wish
    at: dict[int, int]
    marks: OrderedDict[Mark, str] = field(default_factory=OrderedDict)
    repeated: dict[int, int] = field(default_factory=dict)
    """Of each partition that we have only heard repeats of lately: where these begin."""

    @property
    def token(self) -> str:
        """The position to resume from: the next offset of each partition, or its last repeats."""
        places = {**self.at, **self.repeated}
        return ",".join(f"{partition}:{offset}" for partition, offset in sorted(places.items()))

    async def block(self, tape: Tape, tail: Tail, partition: int) -> Sequence[Heard]:
        """Some records that come next in a partition, from memory or from the tape."""
        held = tail.after(partition, self.at[partition])
        if held is not None:
            return held[:BLOCK]
        start = self.at[partition]
        records, go_on = await tape.read(self.wish.topic, partition, start, start + BLOCK, BLOCK)
        if not records:
            self.at[partition] = go_on
        return records

    def take(self, heard: Heard) -> bool:
        """Move past a record; whether it is one to be sent."""
        self.at[heard.partition] = heard.offset + 1
        if self._is_repeat(heard):
            self.repeated.setdefault(heard.partition, heard.offset)
            return False
        self.repeated.pop(heard.partition, None)
        return self.wish.wants(heard)

    def prime(self, records: Iterable[Heard]) -> None:
        """Remember records that were sent before we resumed."""
        for heard in records:
            self._is_repeat(heard)

    def _is_repeat(self, heard: Heard) -> bool:
        if heard.mark is None:
            return False
        seen = self.marks.get(heard.mark)
        if seen is not None and heard.sequence <= seen:
            return True
        self.marks[heard.mark] = heard.sequence
        self.marks.move_to_end(heard.mark)
        if len(self.marks) > MARKS_MAX:
            self.marks.popitem(last=False)
        return False


async def begun(tape: Tape, wish: Wish) -> Follower:
    """A follower at the wished place; a `Problem` if there is no such place."""
    if not tape.knows(wish.topic):
        raise Problem(404, "not-found", f"there is no topic {wish.topic}; /topics lists them")
    extents = await tape.extents(wish.topic)
    if wish.start in (LATEST, EARLIEST):
        newest = wish.start == LATEST
        places = {e.partition: e.next_offset if newest else e.first_offset for e in extents}
        return Follower(wish, places)
    follower = Follower(wish, _placed(wish.start, extents))
    for extent in extents:
        at = follower.at[extent.partition]
        before = max(extent.first_offset, at - PRIMED)
        records, _ = await tape.read(wish.topic, extent.partition, before, at, PRIMED)
        follower.prime(records)
    return follower


async def follow(
    tape: Tape,
    tail: Tail,
    follower: Follower,
    send: Callable[[Heard], Awaitable[None]],
    beat: Callable[[], Awaitable[None]],
    limits: Limits,
) -> None:
    """Send what comes, for ever. `TooSlow` if it is not taken."""
    heard_s = time.monotonic()
    while True:
        moved, growth = False, tail.growth
        for partition in sorted(follower.at):
            before = follower.at[partition]
            for heard in await follower.block(tape, tail, partition):
                if follower.take(heard):
                    await in_time(send(heard), limits)
                    heard_s = time.monotonic()
            moved = moved or follower.at[partition] > before
        if moved:
            await asyncio.sleep(0)  # the others' turn, however far behind we are
        elif time.monotonic() - heard_s >= limits.heartbeat_s:
            await in_time(beat(), limits)
            heard_s = time.monotonic()
        else:
            await tail.grown(growth, limits.heartbeat_s)


async def in_time(sending: Awaitable[None], limits: Limits) -> None:
    """Await what is being sent; `TooSlow` if it takes too long."""
    try:
        await asyncio.wait_for(sending, limits.slow_after_s)
    except TimeoutError as stuck:
        raise TooSlow(f"nothing was taken for {limits.slow_after_s:g} s") from stuck


class Seats:
    """How many may follow at once."""

    def __init__(self, limits: Limits, changed: Callable[[int], object]) -> None:
        self._limits = limits
        self._changed = changed
        self.taken = 0

    def __enter__(self) -> None:
        if self.taken >= self._limits.subscribers_max:
            raise away(f"all {self._limits.subscribers_max} subscriptions are taken", "full")
        self.taken += 1
        self._changed(self.taken)

    def __exit__(self, *_: object) -> None:
        self.taken -= 1
        self._changed(self.taken)


def _placed(token: str, extents: Sequence[Extent]) -> dict[int, int]:
    try:
        pairs = (pair.split(":") for pair in token.split(","))
        at = {int(partition): int(offset) for partition, offset in pairs}
    except ValueError:
        raise refused(
            f"from is {token}; give latest, earliest, or a position as in 0:120,1:98"
        ) from None
    if set(at) != {extent.partition for extent in extents}:
        raise refused(f"from is {token}; name each of the topic's {len(extents)} partitions once")
    for extent in extents:
        offset = at[extent.partition]
        if not extent.first_offset <= offset <= extent.next_offset:
            raise Problem(
                410,
                "position-gone",
                f"partition {extent.partition} holds {extent.first_offset} to "
                f"{extent.next_offset}, not {offset}: start at earliest or latest",
            )
    return at
