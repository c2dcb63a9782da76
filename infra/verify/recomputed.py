"""The last check: what was computed and decided on the ticks comes out again, to the same bits."""

from __future__ import annotations

from multiprocessing import cpu_count

from infra.config import Config
from infra.replay.level import Level
from infra.replay.range import EARLIEST, LATEST, where
from infra.replay.run import Outcome, replay
from infra.stream.schema_ids import SchemaIds
from infra.verify.verdict import Verdict


def recomputed(config: Config) -> Verdict:
    """Replay the whole tape and compare; what has not been recorded counts against it too."""
    ids = SchemaIds(config)
    earliest, latest, jobs = where(EARLIEST), where(LATEST), cpu_count()
    outcome = replay(
        config, ids, earliest, latest, verify=True, shown=_unseen, jobs=jobs, level=Level.R3
    )
    return verdict(outcome)


def verdict(outcome: Outcome) -> Verdict:
    """All equal, nothing different, nothing missing, and something to compare."""
    counts = outcome.counts
    missing = sum(count.not_yet_recorded for count in counts.values())
    equal = ", ".join(f"{count.equal:,} {name}" for name, count in counts.items())
    holds = not outcome.different and not missing and all(c.equal for c in counts.values())
    detail = f"{equal} equal, {outcome.different} different, {missing} missing"
    return Verdict("everything computed is recomputed bit for bit", holds, detail)


def _unseen(_done: int, _total: int) -> None:
    """A drill shows its verdicts, not its progress."""
