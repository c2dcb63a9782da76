"""A consumer whose effect shows every repeat: one row per message it is given.

`python -m tests.infra.effects` runs it alone, with the configuration in the environment.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Sequence
from typing import Any

from events.envelope import Message
from infra.config import Config
from infra.run.loop import PASSING, Handle, loop
from infra.run.patience import patiently
from infra.store import offsets, postgres
from infra.store.offsets import Advance
from infra.stream.schema_ids import SchemaIds

CONSUMER = "effects"
TOPIC = "account-events"
SLOW, SLOW_S = "slow", 5.0
TOO_MUCH = "too much"
"""What the handler fails at, having written all that came before."""
HELD: list[str] = []
"""Partitions that it was told are not read on."""
DDL = "create table if not exists effects (id bigserial, key text, reason text)"


def address(config: Config) -> str:
    """Where the rows are."""
    return postgres.address(config.postgres, config.namespace)


def handling(conninfo: str) -> Handle:
    """A row per message, then the step: a message that says so takes long in between."""

    def handle(messages: Sequence[Message[Any]], steps: tuple[Advance, ...]) -> None:
        with postgres.connect(conninfo) as session, session.transaction():
            cursor = session.cursor()
            for message in messages:
                if message.event.reason == TOO_MUCH:
                    raise ZeroDivisionError(TOO_MUCH)
                row = (message.key, message.event.reason)
                cursor.execute("insert into effects (key, reason) values (%s, %s)", row)
            if any(message.event.reason == SLOW for message in messages):
                time.sleep(SLOW_S)
            offsets.advance(cursor, CONSUMER, steps)

    return handle


def consume(config: Config, stop: threading.Event) -> None:
    """Until `stop`."""
    ids = SchemaIds(config)

    def life() -> None:
        handle = handling(address(config))
        loop(config, ids, CONSUMER, (TOPIC,), handle, stop, held=HELD.append)

    patiently(CONSUMER, life, stop, PASSING)


def rows(config: Config) -> list[tuple[str, str]]:
    """Every effect, in order."""
    with postgres.connect(address(config)) as session:
        return session.execute("select key, reason from effects order by id").fetchall()


def main() -> None:
    """Until SIGTERM."""
    logging.basicConfig(level="INFO", format="%(asctime)s %(process)d %(name)s %(message)s")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    consume(Config.load(os.environ), stop)


if __name__ == "__main__":
    main()
