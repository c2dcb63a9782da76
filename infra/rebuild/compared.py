"""Whether two builds of a read model hold the same rows: a hash of every table, in any order."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg.sql import SQL, Identifier

from infra.store.postgres import Connection

HASH = """
select count(*), coalesce(sum(('x' || left(h, 16))::bit(64)::bigint), 0)::text
    || '/' || coalesce(sum(('x' || right(h, 16))::bit(64)::bigint), 0)::text
from (select md5(t::text) as h from {} t) hashed
"""
"""A sum over the rows' digests: equal for equal sets of rows, in whatever order they stand."""
ROW_CHARS = 300


@dataclass(frozen=True, slots=True)
class Same:
    """A table that is the same in both builds."""

    table: str
    rows: int


@dataclass(frozen=True, slots=True)
class Differs:
    """A table that is not: how many rows each holds, and a row that only one of them has."""

    table: str
    rows: int
    rows_other: int
    example: str

    def __str__(self) -> str:
        return (
            f"{self.table}: {self.rows:,} rows live, {self.rows_other:,} rebuilt; "
            f"only in one of them: {self.example}"
        )


def compared(connection: Connection, schema: str, other: str) -> list[Same | Differs]:
    """Every table of two schemas made by the same statements, in the connection's snapshot."""
    tables = connection.execute(
        "select tablename from pg_tables where schemaname = %s order by 1", (schema,)
    )
    return [_table(connection, schema, other, table) for (table,) in tables.fetchall()]


def _table(connection: Connection, schema: str, other: str, table: str) -> Same | Differs:
    ours, theirs = Identifier(schema, table), Identifier(other, table)
    rows, digest = connection.execute(SQL(HASH).format(ours)).fetchall()[0]
    rows_other, digest_other = connection.execute(SQL(HASH).format(theirs)).fetchall()[0]
    if (rows, digest) == (rows_other, digest_other):
        return Same(table, rows)
    difference = SQL(
        "(select t::text from {0} t except select t::text from {1} t) union all"
        " (select t::text from {1} t except select t::text from {0} t) limit 1"
    ).format(ours, theirs)
    found = connection.execute(difference).fetchone()
    example = "a row stands there twice" if found is None else str(found[0])[:ROW_CHARS]
    return Differs(table, rows, rows_other, example)
