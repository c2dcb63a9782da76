"""What was recorded stays: no process of ours can change it, and its owner is stopped too."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from psycopg.sql import SQL, Identifier

from infra.config import Config
from infra.proofs import leaves
from infra.run.read_api import open_pool
from infra.store import postgres, read_models, rights
from infra.store.event_store import EventStore
from infra.store.postgres import Connection
from infra.store.recorders import EVENTS_TABLE, open_recorder
from projections.audit import PROJECTION as AUDIT

Table = tuple[str, str]
GUARDED = (EVENTS_TABLE, "audit", *leaves.TABLES)
CHANGES = (
    "update {table} set {column} = {column}",
    "delete from {table}",
    "truncate {table}",
)
TURNS = (
    "alter table {table} disable trigger all",
    "drop trigger only_grows on {table}",
    "alter table {table} drop column {column}",
    "drop table {table}",
    "create function {table}() returns int language sql as 'select 1'",
    "set session_replication_role = replica",
)


@pytest.fixture
def conninfo(config: Config) -> str:
    """A database in which everything is made that only grows."""
    found = postgres.address(config.postgres, config.namespace)
    EventStore.open(found).close()
    read_models.prepare(found, (AUDIT,))
    leaves.prepare(found)
    return found


def place(conninfo: str, table: str) -> Table:
    schema = read_models.schema_for(conninfo, AUDIT) if table == "audit" else ""
    return schema or postgres.schema_of(conninfo), table


def written(connection: Connection, conninfo: str, table: str, statement: str) -> None:
    """Try it, and take back what went through."""
    schema, name = place(conninfo, table)
    (column,) = connection.execute(
        "select column_name from information_schema.columns where table_schema = %s"
        " and table_name = %s order by ordinal_position limit 1",
        (schema, name),
    ).fetchone() or ("none",)
    with connection.transaction(force_rollback=True):
        connection.execute(
            SQL(statement).format(table=Identifier(schema, name), column=Identifier(column))
        )


@pytest.mark.parametrize("table", GUARDED)
def test_a_process_inserts_and_reads_and_does_no_more(conninfo: str, table: str) -> None:
    with postgres.connect(conninfo) as connection:
        for statement in (*CHANGES, *TURNS):
            with pytest.raises(InsufficientPrivilege):
                written(connection, conninfo, table, statement)
        written(connection, conninfo, table, "insert into {table} select * from {table}")
        written(connection, conninfo, table, "select {column} from {table}")


@pytest.mark.parametrize("table", GUARDED)
def test_the_owner_is_told_that_it_only_grows(conninfo: str, table: str) -> None:
    with postgres.owner(conninfo) as connection:
        for statement in CHANGES:
            with pytest.raises(InsufficientPrivilege, match="only grows"):
                written(connection, conninfo, table, statement)


def roles(conninfo: str, config: Config) -> Iterator[str]:
    """As whom each kind of connection works that our processes have."""
    asked = "select current_user"
    with postgres.connect(conninfo) as connection:
        yield connection.execute(asked).fetchall()[0][0]
    with postgres.open_pool(conninfo) as pool, pool.connection() as connection:
        yield connection.execute(asked).fetchall()[0][0]
    recorder = open_recorder(conninfo)
    with recorder.datastore.get_connection() as pooled:
        (row,) = pooled.execute(asked).fetchall()
        yield row["current_user"]
    recorder.close()
    yield asyncio.run(_reader(config, asked))


async def _reader(config: Config, asked: str) -> str:
    async with open_pool(config) as pool, pool.connection() as connection:
        (row,) = await (await connection.execute(asked)).fetchall()
        return str(row["current_user"])


def test_every_kind_of_connection_has_given_up_its_rights(config: Config, conninfo: str) -> None:
    assert set(roles(conninfo, config)) == {f"{postgres.schema_of(conninfo)[:33]}_runtime"}


def test_a_role_that_is_gone_is_not_worked_without(conninfo: str) -> None:
    role = postgres.schema_of(conninfo) + "_runtime"
    with postgres.owner(conninfo) as owner:
        for statement in ("drop owned by {}", "drop role {}"):
            owner.execute(SQL(statement).format(Identifier(role)))
    with pytest.raises(InsufficientPrivilege, match=f"the role {role} is gone"):
        postgres.connect(conninfo)
    with pytest.raises(InsufficientPrivilege, match=f"the role {role} is gone"):
        asyncio.run(_given_up(conninfo))
    postgres.migrate(conninfo)
    with postgres.connect(conninfo) as connection:
        assert connection.execute("select current_user").fetchall() == [(role,)]


async def _given_up(conninfo: str) -> None:
    async with await psycopg.AsyncConnection.connect(conninfo) as connection:
        await rights.give_up_async(connection, postgres.schema_of(conninfo))


def test_a_copy_that_is_made_meanwhile_is_no_lost_role(config: Config) -> None:
    conninfo = postgres.address(config.postgres, config.namespace)

    class Meanwhile(psycopg.Cursor[Any]):
        """After its first answer, somebody makes the copy."""

        def execute(self, *asked: Any, **how: Any) -> Meanwhile:
            super().execute(*asked, **how)
            postgres.migrate(conninfo)
            return self

    with psycopg.connect(conninfo, autocommit=True, cursor_factory=Meanwhile) as connection:
        rights.give_up(connection, postgres.schema_of(conninfo))


def test_a_build_anew_only_grows_too(conninfo: str) -> None:
    with postgres.owner(conninfo) as owner, owner.transaction():
        read_models.make(owner, conninfo, AUDIT, read_models.Build.NEXT)
    schema = read_models.schema_for(conninfo, AUDIT, read_models.Build.NEXT)
    with postgres.connect(conninfo) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(SQL("delete from {}").format(Identifier(schema, "audit")))


def test_a_user_who_may_make_no_roles_has_the_triggers(
    config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    plain = postgres.address(config.postgres, f"{config.namespace}-plain")
    user, schema = "tapedeck_guest", postgres.schema_of(plain)
    with psycopg.connect(config.postgres, autocommit=True) as connection:
        connection.execute(SQL("drop role if exists {}").format(Identifier(user)))
        connection.execute(SQL("create role {} login password 'x'").format(Identifier(user)))
        connection.execute(
            SQL("create schema {} authorization {}").format(Identifier(schema), Identifier(user))
        )
        database = SQL("grant create on database {} to {}")
        connection.execute(database.format(Identifier(connection.info.dbname), Identifier(user)))
    guest = psycopg.conninfo.make_conninfo(plain, user=user, password="x")
    leaves.prepare(guest)
    assert "may make no roles" in caplog.text
    refused = pytest.raises(InsufficientPrivilege, match="only grows")
    with postgres.connect(guest) as connection, refused:
        connection.execute("delete from proof_leaves")
    with psycopg.connect(config.postgres, autocommit=True) as connection:
        connection.execute(SQL("drop owned by {} cascade").format(Identifier(user)))
        connection.execute(SQL("drop role {}").format(Identifier(user)))
