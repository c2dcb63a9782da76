"""Who takes a writer's name over does so once, however long Kafka takes to answer."""

from __future__ import annotations

import threading

import pytest
from confluent_kafka import KafkaError, KafkaException

from infra.config import Config
from infra.stream import kafka
from infra.stream.transactions import Doubtful, Writer

CONFIG = Config.load({})


class Slow:
    """A producer whose taking over times out a few times."""

    def __init__(self, times: int, retriable: bool = True, stop: threading.Event | None = None):
        self.left, self.retriable, self.stop, self.asked = times, retriable, stop, 0

    def init_transactions(self, _timeout_s: float) -> None:
        self.asked += 1
        if self.stop is not None:
            self.stop.set()
        if self.left:
            self.left -= 1
            raise KafkaException(
                KafkaError(KafkaError._TIMED_OUT, "no answer yet", False, self.retriable, False)
            )


def opened(
    monkeypatch: pytest.MonkeyPatch, producer: Slow, stop: threading.Event | None = None
) -> None:
    monkeypatch.setattr(kafka, "producer", lambda *_, **__: producer)
    Writer(CONFIG, "bridge", stop=stop or threading.Event())


def test_a_take_over_that_timed_out_is_resumed_by_the_same_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    producer = Slow(times=3)
    opened(monkeypatch, producer)
    assert producer.asked == 4


def test_it_is_given_up_once_nobody_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()
    with pytest.raises(Doubtful, match="no answer yet"):
        opened(monkeypatch, Slow(times=3, stop=stop), stop)


def test_what_cannot_be_repeated_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Doubtful, match="no answer yet"):
        opened(monkeypatch, Slow(times=3, retriable=False))
