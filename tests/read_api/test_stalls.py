"""A read model that has stopped is noticed by what it does not do."""

from __future__ import annotations

import time
from typing import Any

import pytest

from read_api import stalls, vitals
from read_api.stalls import STALLED_S, Stalls
from read_api.store import Standing
from read_api.tape import Extent, TapeTopic
from tests.projections import story
from tests.read_api.conftest import TestClient
from tests.read_api.memory_tape import MemoryTape


def at(offset: int) -> list[Standing]:
    return [Standing("orders", 1, {("order-events", 0): offset})]


def tape_of(end: int) -> list[TapeTopic]:
    extent = Extent(partition=0, first_offset=0, next_offset=end)
    carried: dict[str, Any] = {"key": "order", "carries": (), "decisions": True}
    return [TapeTopic(topic="order-events", partitions=(extent,), **carried)]


def test_a_place_that_stays_while_a_record_waits_is_stalled() -> None:
    seen = Stalls()
    assert seen.look(at(5), tape_of(6), 0.0) == ()
    assert seen.look(at(5), tape_of(9), STALLED_S - 0.1) == ()
    assert seen.look(at(5), tape_of(9), STALLED_S) == ("orders at order-events/0/5",)
    assert seen.look(at(6), tape_of(9), STALLED_S + 0.1) == ()


def test_a_place_that_is_behind_and_moves_is_not() -> None:
    seen = Stalls()
    assert not any(seen.look(at(second), tape_of(100), float(second)) for second in range(50))


def test_a_place_at_the_end_waits_for_nothing_however_long() -> None:
    seen = Stalls()
    assert seen.look(at(5), tape_of(5), 0.0) == ()
    assert seen.look(at(5), tape_of(6), 100.0) == ()


def test_readiness_names_the_read_model_that_has_stopped(
    client: TestClient, tape: MemoryTape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stalls, "STALLED_S", 0.3)
    monkeypatch.setattr(vitals, "LOOK_EVERY_S", 0.1)
    for message in story.placed(story.ticks(first_seq=21, number=3), first_offset=20):
        tape.add(message)
    assert client.get("/ready").json()["ready"]
    deadline_s = time.monotonic() + 30.0
    while (answer := client.get("/ready")).is_success:
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    assert answer.status_code == 503
    assert answer.json()["stalled"] == ["ticks at market-data-events/0/20"]
