"""The question: what may be asked of a read model, as data, and the SQL that follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from msgspec import Struct
from msgspec.structs import fields
from psycopg.sql import SQL, Composed, Identifier, Placeholder


class Kind(Enum):
    """What a filter's value is."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Filter:
    """A way to narrow a list: `column operator value`."""

    name: str
    column: str
    meaning: str
    kind: Kind = Kind.TEXT
    operator: str = "="


@dataclass(frozen=True, slots=True)
class Query:
    """Rows of one shape. `order` columns are unique together and give the order of pages.

    `key` is the column that names a single row, where single rows can be asked for.
    """

    relation: str
    row: type[Struct]
    order: tuple[str, ...]
    filters: tuple[Filter, ...]
    key: str = ""
    newest_first: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a row, in the order of its fields."""
        return tuple(field.name for field in fields(self.row))


def equals(name: str, meaning: str, kind: Kind = Kind.TEXT) -> Filter:
    """A filter on the column of the same name."""
    return Filter(name, name, meaning, kind)


def during(column: str) -> tuple[Filter, Filter]:
    """From (included) and to (not included) on a column of UTC microseconds."""
    return (
        Filter("from", column, f"`{column}` at or after this moment", Kind.TIME, ">="),
        Filter("to", column, f"`{column}` before this moment", Kind.TIME, "<"),
    )


SYMBOL = equals("symbol", "only this symbol")
ACCOUNT = equals("account", "only this account")


def page(
    query: Query, asked: Mapping[str, Any], after: Sequence[Any] | None, limit: int
) -> tuple[Composed, list[Any]]:
    """One page: the `limit` rows that follow the row whose order columns are `after`."""
    chosen = [f for f in query.filters if f.name in asked]
    conditions = [SQL(f"{{}} {f.operator} %s").format(Identifier(f.column)) for f in chosen]
    params = [asked[f.name] for f in chosen]
    if after is not None:
        conditions.append(_beyond(query))
        params.extend(after)
    direction = SQL(" desc") if query.newest_first else SQL("")
    order = SQL(", ").join(Identifier(column) + direction for column in query.order)
    where = SQL(" where ") + SQL(" and ").join(conditions) if conditions else SQL("")
    return _select(query) + where + SQL(" order by ") + order + SQL(" limit %s"), [*params, limit]


def one(query: Query, name: str) -> tuple[Composed, list[Any]]:
    """The row of this name."""
    return _select(query) + SQL(" where {} = %s").format(Identifier(query.key)), [name]


def _select(query: Query) -> Composed:
    columns = SQL(", ").join(map(Identifier, query.columns))
    return SQL("select {} from {}").format(columns, Identifier(query.relation))


def _beyond(query: Query) -> Composed:
    """A row comparison, which Postgres answers from the index of the order."""
    order = SQL(", ").join(map(Identifier, query.order))
    places = SQL(", ").join([Placeholder()] * len(query.order))
    return SQL("({}) {} ({})").format(order, SQL("<" if query.newest_first else ">"), places)
