"""The registry as a process: what it gave stays given, whatever is killed."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from confluent_kafka.cimpl import NewTopic

from infra.config import Config
from infra.embedded.kafka import EmbeddedKafka
from infra.embedded.process import ServiceError, free_ports, spawn
from infra.registry.log import TOPIC
from infra.run.registry import run
from infra.stream import kafka as kafka_clients

DEADLINE_S = 30.0
ROOT = Path(__file__).parents[3]


def bound(kafka: str, namespace: str, home: Path) -> Config:
    port = free_ports(1)[0]
    return Config.load(
        {
            "TAPEDECK_KAFKA": kafka,
            "TAPEDECK_NAMESPACE": namespace,
            "TAPEDECK_HOME": str(home),
            "TAPEDECK_PORT_REGISTRY": str(port),
        }
    )


@contextmanager
def running(config: Config, *, ready: int = 200) -> Iterator[subprocess.Popen[bytes]]:
    """The role in a process of its own, once it answers with the status that is expected."""
    command = [sys.executable, "-m", "infra.cli.main", "run", "registry"]
    config.home.mkdir(parents=True, exist_ok=True)
    process = spawn(command, config.home / "out.log", env=config.environment(), cwd=ROOT)
    try:
        eventually(lambda: status(config) == ready)
        yield process
    finally:
        process.kill()
        process.wait()


def status(config: Config) -> int:
    try:
        return httpx.get(f"{config.registry}/subjects").status_code
    except httpx.TransportError:
        return 0


def eventually(holds: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def register(config: Config, subject: str, schema: str) -> httpx.Response:
    path = f"{config.registry}/subjects/{subject}/versions"
    return httpx.post(path, json={"schema": schema}, timeout=DEADLINE_S)


def test_ids_survive_kill_9_even_those_of_what_was_deleted(
    kafka: str, namespace: str, tmp_path: Path
) -> None:
    config = bound(kafka, namespace, tmp_path)
    with running(config) as first:
        assert register(config, "s", '"string"').json() == {"id": 1}
        assert register(config, "t", '"int"').json() == {"id": 2}
        for query in ("", "?permanent=true"):
            httpx.delete(f"{config.registry}/subjects/t{query}").raise_for_status()
        first.kill()
    with running(config):
        assert httpx.get(f"{config.registry}/subjects").json() == ["s"]
        assert register(config, "s", '"string"').json() == {"id": 1}
        assert register(config, "t", '"int"').json() == {"id": 3}
        assert httpx.get(f"{config.registry}/schemas/ids/2").json()["error_code"] == 40403


def test_two_registries_on_one_topic_never_give_one_id_twice(
    kafka: str, namespace: str, tmp_path: Path
) -> None:
    here, there = (bound(kafka, namespace, tmp_path / name) for name in ("here", "there"))
    with running(here), running(there):
        given = [
            register(config, f"s{n}", f'{{"type":"fixed","name":"F{n}","size":1}}').json()
            for n in range(4)
            for config in (here, there)
        ]
        assert [answer["id"] for answer in given] == [1, 1, 2, 2, 3, 3, 4, 4]
        eventually(
            lambda: all(
                httpx.get(f"{one.registry}/schemas/ids/4").status_code == 200
                for one in (here, there)
            )
        )


def test_without_kafka_it_answers_that_it_cannot(tmp_path: Path, namespace: str) -> None:
    config = bound(f"127.0.0.1:{free_ports(1)[0]}", namespace, tmp_path)
    with running(config, ready=500):
        answer = httpx.get(f"{config.registry}/schemas/ids/1")
        assert (answer.status_code, answer.json()["error_code"]) == (500, 50001)


@pytest.mark.services
def test_while_kafka_is_away_it_reads_and_refuses_to_write_and_then_goes_on(
    tmp_path: Path, namespace: str
) -> None:
    port, controller = free_ports(2)
    broker = EmbeddedKafka(tmp_path / "broker", port, controller, Config.load({}).cache)
    broker.start()
    config = bound(broker.address, namespace, tmp_path / "registry")
    with running(config):
        assert register(config, "s", '"string"').json() == {"id": 1}
        broker.kill()
        assert httpx.get(f"{config.registry}/schemas/ids/1").json() == {"schema": '"string"'}
        assert register(config, "s", '"string"').json() == {"id": 1}
        refused = register(config, "t", '"int"')
        assert (refused.status_code, refused.json()["error_code"]) == (500, 50001)
        again = EmbeddedKafka(tmp_path / "broker", port, controller, Config.load({}).cache)
        again.start()
        eventually(lambda: register(config, "t", '"int"').status_code == 200)
        assert register(config, "t", '"int"').json() == {"id": 2}
        again.kill()


def test_a_record_that_is_none_of_its_own_is_passed_over(
    kafka: str, namespace: str, tmp_path: Path
) -> None:
    config = bound(kafka, namespace, tmp_path)
    with running(config):
        assert register(config, "s", '"string"').json() == {"id": 1}
    producer = kafka_clients.producer(config)
    for key, value in [(b"{", b"x"), (b"[]", b"{}"), (b'{"keytype":"SCHEMA"}', b"{}"), (b"", b"")]:
        producer.produce(kafka_clients.topic_name(config, TOPIC), value, key)
    assert producer.flush(DEADLINE_S) == 0
    with running(config):
        assert register(config, "t", '"int"').json() == {"id": 2}


def test_a_topic_that_would_forget_is_refused(kafka: str, namespace: str, tmp_path: Path) -> None:
    config = bound(kafka, namespace, tmp_path)
    topic = kafka_clients.topic_name(config, TOPIC)
    wanted = NewTopic(topic, 1, 1, config={"cleanup.policy": "delete"})
    client = kafka_clients.admin(config)
    client.create_topics([wanted])[topic].result(DEADLINE_S)
    with pytest.raises(RuntimeError, match=f"topic {topic} has cleanup.policy=delete"):
        run(config, threading.Event())


def test_a_port_in_use_is_named_before_anything_starts(tmp_path: Path, namespace: str) -> None:
    config = bound("127.0.0.1:1", namespace, tmp_path)
    with (
        socket.create_server(("127.0.0.1", config.ports.registry)),
        pytest.raises(ServiceError, match="TAPEDECK_PORT_REGISTRY"),
    ):
        run(config, threading.Event())
