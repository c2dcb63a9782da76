"""A replay: partition by partition, ticks through all stages, beside what was recorded."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

from infra.config import Config
from infra.replay.apart import Shown, in_turn, side_by_side
from infra.replay.found import Count, Mismatch
from infra.replay.part import TICKS, Found, Part
from infra.replay.range import EARLIEST, LATEST, Where, offsets
from infra.replay.share import dealt
from infra.run.promotions import promoted
from infra.stream import kafka, tape
from infra.stream.wire import Ids


@dataclass(slots=True)
class Outcome:
    """What a replay found, stage by stage, and the first difference in full."""

    seconds: float = 0.0
    ticks: int = 0
    counts: dict[str, Count] = field(default_factory=dict)
    first: Mismatch | None = None
    model_digest: str | None = None
    """The model promoted last. Without one, nothing is predicted and nothing signalled."""

    def add(self, found: Sequence[Found]) -> None:
        """Take in one partition."""
        self.ticks += found[0].count.inputs
        for link in found:
            self.counts.setdefault(link.name, Count()).add(link.count)
            self.first = self.first or link.first

    @property
    def different(self) -> int:
        """Differences of all stages."""
        return sum(count.different for count in self.counts.values())

    @property
    def not_yet_recorded(self) -> int:
        """Recomputed messages that have no counterpart on the tape yet."""
        return sum(count.not_yet_recorded for count in self.counts.values())

    @property
    def not_compared(self) -> tuple[str, ...]:
        """Stages that had something to compare and nothing to compare it with.

        If no stage had anything to compare, all of them.
        """
        if not any(count.compared for count in self.counts.values()):
            return tuple(self.counts)
        return tuple(
            name
            for name, count in self.counts.items()
            if count.inputs and count.not_yet_recorded and not count.compared
        )


def replay(
    config: Config, ids: Ids, start: Where, end: Where, *, verify: bool, shown: Shown, jobs: int = 1
) -> Outcome:
    """Recompute what the ticks from `start` to `end` cause, and with `verify` compare it.

    The state at `start` is folded from the beginning of the tape. Nothing is written anywhere.
    With several `jobs` the partitions are dealt out to as many processes, this one among them; one
    that holds more than its part is divided by keys.
    """
    outcome = Outcome()
    began_s = time.monotonic()
    with tape.reader(config) as client:
        starts = offsets(config, client, TICKS, start, EARLIEST)
        ends = offsets(config, client, TICKS, end, LATEST)
        digest = outcome.model_digest = promoted(config, client, ids)
        name, total = kafka.topic_name(config, TICKS), max(1, sum(ends.values()))
        parts = [
            Part(n, starts[n], ends[n], digest, verify, share)
            for n in sorted(ends)
            for share in dealt(client, name, n, ends[n], max(1, ceil(ends[n] * jobs / total)))
        ]
    alone = jobs == 1 or len(parts) == 1
    for found in (
        in_turn(config, ids, parts, shown)
        if alone
        else side_by_side(config, ids, parts, shown, jobs)
    ):
        outcome.add(found)
    outcome.seconds = time.monotonic() - began_s
    return outcome
