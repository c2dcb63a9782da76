"""A bulk host that another has fenced keeps nothing of what was aborted."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from infra.config import Config
from infra.run import bulk, snapshots
from infra.run.processing import Stage, fresh
from infra.stream.transactions import Fenced
from processors.bars import BARS
from tests.infra.market import IDS, record_of, tick

TOPIC = "market-data-events"


class FencedWriter:
    """Takes what is written and finds that its time is over."""

    lost = 0

    def write(self, outputs: Any) -> None:
        self.lost = len(list(outputs))
        raise Fenced("another writer has opened")


class Client:
    """A consumer with one batch. As librdkafka's, it revokes what it holds when it is closed."""

    def __init__(self, host: bulk.Host) -> None:
        self._host = host

    def subscribe(self, *_: Any, **__: Any) -> None:
        pass

    def commit(self, **_: Any) -> None:
        pass

    def consume(self, *_: Any) -> list[Any]:
        return [_fetched(offset) for offset in range(1, 20)]

    def close(self) -> None:
        held: Any = [SimpleNamespace(partition=0)]
        us: Any = self
        self._host._revoked(us, held)


def test_it_saves_no_state_whose_outputs_were_aborted(config: Config) -> None:
    host = bulk.Host.__new__(bulk.Host)
    writer: Any = FencedWriter()
    host.__dict__.update(
        _config=config,
        _stage=Stage(BARS, IDS),
        _stop=threading.Event(),
        _name="processors.bars",
        _role="processor-bars",
        _topic=TOPIC,
        _lock=SimpleNamespace(close=lambda: None),
        _consumer=Client(host),
        _lanes={0: bulk.Lane(fresh(0), writer, {}, 0, time.monotonic())},
    )
    with pytest.raises(Fenced):
        host.run()
    assert writer.lost > 5
    assert snapshots.load(snapshots.path_of(config, "bars", 0), BARS, TOPIC, 0) is None


def _fetched(offset: int) -> Any:
    record = record_of(tick("EURUSD", offset * 5_000))
    return SimpleNamespace(
        error=lambda: None,
        topic=lambda: TOPIC,
        partition=lambda: 0,
        offset=lambda: offset,
        key=lambda: record.key,
        value=lambda: record.value,
        headers=lambda: record.headers,
        timestamp=lambda: (1, 0),
    )


@pytest.fixture
def config(tmp_path: Any) -> Config:
    """One with a home of its own: no service is asked."""
    return Config.load({"TAPEDECK_HOME": str(tmp_path)})
