"""The projections on a real Kafka and a real Postgres: once, whatever happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from events.accounts import AccountOpened
from events.envelope import Message
from infra.config import Config
from infra.embedded.kafka import EmbeddedKafka
from infra.run import projections as role
from infra.store import postgres, read_models
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from projections import PROJECTIONS
from tests.infra.at_work import take_away
from tests.infra.tape_writer import write, write_raw
from tests.projections.books import accounts
from tests.projections.story import Story, ticks

DEADLINE_S = 60.0


@pytest.fixture
def tape(config: Config) -> Config:
    """A configuration whose topics exist."""
    kafka.ensure_topics(config)
    return config


@pytest.fixture
def ids(config: Config) -> SchemaIds:
    return SchemaIds(config)


def test_what_is_on_the_tape_is_in_the_tables(tape: Config, ids: SchemaIds) -> None:
    told = _tell(tape, ids)
    with running(tape):
        _until(lambda: _count(tape, "audit") == len(told) - 20)
        _until(lambda: caught_up(tape))
    assert _count(tape, "ticks") == 1
    assert _count(tape, "orders") == 3
    assert _one(tape, "select state from executions") == "completed"


def test_a_rebuild_gives_the_rows_that_were_folded_live(tape: Config, ids: SchemaIds) -> None:
    with running(tape):
        told = _tell(tape, ids)
        _until(lambda: _count(tape, "audit") == len(told) - 20)
        _until(lambda: caught_up(tape))
    live = everything(tape)
    forget(tape)
    with running(tape):
        _until(lambda: caught_up(tape))
    assert everything(tape) == live


def test_duplicates_change_nothing(tape: Config, ids: SchemaIds) -> None:
    told = _tell(tape, ids)
    with running(tape):
        _until(lambda: _count(tape, "audit") == len(told) - 20)
        _until(lambda: caught_up(tape))
        before = everything(tape)
        for topic in sorted({m.position.topic for m in told if m.position}):
            again = [m for m in told if m.position and m.position.topic == topic]
            write(tape, ids, again[-5:])
        _until(lambda: caught_up(tape))
    assert everything(tape) == before


def test_a_named_projection_runs_alone(tape: Config, ids: SchemaIds) -> None:
    _tell(tape, ids)
    with running(tape, only="orders"):
        _until(lambda: _count(tape, "orders") == 3)
    with pytest.raises(psycopg.errors.UndefinedTable):
        _count(tape, "bars")


def test_an_unreadable_tick_is_set_aside_and_the_next_are_shown(
    tape: Config, ids: SchemaIds
) -> None:
    write_raw(tape, "market-data-events", b"EURUSD", b"no frame at all")
    write(tape, ids, ticks(number=3))
    with running(tape):
        _until(lambda: _one(tape, "select source_seq from ticks") == 3)
        _until(lambda: _one(tape, "select payload->>'consumer' from audit") == "projections")


def test_an_unreadable_decision_stops_its_partition_and_no_other(
    tape: Config, ids: SchemaIds
) -> None:
    stopped = write_raw(tape, "account-events", b"90001", b"no frame at all")
    written = write(tape, ids, accounts())
    opened = [m for m in written if isinstance(m.event, AccountOpened) and m.position]
    expected = sorted(m.key for m in opened if m.position and m.position.partition != stopped)
    assert len(expected) < len(opened)
    with running(tape):
        _tell(tape, ids)
        _until(lambda: _one(tape, "select state from executions") == "completed")
        _until(lambda: _rows(tape, "select account from accounts order by 1") == expected)
        _until(
            lambda: (
                _one(tape, "select payload->>'topic' from audit where type = 'DeadLettered'")
                == "account-events"
            )
        )
    assert _rows(tape, "select account from accounts order by 1") == expected


def test_a_second_process_stands_by_until_the_first_is_gone(tape: Config, ids: SchemaIds) -> None:
    with running(tape) as first, running(tape) as second:
        write(tape, ids, ticks(number=3))
        _until(lambda: _one(tape, "select source_seq from ticks") == 3)
        first.set()
        write(tape, ids, ticks(first_seq=4, number=3))
        _until(lambda: _one(tape, "select source_seq from ticks") == 6)
        assert not second.is_set()


def test_a_lost_connection_is_made_again(tape: Config, ids: SchemaIds) -> None:
    with running(tape):
        write(tape, ids, ticks(number=3))
        _until(lambda: _one(tape, "select source_seq from ticks") == 3)
        _cut_connections(tape)
        write(tape, ids, ticks(first_seq=4, number=3))
        _until(lambda: _one(tape, "select source_seq from ticks") == 6)


def test_a_kafka_that_was_away_is_waited_for(
    broker: EmbeddedKafka, config: Config, ids: SchemaIds
) -> None:
    away = replace(config, kafka=broker.address)
    kafka.ensure_topics(away)
    with running(away):
        told = _tell(away, ids)
        _until(lambda: _count(away, "audit") == len(told) - 20)
        take_away(broker)
        write(away, ids, ticks(first_seq=21, number=3))
        _until(lambda: _one(away, "select source_seq from ticks") == 23)
        _until(lambda: caught_up(away))
    assert _count(away, "audit") == len(told) - 20
    assert _one(away, "select state from executions") == "completed"


def _tell(config: Config, ids: SchemaIds) -> list[Message[Any]]:
    """Twenty ticks, the decision that follows from them, and its execution, on the tape."""
    market = write(config, ids, ticks(number=20))
    story = Story(market[-1], bar_ticks=19, entry_id=1_000)
    return [*market, *write(config, ids, [*story.market(), *story.executed()])]


@contextmanager
def running(config: Config, only: str = "") -> Iterator[threading.Event]:
    stop = threading.Event()
    thread = threading.Thread(target=role.run, args=(config, stop, only), daemon=True)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


def _until(holds: Callable[[], bool]) -> None:
    """Wait until it holds; before the tables are there it does not."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not _now(holds):
        assert time.monotonic() < deadline_s, "it never came true"
        time.sleep(0.05)


def _now(holds: Callable[[], bool]) -> bool:
    try:
        return holds()
    except psycopg.errors.UndefinedTable:
        return False


def _rows(config: Config, sql: str) -> list[Any]:
    conninfo = postgres.address(config.postgres, config.namespace)
    with postgres.connect(conninfo) as connection:
        shown = Identifier(read_models.read_schema(conninfo))
        connection.execute(SQL("set search_path to {}").format(shown))
        return [row[0] for row in connection.execute(sql.encode()).fetchall()]


def _one(config: Config, sql: str) -> Any:
    return next(iter(_rows(config, sql)), None)


def _count(config: Config, relation: str) -> int:
    return int(_one(config, f"select count(*) from {relation}"))


def caught_up(config: Config) -> bool:
    """Whether every projection stands at the end of everything it reads."""
    conninfo = postgres.address(config.postgres, config.namespace)
    client = kafka.consumer(config, "test")
    try:
        with postgres.connect(conninfo) as connection:
            found = connection.execute("select topic, partition, next_offset from offsets")
            places = found.fetchall()
            return bool(places) and all(
                kafka.bounds(client, kafka.topic_name(config, topic), partition)[1] == at
                for topic, partition, at in places
            )
    finally:
        client.close()


def everything(config: Config) -> dict[str, list[str]]:
    """All rows of all tables of all projections, as text, in an order of their own."""
    conninfo = postgres.address(config.postgres, config.namespace)
    found = {}
    with postgres.connect(conninfo) as connection:
        for projection in PROJECTIONS:
            schema = read_models.schema_for(conninfo, projection)
            tables = connection.execute(
                "select tablename from pg_tables where schemaname = %s", (schema,)
            )
            for (table,) in tables.fetchall():
                rows = connection.execute(
                    SQL("select t::text from {} t order by 1").format(Identifier(schema, table))
                )
                found[f"{schema}.{table}"] = [row for (row,) in rows.fetchall()]
    return found


def forget(config: Config) -> None:
    """Drop every read model, and where it stood."""
    conninfo = postgres.address(config.postgres, config.namespace)
    with postgres.owner(conninfo) as connection:
        for schema in [read_models.read_schema(conninfo)] + [
            read_models.schema_for(conninfo, projection) for projection in PROJECTIONS
        ]:
            connection.execute(SQL("drop schema {} cascade").format(Identifier(schema)))
        connection.execute("truncate read_models, offsets, marks")


def _cut_connections(config: Config) -> None:
    conninfo = postgres.address(config.postgres, config.namespace)
    with postgres.owner(conninfo) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
