"""A member of a consumer group that keeps its number, so that a restart moves no partition."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer

from infra.config import Config
from infra.store import offsets, postgres
from infra.store.postgres import Connection
from infra.stream import kafka

SESSION_TIMEOUT_MS = 10_000
HEARTBEAT_MS = 2_000


@contextmanager
def membership(config: Config, consumer: str) -> Iterator[tuple[Consumer, Connection]]:
    """A member of the group under the lowest free number, and the connection that holds it."""
    conninfo = postgres.address(config.postgres, config.namespace)
    postgres.migrate(conninfo, *offsets.DDL)
    with postgres.connect(conninfo) as connection:
        slot = postgres.free_slot(connection, conninfo, f"consumer/{consumer}")
        client = kafka.consumer(
            config,
            consumer,
            group_instance_id=f"{consumer}-{slot}",
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            auto_offset_reset="error",
        )
        try:
            yield client, connection
        finally:
            client.close()
