"""Agents of one account come with the load and are drained before they go, on virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from infra.mt5.agent.contract import Pulse
from infra.mt5.agent.crew import DRAIN_S, Crew
from infra.mt5.agent.keeper import Keeper
from infra.mt5.agent.scaling import Bounds, Rules

RULES = Rules(sends_per_s_each=10.0, up_after_s=3.0, down_after_s=20.0)


@dataclass
class Made:
    """A keeper without an agent: what was asked of it, and what its agent would say."""

    number: int
    story: list[str] = field(default_factory=lambda: ["started"])
    sent: int = 0
    waited_s: float = 0.0
    function: str = ""

    @property
    def pulse(self) -> Pulse:
        counts = (self.sent, self.waited_s)
        return Pulse(f"{self.number}", 1, self.function, 0.0, 0, 0, None, "", False, *counts)

    def look(self) -> None:
        pass

    def withdraw(self) -> None:
        self.story.append("withdrawn")

    def offer(self) -> None:
        self.story.append("offered")

    def stop(self) -> None:
        self.story.append("stopped")


class Hall:
    """A crew whose time and load a test decides."""

    def __init__(self, bounds: Bounds) -> None:
        self.now_s = 0.0
        self.made: list[Made] = []
        self.crew = Crew(self.keeper, bounds, RULES, lambda: self.now_s)

    def keeper(self, number: int) -> Keeper:
        made: Any = Made(number)
        self.made.append(made)
        return made  # type: ignore[no-any-return] # it does what a crew asks of a keeper

    def pass_by(self, seconds: int, sends_per_s: int = 0, waited_s: float = 0.0) -> None:
        for _ in range(seconds):
            self.now_s += 1.0
            self.made[0].sent += sends_per_s
            self.made[0].waited_s += waited_s * sends_per_s
            self.crew.look()

    @property
    def running(self) -> int:
        return len(self.crew.keepers)


def test_a_second_agent_comes_with_the_load() -> None:
    hall = Hall(Bounds(1, 2))
    hall.pass_by(10, sends_per_s=5)
    assert hall.running == 1
    hall.pass_by(10, sends_per_s=15)
    assert hall.running == 2
    assert [made.number for made in hall.made] == [1, 2]


def test_orders_that_wait_are_load_too() -> None:
    hall = Hall(Bounds(1, 2))
    hall.pass_by(10, sends_per_s=1, waited_s=0.5)
    assert hall.running == 2


def test_an_agent_is_withdrawn_first_and_stopped_when_it_is_done() -> None:
    hall = Hall(Bounds(1, 2))
    hall.pass_by(10, sends_per_s=15)
    last = hall.made[1]
    last.function = "order_send"
    hall.pass_by(21 + int(DRAIN_S))
    assert hall.running == 1
    hall.pass_by(30)
    assert last.story == ["started", "withdrawn"], "it is at work"
    assert hall.crew.draining
    last.function = ""
    hall.pass_by(1)
    assert last.story[-1] == "stopped"
    assert not hall.crew.draining
    assert hall.made[0].story == ["started"]


def test_one_that_is_leaving_is_kept_if_it_is_needed_again() -> None:
    hall = Hall(Bounds(1, 2))
    hall.pass_by(10, sends_per_s=15)
    hall.made[1].function = "order_send"
    hall.pass_by(25)
    assert hall.crew.draining
    hall.pass_by(10, sends_per_s=15)
    assert hall.made[1].story == ["started", "withdrawn", "offered"]
    assert (hall.running, len(hall.made)) == (2, 2)


def test_a_fixed_number_is_there_from_the_start_and_all_end_with_the_crew() -> None:
    hall = Hall(Bounds(3, 3))
    hall.pass_by(100)
    assert hall.running == 3
    hall.crew.stop()
    assert [made.story for made in hall.made] == [["started", "stopped"]] * 3
