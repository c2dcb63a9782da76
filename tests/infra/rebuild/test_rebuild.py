"""A read model built anew while it is folded and read, on a real Kafka and a real Postgres."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import pytest
from psycopg import IsolationLevel
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from events.envelope import Event, Message
from infra.bench.streams import predictions, preload
from infra.config import Config, ConfigError
from infra.rebuild import places, rebuilding
from infra.rebuild.rebuilding import Different, rebuild, roll_back
from infra.run import projections as role
from infra.store import offsets, postgres, read_models
from infra.store.read_models import Build
from infra.stream import kafka
from projections.audit import PROJECTION as AUDIT
from read_api.store import STANDS_AT
from tests.infra.at_work import process, running, until

TOPIC = "prediction-events"
FIRST, MORE = 3_000, 200
FAULTS = (
    "rebuild committed a part",
    "rebuild holds the live one",
    "rebuild swapped, not committed",
    "rebuild swapped",
)


@pytest.fixture
def made(config: Config) -> Iterator[Message[Event]]:
    """Messages to come; some are on the tape, and folded into the audit trail by its role."""
    kafka.ensure_topics(config)
    messages: Iterator[Message[Event]] = predictions(1_000_000)
    tell(config, messages, FIRST)
    return messages


def test_the_rows_are_the_same_and_no_reader_notices(
    config: Config, made: Iterator[Message[Event]]
) -> None:
    with running(audited, config), asked_all_the_time(config) as seen:
        until(lambda: rows(config) == FIRST)
        growing = threading.Event()
        with running(grow, config, made, growing):
            for _ in range(3):
                rebuild(config, AUDIT, said.append, afresh=False, differing=False)
            growing.set()
        until(lambda: rows(config) == total(config))
        count = len(seen)
        until(lambda: len(seen) > count + 20)
    assert said[0].startswith("audit: same, 3,")
    assert all(place == held for place, held in seen), "rows that are not those of the position"
    assert [place for place, _ in seen] == sorted(place for place, _ in seen)
    assert standing(config, Build.BEFORE) < standing(config, Build.LIVE) == total(config)


@pytest.mark.parametrize("place", FAULTS)
def test_a_killed_rebuild_is_gone_on_with(
    config: Config, made: Iterator[Message[Event]], place: str
) -> None:
    with running(audited, config):
        until(lambda: rows(config) == FIRST)
        tell(config, made, 20_000 if place == FAULTS[0] else MORE)
        until(lambda: rows(config) == total(config))
        with process(
            config, "infra.cli.main", "projections", "rebuild", "audit", fault=place
        ) as at:
            assert at.died_by_kill()
        assert standing(config, Build.LIVE if place == FAULTS[3] else Build.NEXT) > 0
        tell(config, made, MORE)
        rebuild(config, AUDIT, said.append, afresh=False, differing=False)
        tell(config, made, MORE)
        until(lambda: rows(config) == total(config))
    assert standing(config, Build.NEXT) == 0


@pytest.mark.usefixtures("made")
def test_two_at_once_are_refused(config: Config) -> None:
    conninfo = postgres.address(config.postgres, config.namespace)
    with postgres.connect(conninfo) as other:
        assert postgres.try_lock(other, conninfo, "rebuild-audit")
        with pytest.raises(ConfigError, match="audit is being rebuilt by another process"):
            rebuild(config, AUDIT, said.append, afresh=False, differing=False)


def test_damage_is_named_then_mended_and_comes_back_with_a_roll_back(
    config: Config, made: Iterator[Message[Event]]
) -> None:
    with running(audited, config):
        until(lambda: rows(config) == FIRST)
        live(config, "delete from audit where sequence = '0000000000000007'")
        with pytest.raises(Different, match=r"audit: 2,999 rows live, 3,000 rebuilt.*0000007"):
            rebuild(config, AUDIT, said.append, afresh=False, differing=False)
        assert rows(config) == FIRST - 1
        rebuild(config, AUDIT, said.append, afresh=False, differing=True)
        assert rows(config) == FIRST
        tell(config, made, MORE)
        until(lambda: rows(config) == FIRST + MORE)
        roll_back(config, AUDIT, said.append)
        assert rows(config) == FIRST + MORE - 1
        roll_back(config, AUDIT, said.append)
        tell(config, made, MORE)
        until(lambda: rows(config) == FIRST + 2 * MORE)


@pytest.mark.usefixtures("made")
def test_there_is_nothing_to_go_back_to(config: Config) -> None:
    with pytest.raises(ConfigError, match="nothing is kept of audit"):
        roll_back(config, AUDIT, said.append)


@pytest.mark.usefixtures("made")
def test_a_reader_with_an_old_snapshot_keeps_the_change_waiting(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "READERS_WAIT_S", 0.2)
    monkeypatch.setattr(rebuilding, "TRIES_MAX", 2)
    with running(audited, config):
        until(lambda: rows(config) == FIRST)
        with reading(config) as reader, reader.transaction():
            before = reader.execute("select count(*) from audit").fetchone()
            with pytest.raises(ConfigError, match="readers left no moment"):
                rebuild(config, AUDIT, said.append, afresh=False, differing=False)
            assert reader.execute("select count(*) from audit").fetchone() == before
        rebuild(config, AUDIT, said.append, afresh=False, differing=False)


@pytest.mark.usefixtures("made")
def test_a_live_one_that_is_begun_meanwhile_is_compared_where_it_has_caught_up(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    conninfo = postgres.address(config.postgres, config.namespace)
    catch_up = rebuilding._catch_up

    def then_begin(work: rebuilding.Work, *told: Any) -> None:
        catch_up(work, *told)
        with postgres.connect(conninfo) as connection:
            for place in work.shadow.stands:
                offsets.resume(connection, AUDIT.consumer, *place, 0)

    monkeypatch.setattr(rebuilding, "_catch_up", then_begin)
    role_later = threading.Timer(1.0, audited, (config, over := threading.Event()))
    role_later.start()
    rebuild(config, AUDIT, said.append, afresh=False, differing=False)
    over.set()
    role_later.join()
    assert said[0] == f"audit: same, {FIRST:,} rows"


said: list[str] = []


@pytest.fixture(autouse=True)
def _silence() -> None:
    said.clear()


def audited(config: Config, stop: threading.Event) -> None:
    """The role of the audit trail."""
    role.run(config, stop, "audit")


def tell(config: Config, messages: Iterator[Message[Event]], count: int) -> None:
    """So many messages more onto the tape."""
    preload(config, kafka.topic_name(config, TOPIC), islice(messages, count))


def grow(
    config: Config,
    messages: Iterator[Message[Event]],
    enough: threading.Event,
    stop: threading.Event,
) -> None:
    """Let the tape grow until it is enough."""
    while not enough.wait(0.02) and not stop.is_set():
        tell(config, messages, 20)


@contextmanager
def reading(config: Config) -> Iterator[Any]:
    """A connection as the read API has them."""
    conninfo = postgres.address(config.postgres, config.namespace)
    with postgres.connect(conninfo) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        seen, ours = read_models.read_schema(conninfo), postgres.schema_of(conninfo)
        path = SQL("set search_path to {}, {}").format(Identifier(seen), Identifier(ours))
        connection.execute(path)
        yield connection


@contextmanager
def asked_all_the_time(config: Config) -> Iterator[list[tuple[int, int]]]:
    """Three readers; what each snapshot said: records folded by the position, and rows."""
    seen: list[tuple[int, int]] = []
    turn = threading.Lock()

    def ask(stop: threading.Event) -> None:
        until(lambda: rows(config) >= 0)
        with reading(config) as connection:
            while not stop.is_set():
                with turn:
                    seen.append(_snapshot(connection))

    def ask_apart(stop: threading.Event) -> None:
        until(lambda: rows(config) >= 0)
        with reading(config) as connection:
            while not stop.is_set():
                place, held = _snapshot(connection)
                assert place == held

    with running(ask), running(ask_apart), running(ask_apart):
        yield seen


def _snapshot(connection: Any) -> tuple[int, int]:
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        places = cursor.execute(STANDS_AT, (["audit"],)).fetchall()
        held = cursor.execute("select count(*) as held from audit").fetchone()["held"]
        return sum(place["next_offset"] or 0 for place in places), held


def rows(config: Config) -> int:
    """How many rows readers see; -1 before there is anything to see."""
    conninfo = postgres.address(config.postgres, config.namespace)
    with postgres.connect(conninfo) as connection:
        shown = f"{read_models.read_schema(conninfo)}.audit"
        ((found,),) = connection.execute("select to_regclass(%s)", (shown,)).fetchall()
        if found is None:
            return -1
        return int(connection.execute(f"select count(*) from {shown}".encode()).fetchall()[0][0])


def live(config: Config, sql: str) -> None:
    """Do something to the live tables that nobody of ours may do."""
    conninfo = postgres.address(config.postgres, config.namespace)
    with (
        postgres.owner(conninfo) as connection,
        connection.transaction(),
        connection.cursor() as cursor,
    ):
        read_models.enter(cursor, conninfo, AUDIT)
        cursor.execute("set local session_replication_role = replica")
        cursor.execute(sql.encode())


def standing(config: Config, build: Build) -> int:
    """How many records a build has folded."""
    conninfo = postgres.address(config.postgres, config.namespace)
    with postgres.connect(conninfo) as connection:
        return sum(offsets.standing(connection, read_models.consumer_of(AUDIT, build)).values())


def total(config: Config) -> int:
    """How many records are on the tape."""
    with_client = kafka.consumer(config, "test")
    try:
        name = kafka.topic_name(config, TOPIC)
        return sum(
            kafka.bounds(with_client, name, number)[1]
            for number in kafka.partitions_of(with_client, name)
        )
    finally:
        with_client.close()
