"""Which places have stopped in read models that go on: records wait there, and nothing moves.

A canary (`canaries.py`) shows that a read model is folded at all, but has a topic of its own. That
one partition is held, by a record that cannot be used, its own records show: a place is stored with
the rows, so it moves only if one has come the whole way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from read_api.store import Standing
from read_api.tape import TapeTopic

STALLED_S = 3.0
"""A place is stored at least once a second while anything moves."""

Place = tuple[str, str, int]
"""A read model, a topic and a partition."""


@dataclass(slots=True)
class Stalls:
    """What waits, where each place was seen last, and since when it is there."""

    _since: dict[Place, tuple[int, float]] = field(default_factory=dict)

    def look(
        self, standings: Iterable[Standing], topics: Iterable[TapeTopic], now_s: float
    ) -> tuple[str, ...]:
        """The places that have not moved for `STALLED_S` though a record waits, as text."""
        ends = {(t.topic, e.partition): e.next_offset for t in topics for e in t.partitions}
        waiting: dict[Place, tuple[int, float]] = {}
        for standing in standings:
            for at, offset in standing.places.items():
                place = (standing.name, *at)
                if offset < ends.get(at, 0):
                    seen = self._since.get(place)
                    waiting[place] = seen if seen and seen[0] == offset else (offset, now_s)
        self._since = waiting
        return tuple(
            f"{name} at {topic}/{partition}/{offset}"
            for (name, topic, partition), (offset, since_s) in sorted(waiting.items())
            if now_s - since_s >= STALLED_S
        )
