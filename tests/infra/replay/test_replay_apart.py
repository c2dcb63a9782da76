"""Parts of a replay in several processes come to what one process finds."""

from __future__ import annotations

import time
from multiprocessing import active_children, get_context
from typing import Any

import pytest
from msgspec.structs import replace

from events.envelope import first_cause
from infra.config import Config
from infra.embedded.process import ServiceError
from infra.replay import apart
from infra.replay.apart import Board, side_by_side, worked
from infra.replay.part import Part
from infra.replay.range import EARLIEST, LATEST, where
from infra.replay.run import Outcome
from infra.replay.run import replay as replayed
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from tests.infra.market import tick
from tests.infra.replaying import counts
from tests.infra.tape_writer import write

SYMBOLS = ("EURUSD", "XAUUSD", "GBPUSD", "USDJPY")
TICKS_EACH, EVERY_US = 120, 5_000_000
PARTS = [Part(number, 0, end, None, False) for number, end in enumerate((10, 30, 20))]


def test_two_processes_find_what_one_does(config: Config) -> None:
    kafka.ensure_topics(config)
    ids = SchemaIds(config)
    write(config, ids, [_ticked(s, n) for n in range(1, TICKS_EACH + 1) for s in SYMBOLS])
    shown: list[tuple[int, int]] = []

    def outcome(jobs: int) -> Outcome:
        return replayed(
            config,
            ids,
            where(EARLIEST),
            where(LATEST),
            verify=False,
            shown=lambda *done: shown.append(done),
            jobs=jobs,
        )

    alone = outcome(1)
    shown.clear()
    together = outcome(2)
    assert alone.ticks == TICKS_EACH * len(SYMBOLS)
    assert alone.counts["bars"].equal > len(SYMBOLS)
    assert (counts(together), together.ticks) == (counts(alone), alone.ticks)
    assert shown[-1][0] == shown[-1][1] >= alone.ticks


def test_the_longest_part_is_begun_first_and_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []

    def recomputed(_config: Any, _ids: Any, part: Part, shown: Any) -> list[Any]:
        begun.append(part.number)
        shown(part.end)
        return []

    monkeypatch.setattr(apart, "resumed", recomputed)
    context: Any = get_context("spawn")
    board = Board(context.Array("q", len(PARTS)), context.Value("q", 0))
    done: list[tuple[int, int]] = []
    nothing: Any = None
    found = worked(nothing, nothing, PARTS, board, lambda *told: done.append(told))
    assert begun == [1, 2, 0]
    assert sorted(found) == [0, 1, 2]
    assert done == [(1, 30), (2, 20), (0, 10)]
    assert worked(nothing, nothing, PARTS, board, lambda *told: done.append(told)) == {}


def test_what_fails_in_one_process_fails_the_replay(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recomputed(*_: Any) -> list[Any]:
        raise LookupError("the model is gone")

    monkeypatch.setattr(apart, "resumed", recomputed)
    kafka.ensure_topics(config)
    with pytest.raises(LookupError, match="the model is gone"):
        side_by_side(config, SchemaIds(config), PARTS[:2], lambda *_: None, 2)


def test_a_process_that_is_killed_is_named_before_the_others_are_through(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recomputed(_config: Any, _ids: Any, _part: Part, shown: Any) -> list[Any]:
        (other,) = active_children()
        other.kill()
        other.join()
        for offsets in range(1_000):
            shown(offsets)
            time.sleep(0.01)
        return []

    monkeypatch.setattr(apart, "resumed", recomputed)
    with pytest.raises(ServiceError, match="has died"):
        side_by_side(config, SchemaIds(config), PARTS[:2], lambda *_: None, 2)


def _ticked(symbol: str, number: int) -> Any:
    event = tick(symbol, number, bid=1.1 + (number * 7919 % 101) / 1e4)
    at_us = event.ts_source_us + number * EVERY_US
    event = replace(event, ts_source_us=at_us, ts_received_us=at_us)
    sequence = f"{number:016d}"
    return first_cause(event, source="test", sequence=sequence, key=symbol, time_us=at_us)
