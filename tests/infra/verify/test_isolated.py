"""The platform that is drilled has nothing in common with one that runs, but is like it."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.config import Config
from infra.verify.drill import isolated


@pytest.mark.parametrize("agents", ["", "local"])
def test_it_is_like_the_copy_that_asks_for_it_in_a_place_of_its_own(
    tmp_path: Path, agents: str
) -> None:
    given = {"TAPEDECK_AGENTS": agents, "TAPEDECK_SEED": "11", "TAPEDECK_KAFKA": "k:9092"}
    ours = Config.load(given)
    drilled = isolated(ours, tmp_path)
    assert (drilled.agents, drilled.seed) == (ours.agents, 11)
    assert (drilled.home, drilled.external) == (tmp_path, frozenset())
    assert drilled.ports != ours.ports
