"""A replay: partition by partition, ticks through all stages, beside what was recorded."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from math import ceil

from infra.config import Config
from infra.models.environment import environment_digest
from infra.replay.apart import Shown, in_turn, side_by_side
from infra.replay.decided import Decided, decided_again, moments
from infra.replay.decisions import ALWAYS
from infra.replay.found import Count, Mismatch
from infra.replay.level import Level
from infra.replay.part import TICKS, Found, Part
from infra.replay.proven import has_logs, proven
from infra.replay.range import EARLIEST, LATEST, Where, offsets
from infra.replay.reread import reread
from infra.replay.resumed import over
from infra.replay.roles import environments
from infra.replay.share import dealt
from infra.run.promotions import promoted
from infra.stream import kafka, tape
from infra.stream.wire import Ids
from processors.bars import BARS


@dataclass(slots=True)
class Outcome:
    """What a replay found, stage by stage, and the first difference in full."""

    seconds: float = 0.0
    ticks: int = 0
    counts: dict[str, Count] = field(default_factory=dict)
    first: Mismatch | None = None
    model_digest: str | None = None
    """The model promoted last. Without one, nothing is predicted and nothing signalled."""
    level: Level = Level.R2
    events: int = 0
    """All that was read or run again: ticks, what came of them, and entries of the log."""
    hashes: dict[str, str] = field(default_factory=dict)
    environments: set[str] = field(default_factory=set)
    here: str = ""
    """The environment that it was run again in."""

    def add(self, found: Sequence[Found]) -> None:
        """Take in one partition."""
        self.ticks += found[0].count.inputs if found[0].name in (TICKS, BARS.name) else 0
        for link in found:
            self.counts.setdefault(link.name, Count()).add(link.count)
            self.first = self.first or link.first
            self.environments |= link.environments
            self.hashes |= {f"{link.name}/{key}": text for key, text in link.hashes.items()}
        self.events += sum(link.count.inputs for link in found) + found[-1].count.compared

    def decide(self, decided: Decided) -> None:
        """Take in the decisions."""
        self.counts |= decided.counts
        self.first = self.first or decided.first
        self.environments |= decided.environments
        self.hashes["log"] = decided.digest
        self.events += decided.entries

    def prove(self, found: Found) -> None:
        """Take in what the signed logs say of what was read."""
        self.counts[found.name] = found.count
        self.first = self.first or found.first

    @property
    def digest(self) -> str:
        """One hash over all that was run again, whatever it was dealt out to."""
        return sha256(json.dumps(self.hashes, sort_keys=True).encode()).hexdigest()

    @property
    def elsewhere(self) -> frozenset[str]:
        """Other environments than this one, in which what was recorded was made."""
        return frozenset(self.environments - {self.here, ""})

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
    config: Config,
    ids: Ids,
    start: Where,
    end: Where,
    *,
    verify: bool,
    shown: Shown,
    jobs: int = 1,
    level: Level = Level.R2,
    resumes: bool = False,
) -> Outcome:
    """Recompute what the ticks from `start` to `end` cause, and with `verify` compare it.

    The state at `start` is folded from the beginning of the tape. Nothing is written anywhere.
    With `resumes` the parts that are done are kept until all are: an interrupted replay goes on.
    With several `jobs` the partitions are dealt out to as many processes, this one among them; one
    that holds more than its part is divided by keys.
    """
    outcome = Outcome(level=level, here=environment_digest(config))
    began_s = time.monotonic()
    if level is Level.R0:
        for found in reread(config, ids, start, end, shown):
            outcome.add([found])
        if has_logs(config):
            outcome.prove(proven(config))
    else:
        _run_again(config, ids, (start, end), (verify, resumes), shown, jobs, outcome)
    outcome.seconds = time.monotonic() - began_s
    return outcome


def _run_again(
    config: Config,
    ids: Ids,
    between: tuple[Where, Where],
    wanted: tuple[bool, bool],
    shown: Shown,
    jobs: int,
    outcome: Outcome,
) -> None:
    verify, resumes = wanted
    with tape.reader(config) as client:
        starts = offsets(config, client, TICKS, between[0], EARLIEST)
        ends = offsets(config, client, TICKS, between[1], LATEST)
        digest = outcome.model_digest = promoted(config, client, ids)
        outcome.environments |= environments(config, client, ids, outcome.level, between[1])
        judged = moments(config, client, starts, ends) if outcome.level is Level.R3 else ALWAYS
        name, total = kafka.topic_name(config, TICKS), max(1, sum(ends.values()))
        parts = [
            Part(n, starts[n], ends[n], digest, verify, share, outcome.level, resumes)
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
    if resumes:
        over(config)
    if outcome.level is Level.R3:
        outcome.decide(decided_again(config, ids, judged, shown))
