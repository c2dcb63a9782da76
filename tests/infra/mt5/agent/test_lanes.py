"""What goes next into a terminal that does one thing at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future
from threading import Event

import pytest

from infra.mt5.agent import contract, worker
from infra.mt5.agent.lanes import LANE_OF, LANES, Lane
from infra.mt5.agent.worker import Worker

FAR_S = time.monotonic() + 3_600.0


class Held:
    """A worker that is busy until it is let go, and what it has done since."""

    def __init__(self) -> None:
        self.worker = Worker("test")
        self.done: list[str] = []
        self.began, self.go_on = Event(), Event()
        self.worker.submit(Lane.HISTORY, "busy", FAR_S, self._busy)
        assert self.began.wait(10.0)

    def _busy(self) -> None:
        self.began.set()
        assert self.go_on.wait(10.0)

    def wants(self, lane: Lane, name: str) -> Future[None]:
        """Something waits in a lane."""
        return self.worker.submit(lane, name, FAR_S, lambda: self.done.append(name))

    def let_go(self, *wanted: Future[None]) -> list[str]:
        """What was done, in order."""
        self.go_on.set()
        for future in wanted:
            future.result(10.0)
        return self.done


@pytest.fixture
def held() -> Iterator[Held]:
    made = Held()
    yield made
    made.go_on.set()
    made.worker.close()


def test_an_order_overtakes_whatever_else_waits(held: Held) -> None:
    backwards = [held.wants(lane, lane.name) for lane in reversed(Lane)]
    assert held.let_go(*backwards) == ["TRADE", "RECONCILE", "HEALTH", "MARKET", "HISTORY"]


def test_in_a_lane_the_first_to_come_goes_first(held: Held) -> None:
    wanted = [held.wants(Lane.MARKET, str(number)) for number in range(5)]
    assert held.let_go(*wanted) == ["0", "1", "2", "3", "4"]


def test_what_has_waited_long_goes_before_what_came_later(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "AGED_S", 0.05)
    old = held.wants(Lane.HISTORY, "old")
    time.sleep(0.1)
    new = held.wants(Lane.TRADE, "new")
    assert held.let_go(old, new) == ["old", "new"]


def test_what_nobody_waits_for_any_more_is_not_begun(held: Held) -> None:
    given_up, wanted = held.wants(Lane.TRADE, "given up"), held.wants(Lane.MARKET, "wanted")
    assert given_up.cancel()
    assert held.let_go(wanted) == ["wanted"]


def test_it_knows_how_many_wait_in_each_lane(held: Held) -> None:
    for _ in range(3):
        held.wants(Lane.MARKET, "")
    held.wants(Lane.TRADE, "")
    counts = [held.worker.waiting(lane) for lane in (Lane.TRADE, Lane.MARKET, Lane.HISTORY)]
    assert (counts, held.worker.waiting()) == ([1, 3, 0], 4)


def test_every_function_of_the_contract_has_one_lane() -> None:
    listed = [function for functions in LANES.values() for function in functions]
    assert sorted(listed) == sorted((*contract.FUNCTIONS, contract.AHEAD))
    assert LANE_OF["order_send"] is Lane.TRADE
