"""What a batch of messages does to the tables of a projection, sent as few statements.

Values put into a row take the place of earlier ones, so only the last of each column is sent. All
rows of a table that have the same columns are one statement with one parameter: the rows as JSON,
which Postgres turns into columns of the table's own types. Numbers stay exact: decimals travel as
text, doubles in their shortest form that reads back to the same bits. Measured on two cores: 16 µs
a row in the server, where COPY takes 8 and cannot replace a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from psycopg import Cursor
from psycopg.sql import SQL, Composed, Identifier

from projections.projection import Table

Values = dict[str, Any]
Sent = Callable[[Cursor[Any], Table, tuple[str, ...], Sequence[Values]], None]
"""Sends rows of a table that have the same columns."""
NUL, ESCAPED_BACKSLASH, REPLACEMENT = b"\\u0000", b"\\\\", b"\\ufffd"

_encode = msgspec.json.Encoder().encode
_upserts: dict[tuple[Table, tuple[str, ...]], Composed] = {}


def upserted(
    cursor: Cursor[Any], table: Table, columns: tuple[str, ...], rows: Sequence[Values]
) -> None:
    """Send rows that have these columns; they may be there."""
    cursor.execute(_upsert(table, columns), (plain_json(rows),))


class BatchRows:
    """`Rows` that sends nothing until it is told to."""

    def __init__(self) -> None:
        self._tables: dict[Table, dict[tuple[Any, ...], Values]] = {}
        self._statements: dict[str, dict[tuple[Any, ...], None]] = {}

    def put(self, table: Table, **values: Any) -> None:
        """Lay these values over those of the same row."""
        rows = self._tables.get(table)
        if rows is None:
            rows = self._tables[table] = {}
        key = tuple([values[column] for column in table.key])
        row = rows.get(key)
        if row is None:
            rows[key] = values
        else:
            row.update(values)

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        """Remember the statement, once."""
        self._statements.setdefault(sql, {})[tuple(params)] = None

    def __len__(self) -> int:
        return sum(map(len, self._tables.values()))

    def send(self, cursor: Cursor[Any], sent: Sent = upserted) -> None:
        """Send everything, as `sent` does it, and forget it. Belongs into a transaction."""
        for table, rows in self._tables.items():
            for columns, group in _alike(rows.values()).items():
                sent(cursor, table, columns, group)
        for sql, params in self._statements.items():
            cursor.executemany(sql.encode(), list(params))
        self._tables, self._statements = {}, {}


def _alike(rows: Iterable[Values]) -> dict[tuple[str, ...], list[Values]]:
    """Rows by the columns that they have values for."""
    alike: dict[tuple[str, ...], list[Values]] = {}
    for row in rows:
        alike.setdefault(tuple(row), []).append(row)
    return alike


def _upsert(table: Table, columns: tuple[str, ...]) -> Composed:
    known = _upserts.get((table, columns))
    if known is not None:
        return known
    names = SQL(", ").join(map(Identifier, columns))
    others = [c for c in columns if c not in table.key and not table.only_grows]
    setting = SQL(", ").join(SQL("{0} = excluded.{0}").format(Identifier(c)) for c in others)
    statement = SQL(
        "insert into {table} ({names})"
        " select {names} from json_populate_recordset(null::{table}, %s)"
        " on conflict ({key}) do {action}"
    ).format(
        table=Identifier(table.name),
        names=names,
        key=SQL(", ").join(map(Identifier, table.key)),
        action=SQL("update set ") + setting if others else SQL("nothing"),
    )
    _upserts[table, columns] = statement
    return statement


def plain_json(rows: object) -> str:
    """JSON that Postgres accepts: it has no place for the character NUL, which becomes U+FFFD."""
    text = _encode(rows)
    if NUL not in text:
        return text.decode()
    pieces = text.split(ESCAPED_BACKSLASH)
    return ESCAPED_BACKSLASH.join(p.replace(NUL, REPLACEMENT) for p in pieces).decode()
