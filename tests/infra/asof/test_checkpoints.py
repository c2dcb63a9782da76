"""Moments that later ones begin with: the same answers, from less of the tape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from infra.asof import checkpoints, folded, kept, vectors
from infra.asof.causes import causes
from infra.asof.moments import Moments
from infra.asof.vectors import bounds_of
from infra.config import Config, ConfigError
from infra.run import projections as role
from infra.run.read_api import open_pool
from infra.store import offsets, postgres, read_models
from infra.stream import kafka, tape
from infra.stream.schema_ids import SchemaIds
from projections import PROJECTIONS, audit, orders, ticks
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


def test_a_moment_that_looks_at_live_rows_is_nothing_to_begin_with(config: Config) -> None:
    """Asked for what nobody has folded yet, the audit trail is folded from the start."""
    kafka.ensure_topics(config)
    read_models.prepare(postgres.address(config.postgres, config.namespace), PROJECTIONS)
    ids, first, more = SchemaIds(config), told(), told("GBPUSD", 1)
    moments = Moments(config, ids)
    with TestClient(create_app(open_pool(config), MemoryTape(), moments, causes())) as client:
        with running(role.run, config):
            write(config, ids, first)
            until(lambda: _caught_up(config, audit.PROJECTION))
            then = _audited(client)
        assert _audited(client, then.headers[POSITION]).json() == then.json()
        write(config, ids, more)
        folded_anew = _audited(client, _end(config, audit.PROJECTION))
        with running(role.run, config):
            until(lambda: _caught_up(config, audit.PROJECTION))
            now = _audited(client)
    assert len(now.json()["items"]) > len(then.json()["items"]) > 0
    assert (folded_anew.json(), folded_anew.headers[POSITION]) == (
        now.json(),
        now.headers[POSITION],
    )


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


def test_of_another_tape_none_are_made(
    folding: Config, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folding, SchemaIds(folding), told())
    heard(client, folding)
    assert checkpoints.checkpoint(folding, orders.PROJECTION) == 1
    shorter = partial(_cut, bounds_of)
    monkeypatch.setattr(checkpoints, "bounds_of", shorter)
    with pytest.raises(ConfigError, match="this is another tape"):
        checkpoints.checkpoint(folding, orders.PROJECTION)


def test_records_of_the_future_hold_up_none(
    folding: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock went backwards: what stands on the tape is younger than now."""
    write(folding, SchemaIds(folding), told())
    until(lambda: _caught_up(folding))
    monkeypatch.setattr(vectors, "SETTLES_MS", 10**9)
    monkeypatch.setattr(checkpoints, "STEP_RECORDS", STEP)
    assert checkpoints.checkpoint(folding, ticks.PROJECTION) == 20 // STEP


def _cut(bounds: Any, *asked: Any) -> checkpoints.Bounds:
    return {place: (low, high // 2) for place, (low, high) in bounds(*asked).items()}


def _records(config: Config, projection: Projection) -> list[int]:
    with _owner(config) as connection:
        return [each.records for each in kept.kept(connection, projection)]


def _owner(config: Config) -> postgres.Connection:
    return postgres.owner(postgres.address(config.postgres, config.namespace))


def _audited(client: TestClient, position: str = "") -> Any:
    asked = {"as_of": position} if position else {}
    return client.get("/audit", params={"limit": "500", **asked})


def _end(config: Config, projection: Projection) -> str:
    with tape.reader(config) as reader:
        bounds = bounds_of(config, reader, projection)
    places = {place: high for place, (_, high) in bounds.items()}
    return kept.standing_of(projection, places).position


def _caught_up(config: Config, *projections: Projection) -> bool:
    reader = kafka.consumer(config, "test")
    try:
        with _owner(config) as connection:
            return all(
                kafka.bounds(reader, kafka.topic_name(config, topic), partition)[1] == at
                for projection in projections or TOLD.values()
                for (topic, partition), at in offsets.standing(
                    connection, projection.consumer
                ).items()
            ) and all(
                offsets.standing(connection, projection.consumer)
                for projection in projections or TOLD.values()
            )
    finally:
        reader.close()
