"""The application over tables that hold one whole decision."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from fastapi import FastAPI

from events.envelope import Message
from infra.asof.causes import causes
from infra.asof.moments import Moments
from infra.config import Config
from infra.run.folding import Folding, Place
from infra.run.intake import Taken
from infra.run.read_api import open_pool
from infra.store import offsets, postgres, read_models
from infra.stream.schema_ids import SchemaIds
from projections import PROJECTIONS
from read_api.app import create_app
from read_api.subscriptions import Limits
from tests.projections import story
from tests.read_api.memory_tape import MemoryTape

__all__ = ["TestClient"]

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of the client that starlette prefers
    from starlette.testclient import TestClient

LIMITS = Limits(subscribers_max=2, slow_after_s=0.3, heartbeat_s=0.05)


def moments(config: Config) -> Moments:
    """Of a tape that is not there: who asks for one is told so."""
    return Moments(config, SchemaIds(config, patience_s=0.0))


@pytest.fixture(scope="module")
def told() -> list[Message[Any]]:
    return story.told()


@pytest.fixture
def tape(told: list[Message[Any]]) -> MemoryTape:
    return MemoryTape(told)


@pytest.fixture(scope="module")
def database(postgres_server: str, told: list[Message[Any]]) -> Iterator[Config]:
    """Read models that hold what was told. They are shared: a test may look and not touch."""
    with _fresh_database(postgres_server) as config:
        fold(config, told)
        yield config


@pytest.fixture(scope="module")
def fuller(postgres_server: str, told: list[Message[Any]]) -> Iterator[Config]:
    """Read models of three decisions, shared in the same way."""
    with _fresh_database(postgres_server) as config:
        fold(config, [*told, *story.told("GBPUSD", 1), *story.told("XAUUSD", 2)])
        yield config


@pytest.fixture
def app(database: Config, tape: MemoryTape) -> FastAPI:
    names = {story.DIGEST: ("momentum", "reversal")}
    return create_app(
        open_pool(database), tape, moments(database), causes(), feature_names=names, limits=LIMITS
    )


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


@pytest.fixture
def fuller_client(fuller: Config, tape: MemoryTape) -> Iterator[TestClient]:
    with TestClient(create_app(open_pool(fuller), tape, moments(fuller), causes())) as client:
        yield client


@contextmanager
def _fresh_database(server: str) -> Iterator[Config]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as session:
        session.execute(f"create database {name}".encode())
        yield Config.load(
            {"TAPEDECK_POSTGRES": urlsplit(server)._replace(path=f"/{name}").geturl()}
        )
        session.execute(f"drop database {name} with (force)".encode())


def fold(config: Config, messages: Sequence[Message[Any]]) -> None:
    """Let every projection have these messages, each topic from where its first one stands."""
    conninfo = postgres.address(config.postgres, config.namespace)
    read_models.prepare(conninfo, PROJECTIONS)
    by_place: dict[Place, list[Message[Any]]] = {}
    for message in messages:
        assert message.position is not None
        place = (message.position.topic, message.position.partition)
        by_place.setdefault(place, []).append(message)
    with postgres.connect(conninfo) as connection:
        for projection in PROJECTIONS:
            wanted = {
                place: batch
                for place, batch in by_place.items()
                if any(projection.wants(type(m.event)) for m in batch)
            }
            starts = {place: _offset(batch[0]) for place, batch in wanted.items()}
            cursors = {
                place: offsets.resume(connection, projection.consumer, *place, at)
                for place, at in starts.items()
            }
            folding = Folding(projection, conninfo, cursors)
            for place, batch in wanted.items():
                folding.fold(place, Taken(_offset(batch[-1]) + 1, list(batch)))
            folding.commit(connection)


def _offset(message: Message[Any]) -> int:
    assert message.position is not None
    return message.position.offset
