"""What a batch of messages does to the tables of a projection, gathered and sent as few statements.

Values put into a row take the place of earlier ones, so only the last of each column is sent. All
rows of a table that have the same columns are one statement with one parameter: the rows as JSON,
which Postgres turns into columns of the table's own types. Numbers stay exact: decimals travel as
text, doubles in their shortest form that reads back to the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from psycopg import Cursor
from psycopg.sql import SQL, Composed, Identifier

from projections.projection import Table

Values = dict[str, Any]
NUL, ESCAPED_BACKSLASH, REPLACEMENT = b"\\u0000", b"\\\\", b"\\ufffd"

_encode = msgspec.json.Encoder().encode
_upserts: dict[tuple[Table, tuple[str, ...]], Composed] = {}


@dataclass(slots=True)
class Puts:
    """Rows by table and key, each with the latest value of every column that was put."""

    tables: dict[Table, dict[tuple[Any, ...], Values]] = field(default_factory=dict)

    def put(self, table: Table, values: Values) -> None:
        """Lay these values over those of the same row."""
        rows = self.tables.setdefault(table, {})
        key = tuple([values[column] for column in table.key])
        row = rows.get(key)
        if row is None:
            rows[key] = values
        else:
            row.update(values)

    def send(self, cursor: Cursor[Any]) -> None:
        """One statement for each table and set of columns."""
        for table, rows in self.tables.items():
            alike: dict[tuple[str, ...], list[Values]] = {}
            for row in rows.values():
                alike.setdefault(tuple(row), []).append(row)
            for columns, group in alike.items():
                cursor.execute(_upsert(table, columns), (_json(group).decode(),))


@dataclass(slots=True)
class Runs:
    """The same statement over and over, with these parameters."""

    sql: str
    params: list[Sequence[Any]]

    def send(self, cursor: Cursor[Any]) -> None:
        """In order."""
        cursor.executemany(self.sql.encode(), self.params)


@dataclass(slots=True)
class BatchRows:
    """`Rows` that sends nothing until it is told to."""

    work: list[Puts | Runs] = field(default_factory=list)

    def put(self, table: Table, **values: Any) -> None:
        """Remember the values; a statement before them will be sent before them."""
        last = self.work[-1] if self.work else None
        if not isinstance(last, Puts):
            last = Puts()
            self.work.append(last)
        last.put(table, values)

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        """Remember the statement; what was put before it will be sent before it."""
        last = self.work[-1] if self.work else None
        if isinstance(last, Runs) and last.sql == sql:
            last.params.append(params)
        else:
            self.work.append(Runs(sql, [params]))

    def send(self, cursor: Cursor[Any]) -> None:
        """Send everything, in order, and forget it. Belongs into a transaction and a pipeline."""
        work, self.work = self.work, []
        for each in work:
            each.send(cursor)


def _upsert(table: Table, columns: tuple[str, ...]) -> Composed:
    known = _upserts.get((table, columns))
    if known is not None:
        return known
    names = SQL(", ").join(map(Identifier, columns))
    others = [column for column in columns if column not in table.key]
    setting = SQL(", ").join(SQL("{0} = excluded.{0}").format(Identifier(c)) for c in others)
    statement = SQL(
        "insert into {table} ({names}) select {names} from json_populate_recordset(null::{table}, %s)"
        " on conflict ({key}) do {action}"
    ).format(
        table=Identifier(table.name),
        names=names,
        key=SQL(", ").join(map(Identifier, table.key)),
        action=SQL("update set ") + setting if others else SQL("nothing"),
    )
    _upserts[table, columns] = statement
    return statement


def _json(rows: list[Values]) -> bytes:
    """JSON that Postgres accepts: it has no place for the character NUL, which becomes U+FFFD."""
    text = _encode(rows)
    if NUL not in text:
        return text
    pieces = text.split(ESCAPED_BACKSLASH)
    return ESCAPED_BACKSLASH.join(piece.replace(NUL, REPLACEMENT) for piece in pieces)
