"""Both hosts of processors write the same bytes, whatever arrives and whenever they are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.config import Config
from infra.run.processing import Stage, fresh
from infra.stream import kafka
from infra.stream.wire import Outgoing
from schemas.catalog import TOPICS
from tests.infra.counting import AWAY_ID, COUNTING, POISON_BID, SLOW_BID, FixedIds
from tests.infra.market import (
    all_of,
    as_written,
    first_of_each,
    put,
    record_of,
    tick,
    wait_for,
)

TICKS, BARS, LETTERS = "market-data-events", "bar-events", "dead-letters"
SYMBOLS = ("EURUSD", "XAUUSD", "USDJPY")
STOP_S_MAX = 30.0
Plain = tuple[bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]
"""Key, value and headers."""
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["faust", "bulk"])
def host(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def market(kafka: str, namespace: str, tmp_path: Path) -> Config:
    """An empty tape of its own."""
    config = Config.load(
        {
            "TAPEDECK_HOME": str(tmp_path),
            "TAPEDECK_KAFKA": kafka,
            "TAPEDECK_NAMESPACE": namespace,
        }
    )
    wanted = {TICKS, BARS, LETTERS}
    _ensure(config, wanted)
    return config


@contextmanager
def running(config: Config, host: str) -> Iterator[subprocess.Popen[bytes]]:
    """A host in its own process, killed at the end if it still lives."""
    command = [sys.executable, "-m", "tests.infra.counting", host]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **config.environment()})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def expected(config: Config) -> tuple[list[Plain], list[Plain]]:
    """Outputs and dead letters by the processor's own step, in this process, from the tape."""
    stage = Stage(COUNTING, FixedIds())
    partitions = {n: fresh(n) for n in range(8)}
    caused: list[Outgoing] = []
    for record in all_of(config, TICKS):
        caused += stage.advance(partitions[record.partition], record)
    return _plain(caused, BARS), _plain(caused, LETTERS)


def written(config: Config, topic: str) -> list[Plain]:
    return sorted(as_written(first_of_each(all_of(config, topic))), key=repr)


def ticks(first: int, last: int) -> list[Outgoing]:
    return [record_of(tick(s, n, 1 + n / 1000)) for n in range(first, last) for s in SYMBOLS]


def test_outputs_and_dead_letters_are_the_step_s_own(market: Config, host: str) -> None:
    good = ticks(1, 200)
    put(market, [*good[:100], *spoilt(good[100]), *good[100:], *good[50:150]])
    put(market, ticks(200, 220), committed=False)
    with running(market, host) as process:
        put(market, ticks(220, 400))
        bars, letters = expected(market)
        wait_for(market, BARS, len(bars))
        wait_for(market, LETTERS, len(letters))
        _end(process)
    assert written(market, BARS) == bars
    assert written(market, LETTERS) == letters
    assert len(bars) == len(SYMBOLS) * 2 * (379 // 3)
    assert len(letters) == 8


def test_killed_at_any_time_it_writes_what_an_uninterrupted_one_would(
    market: Config, host: str
) -> None:
    for turn in range(3):
        with running(market, host) as process:
            first = 1 + turn * 1000
            for start in range(first, first + 1000, 100):
                put(market, ticks(start, start + 100))
            wait_for(market, BARS, 600 * turn + 200)
            process.kill()
    slow = record_of(tick("EURUSD", 5000, SLOW_BID))
    with running(market, host) as process:
        wait_for(market, BARS, len(expected(market)[0]))
        put(market, [slow, *ticks(5001, 5004)])
        process.kill()
    with running(market, host) as process:
        bars, _ = expected(market)
        wait_for(market, BARS, len(bars))
        _end(process)
    assert written(market, BARS) == bars


def test_a_registry_that_is_away_holds_the_partition(market: Config, host: str) -> None:
    first, *rest = ticks(1, 10)
    held = Outgoing(first.topic, first.key, reframed(first.value, AWAY_ID), first.headers)
    put(market, [held, *rest])
    with running(market, host) as process:
        bars, _ = expected_after_hold(market)
        wait_for(market, BARS, len(bars))
        _end(process)
    assert written(market, BARS) == bars
    assert written(market, LETTERS) == []


def test_stopped_and_started_it_goes_on_from_its_snapshot(market: Config, host: str) -> None:
    put(market, ticks(1, 100))
    with running(market, host) as process:
        wait_for(market, BARS, 198)
        _end(process)
    kept = {file: file.read_bytes() for file in sorted(market.home.glob("state/*.snapshot"))}
    assert kept
    put(market, ticks(100, 200))
    with running(market, host) as process:
        wait_for(market, BARS, 396)
        _end(process)
    assert written(market, BARS) == expected(market)[0]
    assert len(all_of(market, BARS)) == len(written(market, BARS))
    assert all(file.read_bytes() != content for file, content in kept.items())


def test_one_host_takes_over_from_the_other(market: Config, host: str) -> None:
    other = {"faust": "bulk", "bulk": "faust"}[host]
    for number, kind in enumerate((host, other, host)):
        put(market, ticks(1 + 100 * number, 101 + 100 * number))
        with running(market, kind) as process:
            wait_for(market, BARS, len(expected(market)[0]))
            process.kill()
    assert written(market, BARS) == expected(market)[0]


def spoilt(good: Outgoing) -> list[Outgoing]:
    """Records that nobody can use, all under the key of a good one."""
    poison = record_of(tick("GBPUSD", 1, POISON_BID))
    many = (2**62).to_bytes(9, "little")
    values = [
        b"",
        b"\x01nonsense",
        good.value[:5],
        good.value[:5] + b"\xff" * 40,
        good.value[:5] + many + b"x",
        good.value + b"trailing",
        reframed(good.value, 12345),
    ]
    bad = [
        Outgoing(good.topic, b"EURUSD", value, _renumbered(good, 100_000 + n))
        for n, value in enumerate(values)
    ]
    return [*bad, poison]


def reframed(value: bytes, schema_id: int) -> bytes:
    return b"\x00" + schema_id.to_bytes(4, "big") + value[5:]


def expected_after_hold(config: Config) -> tuple[list[Plain], list[Plain]]:
    ids = FixedIds()
    for _ in range(2):
        with pytest.raises(ConnectionError):
            ids.writer(AWAY_ID)
    stage = Stage(COUNTING, ids)
    partitions = {n: fresh(n) for n in range(8)}
    caused: list[Outgoing] = []
    for record in all_of(config, TICKS):
        caused += stage.advance(partitions[record.partition], record)
    return _plain(caused, BARS), _plain(caused, LETTERS)


def _renumbered(good: Outgoing, seq: int) -> list[tuple[str, bytes]]:
    return [(n, b"%016d" % seq if n == "ce_sequence" else v) for n, v in good.headers]


def _plain(caused: list[Outgoing], topic: str) -> list[Plain]:
    found: list[Plain] = [(o.key, o.value, tuple(o.headers)) for o in caused if o.topic == topic]
    return sorted(found, key=repr)


def _ensure(config: Config, names: set[str]) -> None:
    kafka.ensure_topics(config, [topic for topic in TOPICS if topic.name in names])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(STOP_S_MAX) == 0
