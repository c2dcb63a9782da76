"""A topic that was made anew is another tape, also when it has grown past where we stood."""

from __future__ import annotations

import threading
import time

import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY as METRICS
from psycopg.errors import UndefinedTable
from psycopg.sql import SQL, Identifier

from events.accounts import AccountHalted
from infra import whole
from infra.config import Config
from infra.run import projections, snapshots
from infra.run.processing import Stage
from infra.run.resuming import resumed
from infra.store import postgres
from infra.store.read_models import read_schema
from infra.stream import kafka
from infra.stream import tape as tapes
from infra.stream.schema_ids import SchemaIds
from infra.stream.tape import TapeReplaced
from processors import PROCESSORS
from projections.ticks import PROJECTION as TICKS
from tests.infra import effects
from tests.infra.at_work import running, until
from tests.infra.tape_writer import write
from tests.orders import said
from tests.projections.story import ticks

SETTLE_S = 5.0
LOOKS_S = 3.0
"""Away for longer, a topic is missed before it comes back."""


@pytest.fixture
def tape(config: Config) -> Config:
    """Topics, and a table for effects."""
    kafka.ensure_topics(config)
    postgres.migrate(effects.address(config), effects.DDL)
    return config


def test_a_consumer_of_it_ends(tape: Config) -> None:
    ids = SchemaIds(tape)
    halts = [said(AccountHalted(account="a", reason=str(n)), n) for n in range(3)]
    write(tape, ids, halts[:1])
    with running(effects.consume, tape):
        until(lambda: len(effects.rows(tape)) == 1)
    make_anew(tape, effects.TOPIC)
    write(tape, ids, halts)
    with pytest.raises(TapeReplaced, match=f"{effects.TOPIC}'], which was made anew"):
        effects.consume(tape, threading.Event())


@pytest.mark.parametrize("pause_s", [0.0, 1.0, 4.0])
def test_a_consumer_that_is_at_work_ends_too(tape: Config, pause_s: float) -> None:
    """However long there is no topic: it may come back while nobody looks."""
    ids = SchemaIds(tape)
    halts = [said(AccountHalted(account="a", reason=str(n)), n) for n in range(9)]
    write(tape, ids, halts[:3])

    def work() -> None:
        with running(effects.consume, tape):
            until(lambda: len(effects.rows(tape)) == 3)
            make_anew(tape, effects.TOPIC, pause_s)
            write(tape, ids, halts)
            time.sleep(SETTLE_S)

    with pytest.raises(TapeReplaced):
        work()
    if pause_s > LOOKS_S:
        assert len(effects.rows(tape)) == 3


@pytest.mark.parametrize("pause_s", [0.0, 4.0])
def test_a_projection_that_is_at_work_goes_on_without_it(tape: Config, pause_s: float) -> None:
    ids = SchemaIds(tape)
    write(tape, ids, ticks(number=3))
    with running(lambda stop: projections.run(tape, stop, "ticks")):
        until(lambda: newest(tape) == 3)
        assert stopped() == 0
        make_anew(tape, "market-data-events", pause_s)
        write(tape, ids, ticks(number=9))
        until(lambda: stopped() == 2)
    if pause_s > LOOKS_S:
        assert newest(tape) == 3


def test_one_that_comes_back_while_a_consumer_waits_for_it_ends_him(tape: Config) -> None:
    """It has grown past where he stood before he sees that it is there again."""
    ids = SchemaIds(tape)
    halts = [said(AccountHalted(account="a", reason=str(n)), n) for n in range(9)]
    write(tape, ids, halts[:3])
    with running(effects.consume, tape):
        until(lambda: len(effects.rows(tape)) == 3)
    topic = kafka.topic_name(tape, effects.TOPIC)
    client = kafka.admin(tape)
    client.delete_topics([topic])[topic].result(10)
    until(lambda: not kafka.topic_ids(tape, [topic]))

    def come_back() -> None:
        kafka.ensure_topics(tape)
        write(tape, ids, halts)

    back = threading.Timer(3.0, come_back)
    back.start()
    with pytest.raises(TapeReplaced):
        effects.consume(tape, threading.Event())
    back.join()
    assert len(effects.rows(tape)) == 3


def test_a_projection_does_not_read_it(tape: Config) -> None:
    ids = SchemaIds(tape)
    write(tape, ids, ticks(number=3))
    with running(lambda stop: projections.run(tape, stop, "ticks")):
        until(lambda: newest(tape) == 3)
        assert stopped() == 0
    make_anew(tape, "market-data-events")
    write(tape, ids, ticks(number=9))
    with running(lambda stop: projections.run(tape, stop, "ticks")):
        until(lambda: stopped() == 2)
    assert newest(tape) == 3


def test_a_processor_does_not_go_on_from_its_snapshot(tape: Config) -> None:
    stage = Stage(PROCESSORS[0], SchemaIds(tape))
    path = snapshots.path_of(tape, stage.processor.name, 0)
    topic = kafka.topic_name(tape, stage.reads)
    with tapes.reader(tape) as client:
        ours = resumed(tape, client, stage, 0)
        whole.write(path, snapshots.frozen(stage.processor, topic, ours))
        assert resumed(tape, client, stage, 0) == ours
        make_anew(tape, stage.reads)
        with pytest.raises(TapeReplaced, match="made anew"):
            resumed(tape, client, stage, 0)
        unnamed = replace(ours, topic_id="")  # as it was kept before
        whole.write(path, snapshots.frozen(stage.processor, topic, unnamed))
        assert resumed(tape, client, stage, 0).topic_id not in ("", ours.topic_id)


def make_anew(config: Config, name: str, pause_s: float = 0.0) -> None:
    """Delete the topic with all that it holds, and create it."""
    topic = kafka.topic_name(config, name)
    client = kafka.admin(config)
    client.delete_topics([topic])[topic].result(10)
    until(lambda: not kafka.topic_ids(config, [topic]))
    time.sleep(pause_s)
    kafka.ensure_topics(config)
    until(lambda: bool(kafka.topic_ids(config, [topic])))


def stopped() -> float | None:
    """How many partitions the read model of ticks does not read."""
    return METRICS.get_sample_value("tapedeck_stopped_partitions", {"role": TICKS.consumer})


def newest(config: Config) -> int:
    """The number of the newest tick that is shown; 0 while there is no table."""
    conninfo = effects.address(config)
    with postgres.connect(conninfo) as session:
        shown = SQL("select source_seq from {}.ticks")
        try:
            rows = session.execute(shown.format(Identifier(read_schema(conninfo)))).fetchall()
        except UndefinedTable:
            return 0
        return int(rows[0][0]) if rows else 0
