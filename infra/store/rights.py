"""What our processes may do in Postgres: less than the owner of the tables, who only makes them.

Every connection but the owner's gives up all rights except those of a role that owns nothing, reads
and writes tables, and can neither change nor drop them. Where a table only grows, it may insert and
read, no more; a trigger says the same to the owner. Without the right to make roles (a database
given by others) the triggers are all there is, and that is told.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from psycopg import AsyncConnection, Connection
from psycopg.errors import InsufficientPrivilege
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Identifier

ROLE_CHARS_MAX = 40
MAINTAINS_FROM = 17_00_00
"""From this version on a table can be locked by who may not change its rows."""
REFUSE = """
create or replace function {}.only_grows() returns trigger language plpgsql as
$$ begin raise exception 'the table % only grows', tg_table_name
   using errcode = 'insufficient_privilege'; end $$
"""

log = logging.getLogger(__name__)


def role_of(schema: str) -> str:
    """The role of the processes of a copy, whose tables stand in this schema."""
    if len(schema) > ROLE_CHARS_MAX:
        schema = sha256(schema.encode()).hexdigest()[:ROLE_CHARS_MAX]
    return f"{schema}_runtime"


def give_up(connection: Connection[Any], schema: str) -> None:
    """From now on this connection has the rights of the copy's processes, and no other.

    Before the role is made, there is nothing to write to either. `InsufficientPrivilege` where it
    was made, and somebody has dropped it.
    """
    role = role_of(schema)
    with connection.cursor(row_factory=tuple_row) as cursor:
        told = cursor.execute(GIVE_UP, {"schema": schema, "role": role}).fetchone()
    _refused_if(told, role)


async def give_up_async(connection: AsyncConnection[Any], schema: str) -> None:
    """The same."""
    role = role_of(schema)
    async with connection.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(GIVE_UP, {"schema": schema, "role": role})
        told = await cursor.fetchone()
    _refused_if(told, role)
    await connection.commit()


def _refused_if(told: Sequence[Any] | None, role: str) -> None:
    if told is not None and told[0] is None and told[1]:
        raise InsufficientPrivilege(
            f"the role {role} is gone, or not this user's to take: without it a process could "
            "change what was recorded; `tapedeck up` makes it anew"
        )


GIVE_UP = b"""
select
    (select set_config('role', rolname, false) from pg_roles
     where rolname = %(role)s and pg_has_role(session_user, oid, 'set')),
    exists (select from pg_namespace where nspname = %(schema)s)
        and (exists (select from pg_roles where rolname = %(role)s)
             or (select rolsuper or rolcreaterole from pg_roles where rolname = session_user))
"""
"""The role taken, and whether there is one to take. One question, so that the migration which makes
the schema and its role cannot end between its halves."""


def prepare(connection: Connection[Any], schema: str) -> None:
    """Let there be what the rest needs. One process at a time: the owner's, in a migration."""
    connection.execute(SQL(REFUSE).format(Identifier(schema)))
    _make_role(connection, role_of(schema))
    admit(connection, schema, schema)


def _make_role(connection: Connection[Any], role: str) -> None:
    if connection.execute("select 1 from pg_roles where rolname = %s", (role,)).fetchone():
        return
    try:
        with connection.transaction():
            connection.execute(
                SQL(
                    "do $$ begin create role {0} nologin; grant {0} to current_user;"
                    " exception when duplicate_object or unique_violation then null; end $$"
                ).format(Identifier(role))
            )
    except InsufficientPrivilege:
        log.warning("this database user may make no roles: what only grows has triggers alone")


def admit(connection: Connection[Any], owned: str, schema: str) -> None:
    """Let the role of the copy `owned` write the tables of a schema: those there, those to come."""
    role = role_of(owned)
    asked = (schema, role)
    known = connection.execute(
        "select has_schema_privilege(rolname, %s, 'usage') from pg_roles where rolname = %s", asked
    ).fetchone()
    if known is None or known[0]:
        return
    names = {"schema": Identifier(schema), "role": Identifier(role)}
    for statement in ADMITTING:
        connection.execute(SQL(statement).format(**names))


ADMITTING = (
    "grant usage on schema {schema} to {role}",
    "grant select, insert, update, delete on all tables in schema {schema} to {role}",
    "grant usage, select on all sequences in schema {schema} to {role}",
    "alter default privileges in schema {schema}"
    " grant select, insert, update, delete on tables to {role}",
    "alter default privileges in schema {schema} grant usage, select on sequences to {role}",
)


def only_grows(connection: Connection[Any], owned: str, schema: str, *tables: str) -> None:
    """Let nobody change or delete a row of these tables, nor empty them.

    What is so already is left alone: others are at work with it.
    """
    for table in tables:
        names = {
            "owned": Identifier(owned),
            "table": Identifier(schema, table),
            "role": Identifier(role_of(owned)),
        }
        (guarded, allowed) = connection.execute(
            GUARDED, {"table": f'"{schema}"."{table}"', "role": role_of(owned)}
        ).fetchall()[0]
        if not guarded:
            connection.execute(SQL(REFUSING).format(**names))
        if allowed:
            with connection.transaction():
                for statement in GRANTING:
                    connection.execute(SQL(statement).format(**names))
                if connection.info.server_version >= MAINTAINS_FROM:
                    connection.execute(SQL(MAINTAINING).format(**names))


GUARDED = """
select
    exists (select from pg_trigger where tgrelid = %(table)s::regclass and tgname = 'only_grows'),
    exists (select from pg_roles where rolname = %(role)s
            and has_table_privilege(oid, %(table)s, 'update, delete, truncate'))
"""
REFUSING = (
    "create or replace trigger only_grows before update or delete or truncate on {table}"
    " for each statement execute function {owned}.only_grows()"
)
GRANTING = (
    "revoke all on {table} from {role}",
    "grant select, insert on {table} to {role}",
)
MAINTAINING = "grant maintain on {table} to {role}"
