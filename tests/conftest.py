"""Real services for tests that name `kafka`, `postgres` or `registry` as a parameter, started once.

`TAPEDECK_KAFKA`, `TAPEDECK_POSTGRES` and `TAPEDECK_REGISTRY` name running ones to use instead.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from hypothesis import settings

from infra.config import Config
from infra.embedded.kafka import EmbeddedKafka
from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.process import ServiceError, free_ports
from infra.settings import METRICS_PORTS, PORT_OFFSETS

settings.register_profile("quick", max_examples=10, deadline=None)
settings.register_profile("default", deadline=None)
settings.load_profile("default")

SERVICES = {"kafka", "postgres", "registry", "broker"}
REGISTRY_DEADLINE_S = 30.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs services, and run what needs none first: a plain mistake shows in seconds."""
    for item in items:
        if SERVICES & _named(item):
            item.add_marker(pytest.mark.services)
    items.sort(key=lambda item: item.get_closest_marker("services") is not None)


@pytest.fixture(scope="session")
def services_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("services")


@pytest.fixture(scope="session")
def kafka(services_home: Path) -> Iterator[str]:
    """Bootstrap address of a Kafka. Put `namespace` before the names of topics and groups."""
    given = os.environ.get("TAPEDECK_KAFKA")
    if given:
        yield given
        return
    port, controller_port = free_ports(2)
    service = EmbeddedKafka(services_home, port, controller_port, Config.load({}).cache)
    _start(service)
    yield service.address
    service.kill()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A Kafka of a few tests alone, to be taken away with `at_work.take_away`."""
    port, controller_port = free_ports(2)
    home = tmp_path_factory.mktemp("broker")
    service = EmbeddedKafka(home, port, controller_port, Config.load({}).cache)
    _start(service)
    yield service
    service.kill()


@pytest.fixture(scope="session")
def postgres_server(services_home: Path) -> Iterator[str]:
    given = os.environ.get("TAPEDECK_POSTGRES")
    if given:
        yield given
        return
    service = EmbeddedPostgres(services_home, free_ports(1)[0])
    _start(service)
    yield service.dsn
    service.kill()


@pytest.fixture
def postgres(postgres_server: str) -> Iterator[str]:
    """DSN of a fresh, empty database of this test alone."""
    database = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_server, autocommit=True) as session:
        session.execute(f"create database {database}".encode())
        yield urlsplit(postgres_server)._replace(path=f"/{database}").geturl()
        session.execute(f"drop database {database} with (force)".encode())


@pytest.fixture(scope="session")
def registry(kafka: str, services_home: Path) -> Iterator[str]:
    """URL of a schema registry, shared by all tests: subjects are the same for all of them."""
    given = os.environ.get("TAPEDECK_REGISTRY")
    if given:
        yield given
        return
    from infra.run.registry import run

    config = Config.load(
        {
            "TAPEDECK_HOME": str(services_home),
            "TAPEDECK_KAFKA": kafka,
            "TAPEDECK_NAMESPACE": f"t{uuid.uuid4().hex[:8]}",
            "TAPEDECK_PORT_REGISTRY": str(free_ports(1)[0]),
        }
    )
    stop = threading.Event()
    server = threading.Thread(target=run, args=(config, stop), name="registry", daemon=True)
    server.start()
    _wait_for(f"{config.registry}/subjects", server)
    yield config.registry
    stop.set()
    server.join(REGISTRY_DEADLINE_S)


@pytest.fixture
def namespace() -> str:
    """A prefix for topics and groups that no other test has."""
    return f"t{uuid.uuid4().hex[:8]}"


@pytest.fixture
def config(kafka: str, postgres: str, registry: str, namespace: str, tmp_path: Path) -> Config:
    """A configuration bound to the services, with its own home, database, namespace and ports."""
    bound = {
        "TAPEDECK_HOME": str(tmp_path / "home"),
        "TAPEDECK_KAFKA": kafka,
        "TAPEDECK_POSTGRES": postgres,
        "TAPEDECK_REGISTRY": registry,
        "TAPEDECK_NAMESPACE": namespace,
        "TAPEDECK_PORT_BASE": str(free_ports(PORT_OFFSETS["metrics"] + METRICS_PORTS)[0]),
    }
    return Config.load(bound)


def _named(item: pytest.Item) -> set[str]:
    """The fixtures of a test, and its parameters: some ask for a fixture by a parameter's name."""
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return {*getattr(item, "fixturenames", ()), *(p for p in parameters if isinstance(p, str))}


def _start(service: EmbeddedKafka | EmbeddedPostgres) -> None:
    """What is missing on this machine ends the run with its one line, not with a trace per test."""
    try:
        service.start()
    except ServiceError as missing:
        pytest.exit(str(missing), returncode=2)


def _wait_for(url: str, server: threading.Thread) -> None:
    deadline_s = time.monotonic() + REGISTRY_DEADLINE_S
    while time.monotonic() < deadline_s:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            if not server.is_alive():
                break
        time.sleep(0.05)
    raise RuntimeError(f"the schema registry did not answer at {url}")
