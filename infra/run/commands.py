"""The deciders' process: commands in, decisions out, offsets and events in one transaction.

What a saga commands is on the tape to be seen: it was decided in the transaction that said it.
Orders that nobody takes up are ended here as well.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from commands import DECIDER_OF
from events.envelope import Message
from events.roles import RoleStarted
from infra import collector
from infra.config import Config
from infra.run.expiring import Expiry
from infra.run.loop import PASSING, Handle, loop
from infra.run.patience import patiently
from infra.run.started import started
from infra.store import postgres
from infra.store.event_store import EventStore
from infra.store.offsets import Advance
from infra.store.recorders import Effects
from infra.stream.identity import EVENT_STORE
from infra.stream.schema_ids import SchemaIds
from schemas.catalog import topic_of

CONSUMER = "commands"
TOPICS = tuple(sorted({topic_of(kind).name for kind in DECIDER_OF}))


def run(config: Config, stop: threading.Event) -> None:
    """Decide commands until `stop`."""
    collector.relax()
    conninfo = postgres.address(config.postgres, config.namespace)
    ids = SchemaIds(config)
    began: Message[RoleStarted] | None = None

    def life() -> None:
        nonlocal began
        began = began or started(config, ids, CONSUMER)
        with EventStore.open(conninfo) as store, postgres.open_pool(conninfo, 1) as pool:
            expiry = Expiry(store, pool, conninfo)
            loop(
                config,
                ids,
                CONSUMER,
                TOPICS,
                deciding(store),
                stop,
                between=expiry.beat,
                concerns=is_open,
            )

    patiently(CONSUMER, life, stop, PASSING)


def is_open(command: Message[Any]) -> bool:
    """Whether nobody has decided it yet."""
    return command.envelope.source != EVENT_STORE


def deciding(store: EventStore) -> Handle:
    """A whole batch of commands in one transaction, each on the state that the one before left."""

    def handle(messages: Sequence[Message[Any]], steps: tuple[Advance, ...]) -> None:
        work = [(DECIDER_OF[type(m.event)], m) for m in messages if is_open(m)]
        store.handle_all(work, Effects(CONSUMER, steps))

    return handle
