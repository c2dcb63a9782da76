"""Both hosts ride out a broker that dies under them and comes back, without a restart or a loss."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra.config import Config
from infra.embedded.kafka import EmbeddedKafka
from infra.run.processing import Stage, fresh
from infra.stream import kafka
from schemas.catalog import TOPICS
from tests.infra.at_work import take_away
from tests.infra.counting import COUNTING, FixedIds
from tests.infra.market import all_of, as_written, first_of_each, put, record_of, tick, wait_for

TICKS, BARS = "market-data-events", "bar-events"
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("host", ["faust", "bulk"])
def test_a_broker_that_was_away(
    broker: EmbeddedKafka, namespace: str, tmp_path: Path, host: str
) -> None:
    bound = {
        "TAPEDECK_HOME": str(tmp_path / "home"),
        "TAPEDECK_KAFKA": broker.address,
        "TAPEDECK_NAMESPACE": namespace,
    }
    config = Config.load(bound)
    kafka.ensure_topics(config, [t for t in TOPICS if t.name in (TICKS, BARS, "dead-letters")])
    command = [sys.executable, "-m", "tests.infra.counting", host]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **config.environment()})
    try:
        _put(config, 1, 300)
        wait_for(config, BARS, 100)
        take_away(broker)
        _put(config, 300, 600)
        outputs = wait_for(config, BARS, 398, timeout_s=90)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    assert sorted(as_written(outputs), key=repr) == _expected(config)


def _put(config: Config, first: int, last: int) -> None:
    put(config, [record_of(tick("EURUSD", n, 1 + n / 1000)) for n in range(first, last)])


def _expected(config: Config) -> list[object]:
    stage = Stage(COUNTING, FixedIds())
    partitions = {n: fresh(n) for n in range(8)}
    caused = [
        (output.key, output.value, tuple(output.headers))
        for record in first_of_each(all_of(config, TICKS))
        for output in stage.advance(partitions[record.partition], record)
    ]
    return sorted(caused, key=repr)
