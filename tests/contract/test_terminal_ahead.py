"""What is said ahead of calls speeds them up, where there is a way to go, and changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from infra.mt5 import constants as mt5
from infra.mt5.remote import AHEAD_S, RemoteTerminal
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.clock import VirtualClock
from infra.mt5.terminal import Terminal
from infra.mt5.venue import VenueServer
from tests.infra.mt5 import worlds
from tests.infra.mt5.worlds import LOGIN, START_MS, WORLDS, World, opened, settings

SUCCESS = (mt5.RES_S_OK, "Success")


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with WORLDS[request.param](settings()) as made:
        yield made


@pytest.fixture
def terminal(world: World) -> Terminal:
    return world.ready()


def test_what_is_said_ahead_changes_no_answer(world: World, terminal: Terminal) -> None:
    calls: list[tuple[Any, ...]] = [("account_info",), ("positions_get",)]
    terminal.ahead(*calls, ("symbol_info_tick", "EURUSD"))
    as_said = (
        terminal.account_info(),
        terminal.positions_get(),
        terminal.symbol_info_tick("EURUSD"),
    )
    asked = (
        terminal.account_info(),
        terminal.positions_get(),
        terminal.symbol_info_tick("EURUSD"),
    )
    assert as_said == asked
    terminal.ahead(*calls, ("symbol_info_tick", "NOWHERE"))
    assert terminal.symbol_info_tick("EURUSD") == asked[2]  # others came than were said
    assert (terminal.account_info(), terminal.positions_get()) == asked[:2]
    terminal.ahead(("symbol_info_tick", "NOWHERE"), *calls)
    assert terminal.symbol_info_tick("NOWHERE") is None
    assert terminal.last_error()[0] != mt5.RES_S_OK
    assert terminal.account_info() == asked[0]
    assert terminal.last_error() == SUCCESS
    terminal.ahead(*calls)
    assert terminal.initialize()  # a new link owes nothing of the old one
    assert terminal.positions_get() == asked[1]
    world.terminal(LOGIN).ahead(*calls)  # without a link nothing is asked, and nothing fails


def test_what_others_did_since_it_was_said_is_seen_by_the_next_question(
    world: World, terminal: Terminal
) -> None:
    terminal.ahead(("positions_get",), ("account_info",))
    position = opened(world.ready())
    terminal.account_info()  # not what was said first: all of it is forgone
    assert position.ticket in {held.ticket for held in terminal.positions_get() or ()}


def test_an_answer_is_of_when_it_was_asked_and_not_used_when_old() -> None:
    server = VenueServer(Broker(worlds.settings(), VirtualClock(START_MS)), "127.0.0.1", 0)
    terminal, other = (RemoteTerminal(server.address, str(LOGIN)) for _ in range(2))
    try:
        assert terminal.initialize()
        assert other.initialize()
        terminal.ahead(("positions_get",))
        assert terminal.positions_get() == ()
        terminal.ahead(("positions_get",))
        position = opened(other)
        time.sleep(AHEAD_S * 1.2)
        assert terminal.positions_get() == (position,)
        assert terminal.account_info() == other.account_info()
    finally:
        terminal.shutdown()
        other.shutdown()
        server.close()
