"""Writing to the tape all or nothing, as the only living writer of a name."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from infra.config import Config
from infra.stream import kafka
from infra.stream.wire import Outgoing

TIMEOUT_S, RESUME_S = 10.0, 2.0
TRANSACTION_MS_MAX = 30_000
"""Readers wait this long for a killed writer that nobody succeeds."""
DELIVERY_MS_MAX = 25_000
RETRIES_MAX = 10
QUEUE_POLL_S = 0.05

NEVER = threading.Event()

log = logging.getLogger(__name__)


class Doubtful(RuntimeError):
    """A transaction was aborted, or nobody knows. Open another writer and look at the tape."""


class Fenced(RuntimeError):
    """Another writer of this name has opened: this one must not write, and its process must end."""


class Writer:
    """A transactional producer. Opening it fences every earlier writer of the same `name`.

    After `Doubtful` it is of no use any more.
    """

    def __init__(
        self, config: Config, name: str, linger_ms: float = 0, stop: threading.Event = NEVER
    ) -> None:
        self._config = config
        self._name = name
        self._topics: dict[str, str] = {}
        self._producer: Any = kafka.producer(
            config,
            transactional_id=kafka.group_name(config, name),
            transaction_timeout_ms=TRANSACTION_MS_MAX,
            delivery_timeout_ms=DELIVERY_MS_MAX,
            linger_ms=linger_ms,
        )
        self._take_over(stop)

    def write(self, outputs: Iterable[Outgoing]) -> None:
        """One transaction: all `outputs` or none."""
        self.begin()
        self.add(outputs)
        self.commit()

    def begin(self) -> None:
        """Open a transaction: what is added until its commit is on the tape as one, or not."""
        _call(self._producer.begin_transaction)

    def add(self, outputs: Iterable[Outgoing]) -> None:
        """Write into the transaction."""
        producer, topics = self._producer, self._topics
        for output in outputs:
            topic = topics.get(output.topic) or self._named(output.topic)
            try:
                producer.produce(topic, output.value, output.key, headers=output.headers)
            except (BufferError, KafkaException):
                self._produce_patiently(topic, output)

    def commit(self) -> None:
        """End the transaction; with `Doubtful` nobody knows how."""
        _call(lambda: self._producer.commit_transaction(TIMEOUT_S))

    def _take_over(self, stop: threading.Event) -> None:
        """A call that timed out is resumed until `stop`. Given up, it might still be carried out
        when Kafka is back, and fence the writer that was opened in its place."""
        while True:
            try:
                self._producer.init_transactions(RESUME_S)
            except KafkaException as failed:
                if not failed.args[0].retriable() or stop.is_set():
                    raise _judged(failed) from failed
                log.info("still taking over as %s: %s", self._name, failed)
            else:
                return

    def _named(self, topic: str) -> str:
        name = self._topics[topic] = kafka.topic_name(self._config, topic)
        return name

    def _produce_patiently(self, topic: str, output: Outgoing) -> None:
        """Wait for room in the queue: whoever writes too fast is to feel it."""
        while True:
            try:
                self._producer.produce(topic, output.value, output.key, headers=output.headers)
            except BufferError:
                self._producer.poll(QUEUE_POLL_S)
            except KafkaException as failed:
                raise _judged(failed) from failed
            else:
                return


def opened(config: Config, name: str, stop: threading.Event, linger_ms: float = 0) -> Writer | None:
    """A writer, waited for while Kafka is away; None if `stop` was set before it came back."""
    for wait_s in kafka.backoff_s():
        try:
            return Writer(config, name, linger_ms, stop)
        except Doubtful as away:
            log.warning("no transactions yet: %s", away)
        if stop.wait(wait_s):
            break
    return None


def _call(ask: Callable[[], None]) -> None:
    """The call, repeated while librdkafka says that the same call may be repeated."""
    for _ in range(RETRIES_MAX):
        try:
            return ask()
        except KafkaException as failed:
            if not _repeatable(failed.args[0]):
                raise _judged(failed) from failed
            log.info("transaction call repeated: %s", failed)
    raise Doubtful(f"gave up after {RETRIES_MAX} attempts")


def _repeatable(error: KafkaError) -> bool:
    """A call that timed out is not: only a new epoch makes sure that its delayed end is refused."""
    return bool(error.retriable()) and error.code() != KafkaError._TIMED_OUT


def _judged(failed: KafkaException) -> RuntimeError:
    error = failed.args[0]
    if error.code() in (KafkaError._FENCED, KafkaError.PRODUCER_FENCED):
        return Fenced(str(error))
    return Doubtful(str(error))
