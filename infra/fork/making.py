"""A fork is made: the topics up to a position, and of the log what they tell of; or dropped."""

from __future__ import annotations

import time
from collections.abc import Callable

from confluent_kafka import Consumer
from msgspec.structs import replace
from psycopg.sql import SQL, Identifier

from infra.config import Config, ConfigError
from infra.fork.copying import Copied, Copier
from infra.fork.names import Fork, apart, forget, keep, known
from infra.replay.range import EARLIEST, LATEST, Where, offsets
from infra.store import postgres, read_models
from infra.store.postgres import Connection
from infra.store.recorders import EVENTS_TABLE, open_recorder
from infra.stream import kafka, tape
from schemas.catalog import TOPICS, Topic

Shown = Callable[[int, int], None]
TOPIC_NAMES = [topic.name for topic in TOPICS]
PATIENT_MS = 0
"""No time-out: the log is copied by one statement."""


def make(config: Config, name: str, at: Where, shown: Shown) -> Fork:
    """Copy the tape up to a position; the original is only read."""
    began_s, fork = time.monotonic(), apart(config, name)
    if any(each.name == name for each in known(config)):
        raise ConfigError(f"there is a fork {name}; `tapedeck fork drop {name}` drops it")
    made = Fork(name, fork.namespace, at.text)
    last = _last(config)
    with tape.reader(config) as client:
        ends = {topic.name: _ends(config, client, topic, at) for topic in TOPICS}
    keep(config, made)
    kafka.ensure_topics(fork)
    copied, total = Copied(), sum(end for topic in ends.values() for end in topic.values())
    copier = Copier(config, fork, copied)
    for topic in TOPICS:
        copier.copy(topic.name, ends[topic.name], lambda: shown(copied.records, total))
    shown(total, total)
    upto = max(last, copied.relayed) if at.text == LATEST else copied.relayed
    made = replace(
        made,
        whole=True,
        seconds=time.monotonic() - began_s,
        records=copied.records,
        size_bytes=copied.size_bytes,
        entries=_log_copied(config, fork, upto),
    )
    keep(config, made)
    return made


def drop(config: Config, name: str) -> None:
    """Delete a fork, however far it is: its topics and its schema, which nobody else has."""
    if all(each.name != name for each in known(config)):
        names = ", ".join(each.name for each in known(config)) or "none"
        raise ConfigError(f"no fork {name}; there are: {names}")
    fork = apart(config, name)
    client = kafka.admin(fork)
    present = client.list_topics(timeout=kafka.REQUEST_TIMEOUT_S).topics
    topics = [topic for topic in present if topic.startswith(f"{fork.namespace}.")]
    for deleted in client.delete_topics(topics).values() if topics else ():
        deleted.result(kafka.REQUEST_TIMEOUT_S)
    address = postgres.address(fork.postgres, fork.namespace, PATIENT_MS)
    with postgres.owner(address) as session:
        for schema in _schemas(session, address):
            session.execute(SQL("drop schema if exists {} cascade").format(Identifier(schema)))
    forget(config, name)


def _schemas(session: Connection, address: str) -> list[str]:
    """The fork's own, and those of the read models that were built in it."""
    found = session.execute(
        "select nspname from pg_namespace where starts_with(nspname::text, %s)",
        (f"{read_models.prefix(address)}_",),
    )
    return [postgres.schema_of(address), *(row[0] for row in found.fetchall())]


def _ends(config: Config, client: Consumer, topic: Topic, at: Where) -> dict[int, int]:
    """Where each partition of a topic ends. A place is included, and bounds others by its time."""
    if not at.places:
        return offsets(config, client, topic.name, at, EARLIEST)
    name, number, offset = at.places[0]
    broker_name = kafka.topic_name(config, name)
    if name not in TOPIC_NAMES:
        raise ConfigError(f"{at.text}: {name} is no topic; there are {', '.join(TOPIC_NAMES)}")
    if number not in kafka.partitions_of(client, broker_name):
        raise ConfigError(f"{at.text}: {name} has no partition {number}")
    low, high = tape.bounds(client, broker_name, number)
    inside = low <= offset < high
    found = (
        next(tape.read(client, broker_name, number, offset, offset + 1), None) if inside else None
    )
    if found is None:
        raise ConfigError(f"{at.text}: no record stands there; the partition ends at {high}")
    moment = Where(at.text, moment_ms=found[0].timestamp_ms + 1)
    ends = offsets(config, client, topic.name, moment, EARLIEST)
    return {**ends, number: offset + 1} if topic.name == name else ends


def _last(config: Config) -> int:
    """The last number of the log, before the ends of topics are looked at."""
    with postgres.connect(postgres.address(config.postgres, config.namespace)) as session:
        return _one(session, f"select coalesce(max(notification_id), 0) from {EVENTS_TABLE}")


def _log_copied(config: Config, fork: Config, upto: int) -> int:
    """The log up to a number, in the fork's own schema; how many entries that is."""
    address = postgres.address(fork.postgres, fork.namespace, PATIENT_MS)
    open_recorder(address).close()
    original = Identifier(postgres.schema_of(postgres.address(config.postgres, config.namespace)))
    table = Identifier(EVENTS_TABLE)
    with postgres.owner(address) as session:
        copied = session.execute(
            SQL("insert into {} select * from {}.{} where notification_id <= %s").format(
                table, original, table
            ),
            (upto,),
        ).rowcount
        session.execute(
            f"select setval(pg_get_serial_sequence('{EVENTS_TABLE}', 'notification_id'), "
            f"greatest(1, {upto}))".encode()
        )
    return copied


def _one(session: postgres.Connection, sql: str) -> int:
    row = session.execute(sql.encode()).fetchone()
    assert row is not None, "an aggregate is one row"
    return int(row[0])
