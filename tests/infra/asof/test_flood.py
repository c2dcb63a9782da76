"""However many moments are asked about: few are made, few are kept, and the others are told so."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from psycopg.errors import LockNotAvailable
from psycopg.sql import SQL, Identifier

from infra.asof import kept, moments
from infra.asof.kept import Kept
from infra.asof.moments import Moments
from infra.config import Config
from infra.store import postgres
from infra.store.postgres import Connection
from infra.stream.schema_ids import SchemaIds
from projections import ticks
from read_api.asof import AsOf, Moment
from read_api.problems import Problem
from read_api.store import Standing

TICKS = ticks.PROJECTION
IDLE, FRESH = timedelta(minutes=5), timedelta(seconds=1)


@pytest.fixture
def owner(config: Config) -> Iterator[Connection]:
    """Of the owner, where moments are kept."""
    conninfo = postgres.address(config.postgres, config.namespace)
    kept.prepare(conninfo)
    with postgres.owner(conninfo) as connection:
        yield connection


def test_the_idlest_make_room_and_checkpoints_do_not(
    owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "KEPT_MAX", 3)
    pinned = keep(owner, 0, IDLE * 9, checkpoint=True)
    idlest, idle, fresh = (keep(owner, n, t) for n, t in enumerate((IDLE * 2, IDLE, FRESH), 1))
    kept.make_room(owner)
    assert there(owner) == {pinned, idle, fresh}
    assert idlest not in schemas(owner)
    monkeypatch.setattr(kept, "KEPT_BYTES_MAX", kept._bytes(owner, fresh))
    kept.make_room(owner)
    assert there(owner) == {pinned, fresh}


@pytest.mark.parametrize(("limit", "most"), [("KEPT_MAX", 2), ("KEPT_BYTES_MAX", 1)])
def test_what_has_just_been_asked_for_stays(
    owner: Connection, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(kept, limit, most)
    fresh = {keep(owner, number, FRESH) for number in range(2)}
    with pytest.raises(Problem, match="2 moments are being asked about already") as busy:
        kept.make_room(owner)
    assert (busy.value.status, busy.value.headers) == (503, {"Retry-After": "1"})
    assert there(owner) == fresh


def test_few_wait_for_a_moment_and_the_others_are_told(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moments, "WAITING_MAX", 3)
    going = threading.Event()
    made = Moment("there", Standing(TICKS.name, TICKS.version, {}))

    def slowly(*_: object) -> Moment:
        assert going.wait(10)
        return made

    monkeypatch.setattr(Moments, "_made", slowly)

    async def asked() -> list[Moment | BaseException]:
        at = Moments(config, SchemaIds(config))
        asking = [asyncio.create_task(at.at(TICKS, AsOf("", time_us=n))) for n in range(5)]
        await asyncio.sleep(0.1)
        going.set()
        found = await asyncio.gather(*asking, return_exceptions=True)
        return [*found, await at.at(TICKS, AsOf("", time_us=9))]

    *answers, after = asyncio.run(asked())
    assert answers.count(made) == 3
    refusals = [str(each) for each in answers if isinstance(each, Problem)]
    assert refusals == ["3 moments are waited for already; try again soon"] * 2
    assert after == made


def test_a_moment_to_begin_with_is_not_dropped_meanwhile(config: Config, owner: Connection) -> None:
    """Who drops it waits; and one that was just dropped is nothing to begin with."""
    schema = keep(owner, 1, IDLE)
    with owner.transaction():
        assert kept._held(owner, schema)
        with postgres.owner(postgres.address(config.postgres, config.namespace)) as other:
            other.execute("set lock_timeout = 100")
            with pytest.raises(LockNotAvailable):
                kept.forget(other, schema)
    kept.forget(owner, schema)
    assert not kept._held(owner, schema)


def keep(owner: Connection, number: int, ago: timedelta, checkpoint: bool = False) -> str:
    """A moment with rows, last asked about so long ago."""
    ((ours,),) = owner.execute("select current_schema()").fetchall()
    moment = Kept(f"{ours}_{number}", {("t", 0): number}, checkpoint)
    schema = Identifier(moment.schema)
    owner.execute(SQL("create schema {}").format(schema))
    owner.execute(SQL("create table {}.rows as select generate_series(1, 9)").format(schema))
    owner.execute(SQL("create table {}.{} ()").format(schema, Identifier(kept.MARKS)))
    kept.keep(owner, TICKS, moment, ())
    owner.execute(
        "update kept_moments set asked_at = now() - %s where schema_name = %s", (ago, moment.schema)
    )
    return moment.schema


def there(owner: Connection) -> set[str]:
    return {each.schema for each in kept.kept(owner, TICKS)} & schemas(owner)


def schemas(owner: Connection) -> set[str]:
    return {name for (name,) in owner.execute("select nspname from pg_namespace").fetchall()}
