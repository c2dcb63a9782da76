"""The relay's process: one at a time follows the log; a second waits until the first is gone."""

from __future__ import annotations

import threading

from infra import collector
from infra.config import Config
from infra.observe.traces import traces
from infra.run.loop import PASSING
from infra.run.patience import patiently
from infra.store import postgres
from infra.store.event_store import EventStore
from infra.store.relay import CONSUMER, Relay
from infra.stream.schema_ids import SchemaIds

STANDBY_S = 0.2


def run(config: Config, stop: threading.Event) -> None:
    """Publish the event store until `stop`."""
    collector.relax()
    conninfo = postgres.address(config.postgres, config.namespace)
    ids = SchemaIds(config)
    spans = traces(config, CONSUMER)

    def life() -> None:
        with EventStore.open(conninfo) as store, postgres.connect(conninfo) as connection:
            while not postgres.try_lock(connection, conninfo, CONSUMER):
                if stop.wait(STANDBY_S):
                    return
            Relay(config, store, connection, ids, spans).follow(stop)

    patiently(CONSUMER, life, stop, PASSING)
