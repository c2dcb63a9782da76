"""From the event store onto the tape: every decision, in the order of the log, at least once.

Readers see each once all the same, because each message carries its number in the log as its
`sequence`. That only works if nothing can overtake. So the producer never gives up a message and
goes on with the next (a delivery has no deadline, a gap is fatal), the next batch waits for the
acknowledgements of the one before, and after any failure everything begins again at the stored
position. A relay that was frozen and replaced can then still deliver what it had in hand, and each
of two relays delivers without gaps: the higher of their marks is never above something missing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

from confluent_kafka import KafkaException, Producer

from events.envelope import Message
from infra import fault
from infra.config import Config
from infra.observe import telemetry
from infra.observe.traces import Traces
from infra.store import offsets
from infra.store.event_store import EventStore, Logged
from infra.store.offsets import Advance
from infra.store.postgres import Connection
from infra.store.recorders import EVENTS_TABLE
from infra.stream import kafka, wire
from infra.stream.identity import EVENT_STORE
from infra.stream.schema_ids import SchemaIds

CONSUMER = "relay"
BATCH_MAX = 1_000
WAKE_S = 0.5
"""How long the log is not looked at when no notification comes."""
KEEP_EVERY_S = 0.2
"""How old the stored position may be. Whatever is published meanwhile waits for it no longer, and
is published again by whoever goes on after a kill."""
ACK_LOOK_S = 0.2

log = logging.getLogger(__name__)


class Relay:
    """One life of the relay: from the stored position to the first trouble."""

    def __init__(
        self,
        config: Config,
        store: EventStore,
        connection: Connection,
        ids: SchemaIds,
        traces: Traces,
    ) -> None:
        self._config = config
        self._store = store
        self._connection = connection
        self._ids = ids
        self._traces = traces
        self._producer = producer(config)
        self._stored = offsets.resume(connection, CONSUMER, EVENT_STORE, 0, 0).next_offset
        self._position = self._stored
        self._keep_due_s = 0.0

    def follow(self, stop: threading.Event) -> None:
        """Publish until `stop`; raises what goes wrong."""
        self._connection.execute(f"listen {EVENTS_TABLE}".encode())
        self._keep()
        while not stop.is_set():
            since_ns = time.time_ns()
            batch = self._store.after(self._position - 1, BATCH_MAX)
            if batch and not self._take(batch, stop, since_ns):
                break
            if self._to_keep_s() <= 0:
                self._keep()
            elif not batch:
                self._wait()
        self._keep()

    def _take(self, batch: Sequence[Logged], stop: threading.Event, since_ns: int) -> bool:
        """Publish a batch and stand behind it; False if `stop` came first."""
        messages = [logged.message for logged in batch if logged.message is not None]
        if not self._publish(messages, stop):
            return False
        fault.point("relay_after_publish")
        if self._position == self._stored:
            self._keep_due_s = time.monotonic() + KEEP_EVERY_S
        self._position = batch[-1].id + 1
        self._traces.written(messages, since_ns)
        return True

    def _publish(self, messages: Sequence[Message[Any]], stop: threading.Event) -> bool:
        """Deliver all of them; False if `stop` came first. Then some may have been delivered."""
        failures: list[Any] = []
        for message in messages:
            self._send(wire.write(message, self._ids), failures)
        while self._producer.flush(ACK_LOOK_S):
            if failures or stop.is_set():
                break
        if failures:
            raise KafkaException(failures[0])
        return len(self._producer) == 0

    def _send(self, record: wire.Outgoing, failures: list[Any]) -> None:
        topic = kafka.topic_name(self._config, record.topic)
        while True:
            try:
                self._producer.produce(
                    topic,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                    on_delivery=lambda error, _: failures.append(error) if error else None,
                )
            except BufferError:
                self._producer.poll(ACK_LOOK_S)
            else:
                telemetry.EMITTED.labels(CONSUMER, record.topic).inc()
                return

    def _keep(self) -> None:
        """Store the position, and look how far behind it is.

        Losing this write costs repeats, which readers drop: it need not wait for the disk.
        """
        lag = max(0, self._store.last_id() + 1 - self._position)
        telemetry.LAG.labels(CONSUMER, EVENT_STORE, "0").set(lag)
        if self._position == self._stored:
            return
        step = Advance(EVENT_STORE, 0, self._stored, self._position)
        with (
            self._connection.pipeline(),
            self._connection.transaction(),
            self._connection.cursor() as cursor,
        ):
            cursor.execute("set local synchronous_commit = off")
            offsets.advance(cursor, CONSUMER, [step])
        self._stored = self._position

    def _wait(self) -> None:
        """Until somebody has written, or the position is to be stored."""
        for _ in self._connection.notifies(timeout=max(0.0, self._to_keep_s()), stop_after=1):
            pass

    def _to_keep_s(self) -> float:
        """How long until the position is to be stored; `WAKE_S` where there is nothing to store."""
        if self._position == self._stored:
            return WAKE_S
        return self._keep_due_s - time.monotonic()


def producer(config: Config) -> Producer:
    """A producer that delivers everything in order, or says that it cannot."""
    return kafka.producer(config, delivery_timeout_ms=0, enable_gapless_guarantee=True)
