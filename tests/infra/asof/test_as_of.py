"""Every list and every row as of a moment: what was answered then, whatever has happened since.

Which endpoints there are is read from the OpenAPI document: a new one is included by being there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from infra.asof.causes import causes
from infra.asof.moments import Moments
from infra.config import Config
from infra.run import projections as role
from infra.run.read_api import open_pool
from infra.store import postgres, read_models
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from projections import PROJECTIONS
from read_api.app import create_app
from read_api.asof import PARAMETER
from read_api.routes import RESOURCES
from tests.infra.tape_writer import write, write_raw
from tests.projections.story import told
from tests.read_api.conftest import TestClient
from tests.read_api.memory_tape import MemoryTape

DEADLINE_S = 60.0
PARTS = 4
POSITION = "Tapedeck-Position"
ONE = "/{name}"
STORIES = [each for each in RESOURCES if each.name in ("executions", "orders", "signals")]
"""Where the names are that a path without a list of its own is asked for."""
Answers = dict[str, tuple[Any, str]]


@pytest.fixture
def tape(config: Config) -> Config:
    kafka.ensure_topics(config)
    return config


@pytest.fixture
def client(tape: Config) -> Iterator[TestClient]:
    ids = SchemaIds(tape)
    with TestClient(
        create_app(open_pool(tape), MemoryTape(), Moments(tape, ids), causes())
    ) as client:
        yield client


def test_an_answer_as_of_its_positions_is_the_same_for_ever(
    tape: Config, client: TestClient
) -> None:
    """Folded in parts, asked after each; then more is folded, and all of it again from nothing."""
    ids, story = SchemaIds(tape), told()
    size = -(-len(story) // PARTS)
    heard: list[Answers] = []
    for begin in range(0, len(story), size):
        write(tape, ids, story[begin : begin + size])
        heard.append(_answers(tape, client))
    assert len({str(answers) for answers in heard}) == len(heard), "the story does not go on"
    write(tape, ids, story[:size])  # a writer that repeats itself
    heard.append(_answers(tape, client))
    write(tape, ids, [*told("GBPUSD", 1), *told("XAUUSD", 2)])
    _asked_again(client, heard)
    _forget(tape)
    now = _answers(tape, client)
    _asked_again(client, heard)
    _asked_again(client, [now])


def test_right_after_a_record_is_where_it_stands_and_what_its_time_means(
    tape: Config, client: TestClient
) -> None:
    ids, story = SchemaIds(tape), told()
    middle = next(m for m in reversed(story) if type(m.event).__name__ == "OrderFilled")
    until = story.index(middle) + 1
    (*_, written) = write(tape, ids, story[:until])
    before = _answers(tape, client)
    time.sleep(1.1)
    write(tape, ids, [*story[until:], *told("GBPUSD", 1)])
    _answers(tape, client)
    position = written.position
    assert position is not None
    after_record = client.get("/orders", params={PARAMETER: str(position)})
    assert after_record.json() == before["/orders"][0]
    assert f"{position.topic}=" in after_record.headers[POSITION]
    after_message = client.get("/orders", params={PARAMETER: middle.envelope.message_id})
    assert after_message.json() == before["/orders"][0]
    assert after_message.headers[POSITION] == after_record.headers[POSITION]


def test_a_moment_of_time_is_before_the_first_record_of_that_time(
    tape: Config, client: TestClient
) -> None:
    ids = SchemaIds(tape)
    empty = datetime.now(UTC).isoformat()
    time.sleep(0.05)
    write(tape, ids, told())
    then = _answers(tape, client)
    time.sleep(0.05)
    between_us = time.time_ns() // 1_000
    time.sleep(1.1)
    write(tape, ids, told("GBPUSD", 1))
    _answers(tape, client)
    for path, (answer, position) in then.items():
        again = client.get(path, params={PARAMETER: str(between_us)})
        assert (again.json(), again.headers[POSITION]) == (answer, position), path
    nothing = client.get("/orders", params={PARAMETER: empty})
    assert nothing.json() == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("asked", "status", "why"),
    [
        ("last week", 422, "as_of is last week; give `Tapedeck-Position` of an answer"),
        ("order-events=0", 422, "no position of a topic"),
        ("order-events=0:0", 422, "take `Tapedeck-Position`"),
        ("order-events/0/99", 422, "holds 0 to 0 there"),
        ("no-such-topic/0/0", 422, "there is no no-such-topic/0"),
        ("2999-01-01T00:00:00Z", 422, "not over yet"),
        ("00000000-0000-5000-8000-000000000000", 404, "a tick is named by its place"),
    ],
)
def test_what_is_no_moment_of_the_tape_is_told(
    tape: Config, client: TestClient, asked: str, status: int, why: str
) -> None:
    with _running(tape):
        _until(lambda: _caught_up(tape))
    refused = client.get("/orders", params={PARAMETER: asked})
    assert refused.status_code == status, refused.text
    assert why in refused.json()["detail"]


def test_a_position_beyond_the_end_is_told(tape: Config, client: TestClient) -> None:
    answers = _answers(tape, client)
    beyond = answers["/signals"][1].replace(":0", ":7")
    refused = client.get("/signals", params={PARAMETER: beyond})
    assert refused.status_code == 422
    assert "beyond the tape" in refused.json()["detail"]


def test_behind_a_record_that_cannot_be_read_nothing_is_known(
    tape: Config, client: TestClient
) -> None:
    partition = write_raw(tape, "account-events", b"90001", b"no frame at all")
    time.sleep(1.1)
    held = client.get("/accounts", params={PARAMETER: f"account-events/{partition}/0"})
    assert held.status_code == 409, held.text
    assert "cannot be read" in held.json()["detail"]


def test_one_that_nobody_waits_for_is_passed_over_as_it_was(
    tape: Config, client: TestClient
) -> None:
    partition = write_raw(tape, "signal-events", b"EURUSD", b"no frame at all")
    time.sleep(1.1)
    passed = client.get("/signals", params={PARAMETER: f"signal-events/{partition}/0"})
    assert passed.json() == {"items": [], "next": None}


def _answers(tape: Config, client: TestClient) -> Answers:
    """What every endpoint with a moment says now, by path, with its positions."""
    with _running(tape):
        _until(lambda: _caught_up(tape))
    return {path: _said(client, path) for path in paths(client)}


def _asked_again(client: TestClient, heard: list[Answers]) -> None:
    for answers in heard:
        for path, said in answers.items():
            assert _said(client, path, **{PARAMETER: said[1]}) == said, path


def _said(client: TestClient, path: str, **asked: str) -> tuple[Any, str]:
    answer = client.get(path, params=asked)
    assert answer.status_code == 200, (path, answer.text)
    return answer.json(), answer.headers[POSITION]


def paths(client: TestClient) -> Iterator[str]:
    """Each list, and each row that a list shows."""
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        names = [each["name"] for each in methods["get"].get("parameters", ())]
        if PARAMETER not in names:
            continue
        if not path.endswith(ONE):
            yield path
            continue
        of = path.removesuffix(ONE)
        lists = [each for each in RESOURCES if each.path == of] or STORIES
        for each in lists:
            for item in client.get(each.path).json()["items"]:
                yield f"{of}/{item[each.query.key]}"


@contextmanager
def _running(config: Config) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=role.run, args=(config, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


def _until(holds: Callable[[], bool]) -> None:
    until_s = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.1)


def _caught_up(config: Config) -> bool:
    conninfo = postgres.address(config.postgres, config.namespace)
    reader = kafka.consumer(config, "test")
    try:
        with postgres.connect(conninfo) as connection:
            places = connection.execute("select topic, partition, next_offset from offsets")
            found = places.fetchall()
        return bool(found) and all(
            kafka.bounds(reader, kafka.topic_name(config, topic), partition)[1] == at
            for topic, partition, at in found
        )
    except psycopg.errors.UndefinedTable:
        return False
    finally:
        reader.close()


def _forget(config: Config) -> None:
    conninfo = postgres.address(config.postgres, config.namespace)
    gone = [read_models.schema_for(conninfo, projection) for projection in PROJECTIONS]
    with postgres.owner(conninfo) as connection:
        for schema in [read_models.read_schema(conninfo), *gone]:
            connection.execute(SQL("drop schema {} cascade").format(Identifier(schema)))
        connection.execute("truncate read_models, offsets, marks")
