"""Services of their own for a benchmark: Kafka, Postgres and a registry on free ports."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from confluent_kafka.cimpl import NewTopic

from infra.config import Config
from infra.embedded.kafka import EmbeddedKafka
from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.process import free_ports, spawn
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from infra.up.children import CODE, command, environment
from schemas.catalog import MARKET_PARTITIONS

STOP_S = 15.0


@contextmanager
def services(config: Config) -> Iterator[Config]:
    """A configuration bound to services that live as long as the block, and leave nothing."""
    with (
        tempfile.TemporaryDirectory(prefix="tapedeck-bench-") as folder,
        services_at(config, Path(folder)) as bound,
    ):
        yield bound


@contextmanager
def services_at(config: Config, home: Path) -> Iterator[Config]:
    """The same in a folder that stays, with all they knew: another block goes on from there."""
    ports = free_ports(4)
    broker = EmbeddedKafka(home, ports[0], ports[1], config.cache)
    database = EmbeddedPostgres(home, ports[2])
    broker.start()
    database.start()
    bound = replace(
        config,
        home=home,
        kafka=broker.address,
        postgres=database.dsn,
        registry=f"http://127.0.0.1:{ports[3]}",
        ports=replace(config.ports, registry=ports[3]),
        external=frozenset(),
    )
    registry = started(bound, home / "registry.log", "run", "registry")
    try:
        SchemaIds(bound).register_all()
        yield bound
    finally:
        stopped(registry)
        database.stop()
        broker.stop()


def fresh(config: Config, *timed: str) -> Config:
    """The same services under a namespace that nobody has used, with its topics.

    Those in `timed`, which may be others too, hold the broker's time of each record's arrival.
    """
    name = f"b{uuid.uuid4().hex[:8]}"
    apart = replace(config, namespace=name, home=config.home / name)
    apart.home.mkdir()
    topics = [
        NewTopic(
            kafka.topic_name(apart, topic),
            num_partitions=MARKET_PARTITIONS,
            config={"message.timestamp.type": "LogAppendTime"},
        )
        for topic in timed
    ]
    client = kafka.admin(apart)
    for created in client.create_topics(topics).values() if topics else ():
        created.result(kafka.REQUEST_TIMEOUT_S)
    kafka.ensure_topics(apart)
    return apart


def started(config: Config, log: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A `tapedeck` process with this configuration."""
    return spawn(command(*arguments), log, env=environment(config), cwd=CODE)


def stopped(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, held still or not, and end it if it does not."""
    process.terminate()
    process.send_signal(signal.SIGCONT)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
