"""Canaries on a real Kafka and a real Postgres: what stops a read model, they are missed by."""

from __future__ import annotations

import time

import httpx

from infra.config import Config
from infra.run import canary, read_api
from infra.store import offsets, postgres, read_models
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from projections import PROJECTIONS
from schemas.catalog import CANARIES
from tests.infra.at_work import process, running, until
from tests.infra.run.test_stopped_projection import asked
from tests.infra.tape_writer import write, write_raw
from tests.projections.story import told

ROLE = ("infra.cli.main", "run", "projections")
NAMES = sorted(projection.name for projection in PROJECTIONS)


def test_a_role_that_stands_is_noticed_on_a_tape_on_which_nothing_happens(config: Config) -> None:
    kafka.ensure_topics(config)
    with running(canary.run, config), running(read_api.run, config):
        with process(config, *ROLE) as role:
            until(lambda: well(config))
            role.freeze()
            noticed(config, "SIGSTOP")
            role.thaw()
            recovered(config, "SIGCONT")
            role.kill()
            noticed(config, "kill -9")
        with process(config, *ROLE):
            recovered(config, "another process")


def test_whoever_sends_them_is_missed_too(config: Config) -> None:
    kafka.ensure_topics(config)
    with running(read_api.run, config), process(config, *ROLE):
        with running(canary.run, config):
            until(lambda: well(config))
        until(lambda: late(config) == NAMES)
        with running(canary.run, config):
            until(lambda: asked(config)["ready"])


def test_no_answer_and_no_proof_knows_of_them(config: Config) -> None:
    kafka.ensure_topics(config)
    write(config, SchemaIds(config), told())
    with running(canary.run, config), running(read_api.run, config), process(config, *ROLE):
        until(lambda: well(config))
        with httpx.Client(base_url=config.api) as api:
            before = api.get("/audit", params={"limit": 500})
            newest = seen(config)
            until(lambda: seen(config) > newest + 1)
            after = api.get("/audit", params={"limit": 500})
            topics = {each["topic"] for each in api.get("/topics").json()["items"]}
            lists = [api.get(f"/{name}") for name in NAMES]
    assert len(before.json()["items"]) > 10
    assert (after.content, after.headers["ETag"]) == (before.content, before.headers["ETag"])
    assert CANARIES.name not in topics
    assert not any(CANARIES.name in each.headers["Tapedeck-Position"] for each in lists)
    with postgres.connect(postgres.address(config.postgres, config.namespace)) as connection:
        for projection in PROJECTIONS:
            stands = offsets.standing(connection, projection.consumer)
            assert stands, projection.name
            assert CANARIES.name not in {topic for topic, _ in stands}
        logs = connection.execute("select distinct log from proof_leaves").fetchall()
    assert not [log for (log,) in logs if CANARIES.name in log]


def test_one_that_cannot_be_read_is_set_aside_and_the_next_comes_by(config: Config) -> None:
    kafka.ensure_topics(config)
    with running(canary.run, config), running(read_api.run, config), process(config, *ROLE):
        until(lambda: well(config))
        write_raw(config, CANARIES.name, b"canary", b"no frame at all")
        newest = seen(config)
        until(lambda: seen(config) > newest + 2)
        assert well(config)
        with httpx.Client(base_url=config.api) as api:
            until(lambda: bool(api.get("/audit", params={"type": "DeadLettered"}).json()["items"]))


def well(config: Config) -> bool:
    """Whether canaries come by each read model, and nothing is stalled."""
    return bool(asked(config).get("ready")) and seen(config) >= 0


def late(config: Config) -> list[str]:
    """Those of which `/ready` says that they see none."""
    return sorted(
        line.split(":")[0] for line in asked(config).get("stalled", ()) if "no canary" in line
    )


def noticed(config: Config, what: str) -> None:
    """Wait for it, and print how long that was."""
    began_s = time.monotonic()
    until(lambda: late(config) == NAMES)
    print(f"{what}: noticed after {time.monotonic() - began_s:.1f} s")
    assert not asked(config)["ready"]


def recovered(config: Config, what: str) -> None:
    """The same, of its end."""
    began_s = time.monotonic()
    until(lambda: asked(config)["ready"])
    print(f"{what}: well again after {time.monotonic() - began_s:.1f} s")


def seen(config: Config) -> int:
    """The offset of the newest canary that has come by everyone; -1 if none has by someone."""
    conninfo = postgres.address(config.postgres, config.namespace)
    read_models.prepare(conninfo, ())
    consumers = [projection.consumer for projection in PROJECTIONS]
    with postgres.connect(conninfo) as connection:
        found = connection.execute(
            'select count(*), min("offset") from canaries where consumer = any(%s)', (consumers,)
        )
        ((count, newest),) = found.fetchall()
    return int(newest) if count == len(consumers) else -1
