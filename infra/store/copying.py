"""Rows by COPY: half the work for the server, as long as none of them is there yet.

The first row that is there tells that a table has rows written again; from then on its rows are
sent as always. So an audit trail is copied to the end, and the state of an order is not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg import Cursor
from psycopg.errors import UniqueViolation
from psycopg.sql import SQL, Identifier

from infra.store.rows import Values, plain_json, upserted
from projections.projection import Table

NULL = "\\N"
ESCAPES = {
    ord("\\"): "\\\\",
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
    0: "\ufffd",
}


class Copying:
    """`Sent` of `BatchRows`, outside a pipeline."""

    def __init__(self) -> None:
        self._written_again: set[Table] = set()

    def __call__(
        self, cursor: Cursor[Any], table: Table, columns: tuple[str, ...], rows: Sequence[Values]
    ) -> None:
        """Copy the rows, or send them where one is there already."""
        if table not in self._written_again:
            try:
                with cursor.connection.transaction():  # inside the caller's: a savepoint
                    copied(cursor, table.name, columns, rows)
            except UniqueViolation:
                self._written_again.add(table)
            else:
                return
        upserted(cursor, table, columns, rows)


def copied(
    cursor: Cursor[Any], table: str, columns: tuple[str, ...], rows: Sequence[Values]
) -> None:
    """COPY rows into a table; `UniqueViolation` if one is there."""
    names = SQL(", ").join(map(Identifier, columns))
    statement = SQL("copy {} ({}) from stdin").format(Identifier(table), names)
    with cursor.copy(statement) as copy:
        copy.write("".join(line(row) for row in rows))


def line(row: Values) -> str:
    """A row in COPY's text form: the values as JSON would tell them to the same columns."""
    return "\t".join([_field(value) for value in row.values()]) + "\n"


def _field(value: Any) -> str:
    if value is None:
        return NULL
    kind = type(value)
    if kind is str:
        return str(value.translate(ESCAPES))
    if kind is int:
        return str(value)
    if kind is bool:
        return "t" if value else "f"
    if kind is float:
        return repr(value) if math.isfinite(value) else NULL
    told = plain_json(value)
    if told.startswith('"'):
        told = msgspec.json.decode(told, type=str)
    return told.translate(ESCAPES)
