"""Moments that later ones begin with: the same answers, from less of the tape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from infra.asof import checkpoints, folded, kept
from infra.asof.causes import causes
from infra.asof.moments import Moments
from infra.config import Config
from infra.run import projections as role
from infra.run.read_api import open_pool
from infra.store import offsets, postgres
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from projections import orders, ticks
from projections.projection import Projection
from read_api.app import create_app
from tests.infra.at_work import running, until
from tests.infra.tape_writer import write
from tests.projections.story import told
from tests.read_api.conftest import TestClient
from tests.read_api.memory_tape import MemoryTape

POSITION = "Tapedeck-Position"
STEP = 2
TOLD = {"ticks": ticks.PROJECTION, "orders": orders.PROJECTION}


@pytest.fixture
def folding(config: Config) -> Iterator[Config]:
    """A tape that is being folded."""
    kafka.ensure_topics(config)
    with running(role.run, config):
        yield config


@pytest.fixture
def client(folding: Config) -> Iterator[TestClient]:
    ids = SchemaIds(folding)
    with TestClient(
        create_app(open_pool(folding), MemoryTape(), Moments(folding, ids), causes())
    ) as client:
        yield client


def heard(client: TestClient, config: Config) -> dict[str, tuple[Any, str]]:
    """What is said now, when all is folded, and of which positions."""
    until(lambda: _caught_up(config))
    answers = {name: client.get(f"/{name}") for name in TOLD}
    return {name: (said.json(), said.headers[POSITION]) for name, said in answers.items()}


def ask(client: TestClient, name: str, position: str) -> Any:
    return client.get(f"/{name}", params={"as_of": position})


def test_from_a_checkpoint_on_all_is_as_it_is_from_the_beginning(
    folding: Config, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, first, more = SchemaIds(folding), told(), [*told("GBPUSD", 1), *told("XAUUSD", 2)]
    write(folding, ids, first)
    then = heard(client, folding)
    write(folding, ids, first[: len(first) // 2])  # repeats, behind checkpoints too
    write(folding, ids, more)
    heard(client, folding)
    monkeypatch.setattr(folded, "RECORDS_MAX", 2 * STEP)
    monkeypatch.setattr(checkpoints, "STEP_RECORDS", STEP)
    for name, (_, position) in then.items():
        refused = ask(client, name, position)
        assert refused.status_code == 422
        assert f"`tapedeck projections checkpoint {name}` makes" in refused.json()["detail"]
        assert checkpoints.checkpoint(folding, TOLD[name]) > 3
        assert checkpoints.checkpoint(folding, TOLD[name]) == 0
    later = heard(client, folding)
    for answers in (then, later):
        for name, (said, position) in answers.items():
            again = ask(client, name, position)
            assert (again.json(), again.headers[POSITION]) == (said, position), name


def test_a_moment_that_is_kept_is_told_without_the_tape(
    folding: Config, client: TestClient
) -> None:
    write(folding, SchemaIds(folding), told())
    then = heard(client, folding)
    said = {name: ask(client, name, position).json() for name, (_, position) in then.items()}
    away = replace(folding, kafka="127.0.0.1:1")
    moments = Moments(away, SchemaIds(folding))
    with TestClient(create_app(open_pool(away), MemoryTape(), moments, causes())) as alone:
        for name, (_, position) in then.items():
            assert ask(alone, name, position).json() == said[name]


def test_beyond_their_number_the_least_useful_goes(
    folding: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folding, SchemaIds(folding), told())
    monkeypatch.setattr(checkpoints, "STEP_RECORDS", 1)
    until(lambda: _caught_up(folding))
    assert checkpoints.checkpoint(folding, ticks.PROJECTION) == 20
    assert _records(folding, ticks.PROJECTION) == list(range(1, 21))
    monkeypatch.setattr(kept, "CHECKPOINTS_MAX", 4)
    with _owner(folding) as connection:
        kept.thin(connection, ticks.PROJECTION)
    left = _records(folding, ticks.PROJECTION)
    assert (len(left), left[0], left[-1]) == (4, 1, 20)
    monkeypatch.setattr(kept, "CHECKPOINT_BYTES_MAX", 0)
    with _owner(folding) as connection:
        kept.thin(connection, ticks.PROJECTION)
    assert _records(folding, ticks.PROJECTION) == [1, 20]


def test_those_of_another_version_go(folding: Config) -> None:
    write(folding, SchemaIds(folding), told())
    until(lambda: _caught_up(folding))
    assert checkpoints.checkpoint(folding, orders.PROJECTION) == 1
    anew = replace(orders.PROJECTION, version=orders.PROJECTION.version + 1)
    assert checkpoints.checkpoint(folding, anew) == 1
    assert _records(folding, orders.PROJECTION) == []


def _records(config: Config, projection: Projection) -> list[int]:
    with _owner(config) as connection:
        return [each.records for each in kept.kept(connection, projection)]


def _owner(config: Config) -> postgres.Connection:
    return postgres.owner(postgres.address(config.postgres, config.namespace))


def _caught_up(config: Config) -> bool:
    reader = kafka.consumer(config, "test")
    try:
        with _owner(config) as connection:
            return all(
                kafka.bounds(reader, kafka.topic_name(config, topic), partition)[1] == at
                for projection in TOLD.values()
                for (topic, partition), at in offsets.standing(
                    connection, projection.consumer
                ).items()
            ) and bool(offsets.standing(connection, ticks.PROJECTION.consumer))
    finally:
        reader.close()
