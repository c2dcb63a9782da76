"""A gateway whose terminal is behind an agent does what it does without one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from infra.mt5.agent.client import AgentTerminal
from infra.mt5.agent.owner import Account, Owner
from infra.mt5.agent.server import AgentServer
from infra.mt5.simulator.faults import FaultRule
from tests.infra.mt5.agent.issued import agent_keys, platform_keys
from tests.infra.mt5.floor import LOGIN, Floor


@pytest.fixture
def floor() -> Iterator[Floor]:
    """A floor whose gateway was started behind an agent."""
    with ExitStack() as made:

        def behind(port: Any) -> Any:
            if not hasattr(port, "order_send"):
                return port
            server = AgentServer(Owner(port, Account(LOGIN)), LOGIN, agent_keys(LOGIN))
            made.callback(server.close)
            far = AgentTerminal(lambda: server.address, LOGIN, platform_keys(), 30.0)
            made.callback(far.shutdown)
            return far

        floor = Floor()
        floor.start(behind)
        yield floor


def test_an_order_is_sent_once_and_its_fill_recorded(floor: Floor) -> None:
    floor.accept("x/open")
    floor.rest()
    assert floor.story("x/open")[-1] == "OrderFilled"
    floor.close("x/close", opened_by="x/open")
    floor.rest()
    assert (floor.sends_of("x/open"), floor.sends_of("x/close")) == (1, 1)
    floor.check_books()


@pytest.mark.parametrize(
    ("kind", "ends"), [("lose_after", "OrderFilled"), ("lose_before", "OrderNotExecuted")]
)
def test_a_lost_answer_is_looked_up_and_never_sent_again(
    floor: Floor, kind: Any, ends: str
) -> None:
    floor.spoil(FaultRule(kind=kind))
    floor.accept("x/open")
    floor.rest()
    story = floor.story("x/open")
    assert "OrderUnresolved" in story
    assert story[-1] == ends
    assert floor.sends_of("x/open") == 1
    floor.check_books()
