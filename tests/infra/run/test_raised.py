"""A read model whose version was raised: the old one serves until the new one has caught up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from psycopg.rows import dict_row

from events.envelope import Event, Message
from infra.bench.streams import predictions
from infra.config import Config
from infra.rebuild import places
from infra.rebuild.handing_over import hand_over
from infra.run import projections as role
from infra.run import reading as reading_role
from infra.run.patience import patiently
from infra.store import offsets, postgres, read_models
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from projections.predictions import PROJECTION as OLD
from projections.projection import Projection
from read_api.store import STANDS_AT
from tests.infra.at_work import running, until
from tests.infra.rebuild.test_rebuild import FIRST, grow, reading, tell

NEW = replace(OLD, version=OLD.version + 1)


@pytest.fixture
def made(config: Config) -> Iterator[Message[Event]]:
    kafka.ensure_topics(config)
    messages: Iterator[Message[Event]] = predictions(1_000_000)
    tell(config, messages, FIRST)
    return messages


@pytest.mark.parametrize("beside", [True, False])
def test_readers_see_no_step_backwards(
    config: Config, made: Iterator[Message[Event]], beside: bool
) -> None:
    """The old role is gone before the new one begins, or goes on beside it for a while."""
    with asked_all_the_time(config) as seen, running(of(OLD), config) as over:
        until(lambda: bool(seen) and seen[-1][2] == FIRST)
        growing = threading.Event()
        with running(grow, config, made, growing):
            if not beside:
                over.set()
            with running(of(NEW), config):
                until(lambda: seen[-1][0] == NEW.version)
                over.set()
                held = seen[-1][2]
                until(lambda: seen[-1][2] > held + 100)
                growing.set()
    versions = [version for version, _, _ in seen]
    assert set(versions) == {OLD.version, NEW.version}
    assert versions == sorted(versions)
    assert [place for _, place, _ in seen] == sorted(place for _, place, _ in seen)
    assert [rows for _, _, rows in seen] == sorted(rows for _, _, rows in seen)
    assert all(rows >= place for _, place, rows in seen), "fewer rows than the position says"


@pytest.mark.usefixtures("made")
def test_what_is_in_the_way_is_waited_for(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "READERS_WAIT_S", 0.2)
    conninfo = postgres.address(config.postgres, config.namespace)
    with running(of(OLD), config):
        until(lambda: stands(config, OLD) == FIRST)
    read_models.prepare(conninfo, (NEW,))
    assert hand_over(conninfo, NEW) == f"version {OLD.version}, which stands before this one"
    monkeypatch.setattr(reading_role, "hand_over", lambda *_: "the test")
    with running(of(NEW), config):
        until(lambda: stands(config, NEW) == FIRST)
    with reading(config) as reader, reader.transaction():
        assert _shown(reader) == OLD.version
        assert hand_over(conninfo, NEW).startswith("a snapshot of Postgres process")
        assert _shown(reader) == OLD.version
    assert hand_over(conninfo, NEW) == ""
    with reading(config) as reader:
        assert _shown(reader) == NEW.version
    with postgres.connect(conninfo) as writer:
        assert postgres.try_lock(writer, conninfo, NEW.consumer)
        assert hand_over(conninfo, OLD).endswith("which is shown and still written")
    assert hand_over(conninfo, OLD) == ""


def stands(config: Config, projection: Projection) -> int:
    """How many records a version has folded."""
    conninfo = postgres.address(config.postgres, config.namespace)
    read_models.prepare(conninfo, ())
    with postgres.connect(conninfo) as connection:
        return sum(offsets.standing(connection, projection.consumer).values())


def _shown(connection: Any) -> int:
    sql = "select version from read_models where name = %s"
    return int(connection.execute(sql, (OLD.name,)).fetchall()[0][0])


def of(projection: Projection) -> Callable[[Config, threading.Event], None]:
    """The role of one read model, as the code of that version has it."""

    def run(config: Config, stop: threading.Event) -> None:
        conninfo, ids = postgres.address(config.postgres, config.namespace), SchemaIds(config)

        def life() -> None:
            role._hold(config, conninfo, (projection,), ids, stop)

        patiently(role.ROLE, life, stop, role.PASSING)

    return run


@contextmanager
def asked_all_the_time(config: Config) -> Iterator[list[tuple[int, int, int]]]:
    """A reader; what each snapshot said: version, records folded by the position, rows."""
    seen: list[tuple[int, int, int]] = []
    conninfo = postgres.address(config.postgres, config.namespace)
    read_models.prepare(conninfo, (OLD,))

    def ask(stop: threading.Event) -> None:
        with reading(config) as connection:
            while not stop.is_set():
                seen.append(_snapshot(connection))

    with running(ask):
        yield seen


def _snapshot(connection: Any) -> tuple[int, int, int]:
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        places = cursor.execute(STANDS_AT, ([OLD.name],)).fetchall()
        held = cursor.execute("select count(*) as held from predictions").fetchone()["held"]
        return places[0]["version"], sum(place["next_offset"] or 0 for place in places), held
