"""A bulk host keeps no state whose outputs are not on the tape."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Message as Fetched

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

    def begin(self) -> None:
        pass

    def add(self, outputs: Any) -> None:
        self.lost += len(list(outputs))

    def commit(self) -> None:
        raise Fenced("another writer has opened")


class Client:
    """A consumer with one batch. As librdkafka's, it revokes what it holds when it is closed.

    If another `takes_over`, that is already so when it is asked for more.
    """

    def __init__(self, host: bulk.Host, takes_over: bool = False) -> None:
        self._host = host
        self._takes_over = takes_over

    def subscribe(self, *_: Any, **__: Any) -> None:
        pass

    def commit(self, **_: Any) -> None:
        pass

    def consume(self, _size: int, wait_s: float) -> list[Any]:
        if self._takes_over and not wait_s:
            self.close()
            self._host._stop.set()
            return []
        return [_fetched(offset) for offset in range(1, 20)]

    def close(self) -> None:
        held: Any = [SimpleNamespace(partition=0)]
        us: Any = self
        self._host._revoked(us, held)


def test_of_what_a_fenced_one_wrote(config: Config) -> None:
    writer: Any = FencedWriter()
    host = _host(config, writer)
    with pytest.raises(Fenced):
        host.run()
    assert writer.lost > 5
    assert _saved(config) is None


def test_of_what_it_was_about_to_write_when_another_took_over(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "PORTION", 19)  # the one batch is a full portion: more may come
    writer: Any = FencedWriter()
    host = _host(config, writer, takes_over=True)
    host.run()
    assert writer.lost > 5
    assert _saved(config) is None


def _saved(config: Config) -> Any:
    return snapshots.load(snapshots.path_of(config, "bars", 0), BARS, TOPIC, 0)


def _host(config: Config, writer: Any, takes_over: bool = False) -> bulk.Host:
    host = bulk.Host.__new__(bulk.Host)
    host.__dict__.update(
        _config=config,
        _stage=Stage(BARS, IDS),
        _stop=threading.Event(),
        _name="processors.bars",
        _role="processor-bars",
        _topic=TOPIC,
        _lock=SimpleNamespace(close=lambda: None),
        _consumer=Client(host, takes_over),
        _lanes={0: bulk.Lane(fresh(0), writer, {}, 0, time.monotonic())},
    )
    return host


def _fetched(offset: int) -> Any:
    record = record_of(tick("EURUSD", offset * 5_000))
    return Fetched(
        topic=TOPIC,
        partition=0,
        offset=offset,
        key=record.key,
        value=record.value,
        headers=[*record.headers],
        timestamp=(1, 0),
    )
