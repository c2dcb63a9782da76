"""Leaves on a real Kafka and a real Postgres: each message has one, in order, and it stays."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace
from psycopg.sql import SQL, Identifier

from events.envelope import Message, Position
from infra.config import Config
from infra.proofs import leaf, leaves
from infra.run import projections as role
from infra.store import postgres, read_models
from infra.store.offsets import Superseded
from infra.stream import kafka, wire
from infra.stream.schema_ids import SchemaIds
from projections import audit
from tests.infra.proofs.at_rest import DEADLINE_S, tell, until
from tests.projections.story import Story, ticks


@contextmanager
def running(config: Config, only: str = "audit") -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=role.run, args=(config, stop, only), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


def rows(config: Config) -> list[Any]:
    with postgres.connect(postgres.address(config.postgres, config.namespace)) as connection:
        return connection.execute(
            'select log, "index", "offset", message_id, data from proof_leaves order by 1, 2'
        ).fetchall()


def expected(told: list[Message[Any]], ids: SchemaIds) -> list[Any]:
    """What the leaves of these messages are, by a way of its own."""
    found: dict[str, list[Any]] = {}
    wanted = [m for m in told if m.position and audit.PROJECTION.wants(type(m.event))]
    for message in sorted(wanted, key=lambda m: m.position or 0):
        assert message.position is not None
        name = f"{message.position.topic}/{message.position.partition}"
        of = found.setdefault(name, [])
        data = leaf.leaf_of(message, wire.write(message, ids).value)
        at = message.position.offset
        of.append((name, len(of), at, message.envelope.message_id, data))
    return [row for name in sorted(found) for row in found[name]]


def test_every_message_has_its_leaf_and_again_when_all_comes_twice(config: Config) -> None:
    kafka.ensure_topics(config)
    ids = SchemaIds(config)
    told = tell(config, ids)
    with running(config):
        until(lambda: len(rows(config)) == len(told) - 20)
    assert rows(config) == expected(told, ids)
    parts = [leaf.read(row[4]) for row in rows(config)]
    assert [(p.envelope.message_id, p.offset) for p in parts] == [
        (row[3], row[2]) for row in rows(config)
    ]
    again = tell(config, ids, repeated=told)
    assert len(again) == len(told)
    with running(config):
        until(lambda: caught_up(config))
    assert rows(config) == expected(told, ids)


def test_a_rebuild_of_the_rows_writes_no_leaf_twice(config: Config) -> None:
    kafka.ensure_topics(config)
    ids = SchemaIds(config)
    told = tell(config, ids)
    with running(config):
        until(lambda: len(rows(config)) == len(told) - 20)
    before = rows(config)
    conninfo = postgres.address(config.postgres, config.namespace)
    with postgres.owner(conninfo) as connection:
        for schema in (
            read_models.read_schema(conninfo),
            read_models.schema_for(conninfo, audit.PROJECTION),
        ):
            connection.execute(SQL("drop schema {} cascade").format(Identifier(schema)))
        connection.execute("truncate read_models, offsets, marks")
    with running(config):
        until(lambda: caught_up(config))
    assert rows(config) == before


def test_a_second_writer_loses_its_transaction(config: Config) -> None:
    conninfo = postgres.address(config.postgres, config.namespace)
    leaves.prepare(conninfo)
    places = [("order-events", 0)]
    with postgres.connect(conninfo) as connection:
        first, second = (leaves.Appender(connection, conninfo, places) for _ in range(2))
        message, value = one_message()
        for appender in (first, second):
            appender.add(message, value)
        with connection.transaction(), connection.cursor() as cursor:
            first.send(cursor)
        with (
            pytest.raises(Superseded),
            leaves.Appender.refusing(),
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            second.send(cursor)
        third = leaves.Appender(connection, conninfo, places)
        third.add(message, value)
        with connection.transaction(), connection.cursor() as cursor:
            third.send(cursor)
    assert len(rows(config)) == 1


def one_message() -> tuple[Message[Any], bytes]:
    (market,) = ticks(number=1)
    closing = replace(market, position=Position("market-data-events", 0, 1))
    message = Story(closing, bar_ticks=1).executed()[0]
    return replace(message, position=Position("order-events", 0, 7)), b"\x00\x00\x00\x00\x01payload"


def caught_up(config: Config) -> bool:
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
    except psycopg.errors.UndefinedTable:
        return False
    finally:
        client.close()
