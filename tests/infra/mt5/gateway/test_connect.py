"""When a link is made anew: after waits that grow, soon once an agent is back, never if refused."""

from __future__ import annotations

import random
from typing import Any

import pytest

from infra.mt5 import constants as mt5
from infra.mt5.gateway.connect import SOON_S, Connector
from infra.mt5.gateway.health import Identity

LOOK_S = 0.1
AWAY = (mt5.RES_E_INTERNAL_FAIL_INIT, "nobody listens")
WRONG = (mt5.RES_E_AUTH_FAILED, "Authorization failed")


class Clock:
    """Moves when somebody looks."""

    def __init__(self) -> None:
        self.s = 100.0

    def now_us(self) -> int:
        return round(self.s * 1_000_000)

    def monotonic_s(self) -> float:
        return self.s

    def sleep(self, seconds: float) -> None:
        self.s += seconds


class Terminal:
    """Cannot be linked; `well` is the life of its agent, `tries_s` when a link was tried."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.well = ""
        self.error = AWAY
        self.tries_s: list[float] = []

    def terminal_info(self) -> None:
        return None

    def initialize(self, **_: Any) -> bool:
        self.tries_s.append(self._clock.s)
        return False

    def last_error(self) -> tuple[int, str]:
        return self.error

    def life(self) -> str:
        return self.well


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def terminal(clock: Clock) -> Terminal:
    return Terminal(clock)


@pytest.fixture
def connector(clock: Clock, terminal: Terminal) -> Connector:
    made: Any = terminal
    return Connector(made, clock, random.Random(1))


def watch(connector: Connector, clock: Clock, seconds: float) -> None:
    until_s = clock.s + seconds
    while clock.s < until_s:
        connector.look(Identity(1, ""))
        clock.sleep(LOOK_S)


def test_an_agent_that_is_back_is_not_waited_for(
    connector: Connector, clock: Clock, terminal: Terminal
) -> None:
    watch(connector, clock, 35.0)
    before = len(terminal.tries_s)
    back_s, terminal.well = clock.s, "second"
    watch(connector, clock, SOON_S + 2 * LOOK_S)
    assert len(terminal.tries_s) == before + 1
    assert back_s <= terminal.tries_s[-1] <= back_s + SOON_S + LOOK_S


def test_each_life_of_an_agent_is_tried_early_only_once(
    connector: Connector, clock: Clock, terminal: Terminal
) -> None:
    terminal.well = "first"
    watch(connector, clock, 300.0)
    steady = len(terminal.tries_s)
    assert steady <= 16, "waits grow although the agent looks well"
    for number in range(5):
        terminal.well = f"life {number}"
        watch(connector, clock, 2.0)
    assert steady + 5 <= len(terminal.tries_s) <= steady + 6


def test_those_who_wait_for_the_same_agent_do_not_come_all_at_once(clock: Clock) -> None:
    firsts: set[float] = set()
    for seed in range(8):
        waiting: Any = Terminal(clock)
        connector = Connector(waiting, clock, random.Random(seed))
        watch(connector, clock, 20.0)
        back_s, waiting.well = clock.s, "back"
        watch(connector, clock, 1.0)
        firsts.add(round(waiting.tries_s[-1] - back_s, 1))
    assert len(firsts) >= 3


def test_a_refused_login_is_not_tried_at_a_new_life(
    connector: Connector, clock: Clock, terminal: Terminal
) -> None:
    terminal.error = WRONG
    watch(connector, clock, 1.0)
    for number in range(20):
        terminal.well = f"life {number}"
        watch(connector, clock, 10.0)
    assert len(terminal.tries_s) == 1
