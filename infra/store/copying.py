"""Rows by COPY: half the work for the server, as long as none of them is there yet.

The first row that is there tells that a table has rows written again; from then on its rows are
sent as always. So an audit trail is copied to the end, and the state of an order is not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
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

_encode_lines = msgspec.json.Encoder().encode_lines


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
        copy.write(text_of(rows))


def text_of(rows: Sequence[Values]) -> str:
    """Rows of the same columns in COPY's text form: values as JSON would tell them.

    Column by column, as most hold one plain type, of which one look at all values says enough.
    """
    columns = zip(*[row.values() for row in rows], strict=True)
    lines = zip(*map(_column, columns), strict=True)
    return "\n".join(map("\t".join, lines)) + "\n"


def _column(values: tuple[Any, ...]) -> Iterable[str]:
    kinds = set(map(type, values))
    if kinds == {int}:
        return map(str, values)
    if kinds == {str}:
        together = "".join(values)
        if together.isprintable() and "\\" not in together:
            return values
    if all(issubclass(kind, msgspec.Struct) for kind in kinds):
        lines = _encode_lines(values).decode()
        if "\\" not in lines:
            return lines.split("\n")[:-1]
    return map(_field, values)


def _field(value: Any) -> str:
    if value is None:
        return NULL
    kind = type(value)
    if kind is bool:
        return "t" if value else "f"
    if kind is float:
        return repr(value) if math.isfinite(value) else NULL
    text = value if kind is str else plain_json(value)
    if text.startswith('"') and kind is not str:
        text = msgspec.json.decode(text, type=str)
    if text.isprintable() and "\\" not in text:
        return str(text)
    return str(text.translate(ESCAPES))
