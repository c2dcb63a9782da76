"""A gateway whose terminal is behind an agent, or two of them, does what it does without one."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from infra.mt5.agent.client import AgentLink, AgentPulse, AgentTerminal
from infra.mt5.agent.owner import Account, Owner
from infra.mt5.agent.pool import Pool
from infra.mt5.agent.pooled import PoolLink, PoolTerminal
from infra.mt5.agent.server import AgentServer
from infra.mt5.simulator.faults import FaultRule
from infra.mt5.simulator.terminal import simulated_terminal
from tests.infra.mt5.agent.issued import agent_keys, platform_keys
from tests.infra.mt5.floor import LOGIN, SYMBOLS, Floor, Sending


@pytest.fixture(params=["one agent", "a pool of two"])
def floor(request: pytest.FixtureRequest) -> Iterator[Floor]:
    """A floor whose gateway was started behind agents."""
    with ExitStack() as made:

        def agent(port: Any) -> str:
            server = AgentServer(Owner(port, Account(LOGIN)), LOGIN, agent_keys(LOGIN))
            made.callback(server.close)
            return server.address

        def link(address: str) -> AgentLink:
            return AgentLink(lambda: address, LOGIN, platform_keys(), 30.0)

        def feel(address: str) -> AgentPulse:
            return AgentPulse(address, LOGIN, platform_keys())

        def behind(port: Any) -> Any:
            if not hasattr(port, "order_send"):
                return port
            beside = Sending(simulated_terminal(made_floor.broker, LOGIN), made_floor.sent)
            addresses = [agent(each) for each in (port, beside)]
            if request.param == "one agent":
                far: Any = AgentTerminal(lambda: addresses[0], LOGIN, platform_keys(), 30.0)
            else:
                pool = Pool(lambda: addresses, feel, 30.0, random.Random(1))
                made.callback(pool.close)
                far = PoolTerminal(PoolLink(pool, link))
            made.callback(far.shutdown)
            return far

        made_floor = Floor()
        made_floor.start(behind)
        yield made_floor


def test_an_order_is_sent_once_and_its_fill_recorded(floor: Floor) -> None:
    floor.accept("x/open")
    floor.rest()
    assert floor.story("x/open")[-1] == "OrderFilled"
    floor.close("x/close", opened_by="x/open")
    floor.rest()
    assert (floor.sends_of("x/open"), floor.sends_of("x/close")) == (1, 1)
    floor.check_books()


def test_orders_of_several_symbols_each_go_once(floor: Floor) -> None:
    for symbol in SYMBOLS:
        floor.accept(f"x/{symbol}", symbol)
    floor.rest()
    for symbol in SYMBOLS:
        assert floor.story(f"x/{symbol}")[-1] == "OrderFilled"
        assert floor.sends_of(f"x/{symbol}") == 1
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
