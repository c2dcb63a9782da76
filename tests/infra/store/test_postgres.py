"""Connections: one schema a copy, a limit on everything, locks that die with their process."""

from __future__ import annotations

import time

import psycopg
import pytest

from infra.store.postgres import (
    AWAY,
    address,
    connect,
    free_slot,
    lock_id,
    migrate,
    migration,
    schema_of,
    try_lock,
)


def test_copies_have_schemas_of_their_own() -> None:
    names = ["", "a", "a-b", "a.b", "7", "tapedeck"]
    schemas = [schema_of(address("postgresql://h/d", name)) for name in names]
    assert schemas[0] == "tapedeck"
    assert len(set(schemas)) == len(names)
    assert all(schema.isidentifier() and schema == schema.lower() for schema in schemas)


def test_what_the_address_says_already_is_kept() -> None:
    conninfo = address("postgresql://u:p@h:1/d?options=-c%20geqo%3Doff&connect_timeout=9")
    parts = psycopg.conninfo.conninfo_to_dict(conninfo)
    assert parts["connect_timeout"] == "9"
    assert str(parts["options"]).startswith("-c geqo=off -c search_path=tapedeck ")


def test_nothing_takes_for_ever(postgres: str) -> None:
    with connect(address(postgres, statement_timeout_ms=50)) as session:
        with pytest.raises(psycopg.errors.QueryCanceled):
            session.execute("select pg_sleep(5)")
        for name in ("lock_timeout", "idle_in_transaction_session_timeout"):
            (value,) = session.execute(f"show {name}".encode()).fetchone() or ("0",)
            assert value != "0"


def test_a_server_that_breaks_off_or_hands_over_is_away(postgres: str) -> None:
    with connect(address(postgres)) as session:
        session.execute("set idle_in_transaction_session_timeout = 50")
        session.execute("begin")
        time.sleep(0.5)
        with pytest.raises(AWAY):
            session.execute("select 1")
    with connect(address(postgres)) as session:
        session.execute("set default_transaction_read_only = on")
        with pytest.raises(AWAY):
            session.execute("create table t (n integer)")


def test_tables_are_made_once_in_the_copy_s_own_schema(postgres: str) -> None:
    for namespace in ("one", "two"):
        for _ in range(2):
            migrate(address(postgres, namespace), "create table if not exists t (n integer)")
    with connect(address(postgres, "one")) as session:
        session.execute("insert into t values (1)")
    with connect(address(postgres, "two")) as session:
        assert session.execute("select * from t").fetchall() == []


def test_one_process_at_a_time_migrates(postgres: str) -> None:
    conninfo = address(postgres)
    with migration(conninfo), connect(conninfo) as other:
        assert not try_lock(other, conninfo, "migration")
    with connect(conninfo) as other:
        assert try_lock(other, conninfo, "migration")


def test_a_slot_is_free_again_when_its_process_is_gone(postgres: str) -> None:
    conninfo = address(postgres)
    with connect(conninfo) as one, connect(conninfo) as two:
        assert free_slot(one, conninfo, "role") == 0
        assert free_slot(two, conninfo, "role") == 1
        assert free_slot(two, conninfo, "another") == 0
    with connect(conninfo) as three:
        assert free_slot(three, conninfo, "role") == 0


def test_copies_do_not_lock_each_other_out(postgres: str) -> None:
    one, two = address(postgres, "one"), address(postgres, "two")
    assert lock_id(one, "x") != lock_id(two, "x")
    with connect(one) as first, connect(two) as second:
        assert try_lock(first, one, "x")
        assert try_lock(second, two, "x")
