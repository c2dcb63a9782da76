"""Replays for tests: a tape recomputed whole and dealt out, which must come to the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

from infra.config import Config
from infra.replay import run as replay_run
from infra.replay.apart import Shown, in_turn
from infra.replay.part import Part
from infra.replay.range import EARLIEST, LATEST, where
from infra.replay.run import Outcome
from infra.stream.wire import Ids
from tests.infra.market import IDS

JOBS = 6
"""So many that every partition is divided by keys."""


def replayed(config: Config, start: str = EARLIEST, end: str = LATEST) -> Outcome:
    """What a replay finds, and that it finds the same when the keys are dealt out."""
    whole, dealt = (_replayed(config, start, end, jobs) for jobs in (1, JOBS))
    assert (counts(dealt), dealt.ticks) == (counts(whole), whole.ticks)
    assert dealt.digest == whole.digest
    assert (dealt.first is None) is (whole.first is None)
    return whole


def _replayed(config: Config, start: str, end: str, jobs: int) -> Outcome:
    def here(config: Config, ids: Ids, parts: Sequence[Part], shown: Shown, _: int) -> Any:
        assert any(part.share.count > 1 for part in parts)
        return in_turn(config, ids, parts, shown)

    with patch.object(replay_run, "side_by_side", here):
        return replay_run.replay(
            config, IDS, where(start), where(end), verify=True, shown=lambda *_: None, jobs=jobs
        )


def counts(outcome: Outcome) -> dict[str, tuple[int, int, int]]:
    return {
        name: (count.equal, count.different, count.not_yet_recorded)
        for name, count in outcome.counts.items()
    }
