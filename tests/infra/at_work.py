"""Roles at work for a test: in a thread that is stopped, or in a process that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import TopicPartition
from msgspec import structs

from events.envelope import Message
from infra.config import Config
from infra.embedded.kafka import EmbeddedKafka
from infra.fault import VARIABLE
from infra.stream import kafka, wire
from schemas.catalog import TOPICS

DEADLINE_S = 90.0
LOOK_S = 0.02
END_S = 20.0
LISTEN_S, LISTEN_MAX = 0.1, 1_000
AWAY_S = float(os.environ.get("AWAY_S", "6"))
"""How long Kafka is away in the tests that take it away."""


@contextmanager
def running(role: Callable[..., None], *arguments: Any) -> Iterator[threading.Event]:
    """The role in a thread, as `role(*arguments, stop)`; what it raised is raised at the end."""
    stop = threading.Event()
    raised: list[BaseException] = []

    def work() -> None:
        try:
            role(*arguments, stop)
        except BaseException as error:  # for the thread of the test
            raised.append(error)

    thread = threading.Thread(target=work, name=str(role), daemon=True)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(END_S)
    assert not thread.is_alive()
    if raised:
        raise raised[0]


class Process:
    """A role as a process of its own."""

    def __init__(self, config: Config, *arguments: str, fault: str = "") -> None:
        environment = {**os.environ, **config.environment(), VARIABLE: fault}
        if not fault:
            del environment[VARIABLE]
        self._child = subprocess.Popen([sys.executable, "-m", *arguments], env=environment)

    def kill(self) -> None:
        """As `kill -9` does."""
        self._child.kill()
        self._child.wait()

    def freeze(self) -> None:
        """As a long pause does."""
        self._child.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on as if nothing had been."""
        self._child.send_signal(signal.SIGCONT)

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._child.poll() is None

    def died_by_kill(self) -> bool:
        """Whether it was killed, once it has ended."""
        return self._child.wait(DEADLINE_S) == -signal.SIGKILL


@contextmanager
def process(config: Config, *arguments: str, fault: str = "") -> Iterator[Process]:
    """A process that does not outlive the test."""
    child = Process(config, *arguments, fault=fault)
    try:
        yield child
    finally:
        child.thaw()
        child.kill()


def take_away(broker: EmbeddedKafka) -> None:
    """Kill it, and have it back a while later with all that it had acknowledged."""
    broker.kill()
    time.sleep(AWAY_S)
    broker.start()


def until(holds: Callable[[], bool]) -> None:
    """Wait for it."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline_s, "it did not come about in time"
        time.sleep(LOOK_S)


class Listener:
    """All that has been put on a topic so far, partition by partition in order."""

    def __init__(self, config: Config, ids: wire.Ids, topic: str) -> None:
        self._ids = ids
        self._name = topic
        self._messages: list[Message[Any]] = []
        partitions = next(t.partitions for t in TOPICS if t.name == topic)
        name = kafka.topic_name(config, topic)
        self._client = kafka.consumer(config, "listener")
        self._client.assign([TopicPartition(name, number, 0) for number in range(partitions)])

    def heard(self) -> list[Message[Any]]:
        """Listen for a moment."""
        fetched: list[Any] = self._client.consume(LISTEN_MAX, LISTEN_S)
        for each in fetched:
            if each.error() is None:
                record = structs.replace(wire.records_of([each])[0], topic=self._name)
                self._messages.append(wire.read(record, self._ids))
        return self._messages

    def has(self, count: int) -> bool:
        """Whether there are so many by now."""
        return len(self.heard()) >= count

    def close(self) -> None:
        """Listen no more."""
        self._client.close()


@contextmanager
def listening(config: Config, ids: wire.Ids, topic: str) -> Iterator[Listener]:
    """A listener from the beginning of the topic."""
    listener = Listener(config, ids, topic)
    try:
        yield listener
    finally:
        listener.close()
