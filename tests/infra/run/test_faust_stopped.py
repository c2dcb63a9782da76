"""The Faust host told to stop at awkward moments: it ends at once and keeps nothing half-done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.config import Config
from infra.run import faust_host, snapshots
from infra.run.processing import NOTHING, Foreseen, Partition, Stage
from infra.stream import kafka as broker
from infra.stream.schema_ids import RegistryAway
from infra.stream.wire import Outgoing, Record
from schemas.catalog import MARKET_PARTITIONS, TOPICS
from tests.infra.counting import COUNTING, FixedIds
from tests.infra.market import all_of, put, record_of, tick, wait_for

TICKS, BARS = "market-data-events", "bar-events"
FIRST, SLOW_S = 2_000, 0.005
ENDS_S_MAX = 15.0


class Hindered(Stage):
    """Does not advance before `hinder` returns."""

    def __init__(self, hinder: Callable[[Record], None]) -> None:
        super().__init__(COUNTING, FixedIds())
        self._hinder = hinder

    def advance(
        self, partition: Partition, record: Record, foreseen: Foreseen = NOTHING
    ) -> Sequence[Outgoing]:
        self._hinder(record)
        return super().advance(partition, record, foreseen)


@pytest.fixture
def market(kafka: str, namespace: str, tmp_path: Path) -> Config:
    """A tape of many ticks of one symbol."""
    environ = {"HOME": str(tmp_path), "KAFKA": kafka, "NAMESPACE": namespace}
    config = Config.load({f"TAPEDECK_{name}": text for name, text in environ.items()})
    broker.ensure_topics(config, [t for t in TOPICS if t.name in (TICKS, BARS, "dead-letters")])
    put(config, ticks(1, FIRST + 1))
    return config


def test_stopped_while_it_folds_it_takes_nothing_beyond_the_gap(market: Config) -> None:
    bars = 2 * (FIRST // 3)
    with hosted(market, Stage(COUNTING, FixedIds())):
        wait_for(market, BARS, bars)
        time.sleep(2 * faust_host.COMMIT_EVERY_S)  # Faust has committed the end
    for number in range(MARKET_PARTITIONS):
        snapshots.path_of(market, COUNTING.name, number).unlink(missing_ok=True)
    folding = threading.Event()

    def slowly(record: Record) -> None:
        folding.set()
        time.sleep(SLOW_S if record.offset < FIRST else 0.0)

    with hosted(market, Hindered(slowly)):
        assert folding.wait(ENDS_S_MAX)
        put(market, ticks(FIRST + 1, FIRST + 10))
        time.sleep(1.0)  # Faust hands them out, over what is still being folded
    assert len(all_of(market, BARS)) == bars
    kept = [snapshot(market, number) for number in range(MARKET_PARTITIONS)]
    for partition in filter(None, kept):
        assert partition.next_offset == sum(seen.count for seen in partition.states.values())


def test_stopped_while_the_registry_is_away_it_ends(market: Config) -> None:
    asked = threading.Event()

    def away(record: Record) -> None:
        if record.offset > FIRST:
            asked.set()
            raise RegistryAway("away")

    with hosted(market, Hindered(away)):
        wait_for(market, BARS, 2 * (FIRST // 3))
        put(market, ticks(FIRST + 1, FIRST + 10))
        assert asked.wait(ENDS_S_MAX)


@contextmanager
def hosted(config: Config, stage: Stage) -> Iterator[None]:
    """The stage at work; at the end it is told to stop, and does."""
    stop = threading.Event()
    work = threading.Thread(target=faust_host.run, args=(config, stop, stage), daemon=True)
    work.start()
    try:
        yield
    finally:
        stop.set()
        work.join(ENDS_S_MAX)
    assert not work.is_alive()


def snapshot(config: Config, number: int) -> Partition | None:
    path = snapshots.path_of(config, COUNTING.name, number)
    return snapshots.load(path, COUNTING, broker.topic_name(config, TICKS), number)


def ticks(first: int, end: int) -> list[Outgoing]:
    return [record_of(tick("EURUSD", n, 1.0)) for n in range(first, end)]
