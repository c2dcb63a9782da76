"""What holds for every decider."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as generated
from hypothesis import strategies as st

from commands import COMMANDS, DECIDERS
from commands.decider import Decider
from events import EVENTS
from schemas.catalog import key_of
from schemas.samples import samples_of


def test_every_command_has_exactly_one_decider() -> None:
    handled = [kind for decider in DECIDERS for kind in decider.commands]
    assert sorted(handled, key=str) == sorted(COMMANDS, key=str)


def test_every_decider_has_its_own_name_and_events() -> None:
    names = [decider.name for decider in DECIDERS]
    told = [kind for decider in DECIDERS for kind in decider.events]
    assert len(set(names)) == len(names)
    assert len(set(told)) == len(told)
    assert set(told) <= set(EVENTS)


@pytest.mark.parametrize("decider", DECIDERS, ids=lambda decider: decider.name)
@generated(data=st.data())
def test_any_commands_in_any_order(decider: Decider[Any, Any, Any], data: st.DataObject) -> None:
    """Total and idempotent, and every event is one that it declares, keyed by its stream."""
    kinds: tuple[Any, ...] = decider.commands
    samples: list[Any] = [sample for kind in kinds for sample in samples_of(kind)]
    state = decider.initial
    for command in data.draw(st.lists(st.sampled_from(samples), max_size=12)):
        for event in decider.decide(command, state):
            assert type(event) in decider.events
            assert key_of(event) == decider.stream(command)
            state = decider.evolve(state, event)
        assert decider.decide(command, state) == ()
