"""A small tape with decisions on it, and waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from events.envelope import Message, first_cause
from events.models import ModelTrained
from infra.config import Config
from infra.proofs import tables
from infra.proofs.keys import TOP
from infra.run import projections, proofs, witness
from infra.store import postgres
from infra.stream.schema_ids import SchemaIds
from infra.up.roles import WITNESSES
from tests.infra.tape_writer import write
from tests.projections.story import DIGEST, Story, ticks

DEADLINE_S = 60.0


def tell(
    config: Config, ids: SchemaIds, repeated: Sequence[Message[Any]] = ()
) -> list[Message[Any]]:
    """Twenty ticks, a model and a decision that is executed, on the tape; or these once more."""
    if repeated:
        return write(config, ids, list(repeated))
    market = write(config, ids, ticks(number=20))
    story = Story(market[-1], bar_ticks=19, entry_id=1_000)
    return [*market, *write(config, ids, [_model(), *story.market(), *story.executed()])]


def _model() -> Message[ModelTrained]:
    """How the story's model was trained."""
    trained = ModelTrained(
        model="gbt",
        model_digest=DIGEST,
        feature_digest=DIGEST,
        dataset_digest=DIGEST,
        environment_digest=DIGEST,
        timeframe_s=10,
        horizon_s=60,
        rows_train=2,
        rows_test=1,
        base_rate=0.5,
        accuracy=0.5,
        accuracy_low=0.4,
        accuracy_high=0.6,
        log_loss=0.7,
        trained_to_us=1,
    )
    return first_cause(trained, source="training", sequence="1", key="gbt", time_us=1)


@contextmanager
def at_work(config: Config) -> Iterator[None]:
    """Projections, the keeper of the logs and both witnesses, as threads."""
    stop = threading.Event()
    roles = [
        threading.Thread(target=projections.run, args=(config, stop, "audit"), daemon=True),
        threading.Thread(target=proofs.run, args=(config, stop), daemon=True),
        *(
            threading.Thread(target=witness.run, args=(config, stop, name), daemon=True)
            for name in WITNESSES
        ),
    ]
    for role in roles:
        role.start()
    try:
        yield
    finally:
        stop.set()
        for role in roles:
            role.join(DEADLINE_S)
            assert not role.is_alive()


def signed_whole(config: Config, leaves_due: int) -> bool:
    """Whether so many leaves are there, all of them signed, and both witnesses have seen it."""
    return signed(config) == leaves_due


def signed(config: Config) -> int:
    """How many leaves there are if all are signed, and both witnesses have seen it; else -1."""
    conninfo = postgres.address(config.postgres, config.namespace)
    with postgres.connect(conninfo) as connection:
        (sizes,) = connection.execute(
            """
            select coalesce(array_agg((log, held, signed)), '{}') from (
                select log, count(*) as held, (select max(size) from proof_checkpoints c
                where c.log = l.log) as signed from proof_leaves l group by log) as logs
            """
        ).fetchall()
        partitions = [each for each in sizes[0] if each[0] != TOP]
        top = tables.newest(connection, TOP)
        if top is None or any(held != found for _, held, found in sizes[0]):
            return -1
        seen = len(tables.cosigned(connection, top).signatures) == 1 + len(WITNESSES)
        return sum(int(held) for _, held, _ in partitions) if seen else -1


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
