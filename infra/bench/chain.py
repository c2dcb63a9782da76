"""The least that lies between a signal and its order: the same hops, by bare clients, no work done.

Signal -> Kafka -> one row committed -> told by Postgres, read, -> Kafka -> on each account, one row
committed. Run beside a platform, it shows what the machine takes for the hops alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from uuid import uuid4

from confluent_kafka import TopicPartition
from confluent_kafka.cimpl import NewTopic

from infra.bench.ground import STOP_S
from infra.config import Config
from infra.store import postgres
from infra.store.postgres import Connection
from infra.stream import kafka

RAISED, ACCEPTED = "bench-chain-raised", "bench-chain-accepted"
RAISE_EVERY_S = 1.0
POLL_S = 0.1
BODY = b"x" * 400
DDL = "create table bench_chain (id bigserial, step text, body bytea)"

Times = Callable[[], list[float]]


@contextmanager
def at_work(config: Config) -> Iterator[Times]:
    """Bare clients on the services of a platform; gives the times so far, in milliseconds."""
    client = kafka.admin(config)
    for topic in client.create_topics([NewTopic(name, 1) for name in (RAISED, ACCEPTED)]).values():
        topic.result(kafka.REQUEST_TIMEOUT_S)
    conninfo = postgres.address(config.postgres, config.namespace)
    postgres.migrate(conninfo, DDL)
    context = get_context("spawn")
    stop, found = context.Event(), context.Queue()
    accounts = len(config.accounts)
    links = [_raise, _record, _relay, *[_send] * accounts]
    running = [context.Process(target=link, args=(config, stop, found)) for link in links]
    for process in running:
        process.start()
    try:
        yield lambda: [found.get() for _ in range(found.qsize())]
    finally:
        stop.set()
        for process in running:
            process.join(STOP_S)
            process.kill()


def _raise(config: Config, stop: Event, _: Queue[float]) -> None:
    producer = kafka.producer(config)
    while not stop.wait(RAISE_EVERY_S):
        producer.produce(RAISED, time.time_ns().to_bytes(8) + BODY)
        producer.flush()


def _record(config: Config, stop: Event, _: Queue[float]) -> None:
    with _session(config) as session:
        for body in _bodies(config, RAISED, stop):
            _write(session, "raised", body)


def _relay(config: Config, stop: Event, _: Queue[float]) -> None:
    producer, last = kafka.producer(config), 0
    select = "select id, body from bench_chain where id > %s and step = 'raised' order by id"
    with _session(config) as session:
        session.execute("listen bench_chain")
        while not stop.is_set():
            if not list(session.notifies(timeout=POLL_S, stop_after=1)):
                continue
            for number, body in session.execute(select, (last,)).fetchall():
                producer.produce(ACCEPTED, bytes(body))
                last = number
            producer.flush()


def _send(config: Config, stop: Event, found: Queue[float]) -> None:
    with _session(config) as session:
        for body in _bodies(config, ACCEPTED, stop):
            _write(session, "sent", body)
            found.put((time.time_ns() - int.from_bytes(body[:8])) / 1e6)


def _session(config: Config) -> Connection:
    return postgres.connect(postgres.address(config.postgres, config.namespace))


def _bodies(config: Config, topic: str, stop: Event) -> Iterator[bytes]:
    client = kafka.consumer(config, f"bench-{uuid4().hex[:8]}")
    client.assign([TopicPartition(topic, 0, 0)])
    while not stop.is_set():
        record = client.poll(POLL_S)
        if record is not None and record.error() is None:
            yield record.value() or b""
    client.close()


def _write(session: Connection, step: str, body: bytes) -> None:
    with session.pipeline(), session.transaction():
        session.execute("lock table bench_chain in exclusive mode")
        session.execute("insert into bench_chain (step, body) values (%s, %s)", (step, body))
        session.execute("notify bench_chain")
