"""Killed as it appends leaves, again and again: the logs are those of who was never killed."""

from __future__ import annotations

from itertools import cycle

from infra.bench.streams import predictions, preload
from infra.config import Config
from infra.proofs import leaves
from infra.run import projections as role
from infra.store import postgres, read_models
from infra.stream import kafka
from projections.audit import PROJECTION as AUDIT
from tests.infra.at_work import process, running, until
from tests.infra.run.test_projections import caught_up, forget

EVENTS, KILLS_MIN = 32_000, 3
PROJECTING = ("infra.cli.main", "run", "projections")


def test_no_leaf_is_lost_or_doubled(config: Config) -> None:
    """As soon as there are more rows, or more leaves: whichever were first without the other."""
    kafka.ensure_topics(config)
    preload(config, kafka.topic_name(config, "prediction-events"), predictions(EVENTS))
    read_models.prepare(address(config), (AUDIT,))
    leaves.prepare(address(config))
    audit = f"{read_models.schema_for(address(config), AUDIT)}.audit"
    kills = 0
    with postgres.connect(address(config)) as connection:
        for table in cycle((audit, "proof_leaves")):
            if (stood := count(connection, table)) == EVENTS:
                break
            with process(config, *PROJECTING) as projecting:
                while count(connection, table) == stood:
                    assert projecting.alive
                projecting.kill()
            kills += 1
            one_look = f"select (select count(*) from {audit}), (select count(*) from proof_leaves)"
            ((rows, leaves_there),) = connection.execute(one_look.encode()).fetchall()
            assert rows == leaves_there
    assert kills > KILLS_MIN
    killed = logs(config)
    anew(config)
    assert killed == logs(config)


def anew(config: Config) -> None:
    """Everything folded again, by who is not disturbed."""
    forget(config)
    with postgres.owner(address(config)) as connection:
        for table in leaves.TABLES:
            connection.execute(f"drop table {table}".encode())
    leaves.prepare(address(config))
    with running(role.run, config), postgres.connect(address(config)) as connection:
        until(lambda: count(connection, "proof_leaves") == EVENTS and caught_up(config))


def address(config: Config) -> str:
    return postgres.address(config.postgres, config.namespace)


def count(connection: postgres.Connection, table: str) -> int:
    ((found,),) = connection.execute(f"select count(*) from {table}".encode()).fetchall()
    return int(found)


def logs(config: Config) -> list[tuple[str, int, str]]:
    """Every leaf of every log, and what its bytes are."""
    with postgres.connect(address(config)) as connection:
        sql = 'select log, "index", md5(data) from proof_leaves order by 1, 2'
        return connection.execute(sql).fetchall()
