"""A small tape with decisions on it, and waiting."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from events.envelope import Message
from infra.config import Config
from infra.stream.schema_ids import SchemaIds
from tests.infra.tape_writer import write
from tests.projections.story import Story, ticks

DEADLINE_S = 60.0


def tell(
    config: Config, ids: SchemaIds, repeated: Sequence[Message[Any]] = ()
) -> list[Message[Any]]:
    """Twenty ticks and a decision that is executed, on the tape; or these messages once more."""
    if repeated:
        return write(config, ids, list(repeated))
    market = write(config, ids, ticks(number=20))
    story = Story(market[-1], bar_ticks=19, entry_id=1_000)
    return [*market, *write(config, ids, [*story.market(), *story.executed()])]


def until(holds: Callable[[], bool]) -> None:
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
