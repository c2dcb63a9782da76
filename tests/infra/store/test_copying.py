"""What COPY writes is what JSON writes, whatever the values are."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from events.values import Side
from infra.store.copying import Copying
from infra.store.rows import BatchRows, upserted
from projections.projection import Table

DDL = """
create table {} (
    id bigint primary key, t text, f float8, n numeric(18, 4), b boolean, j jsonb, s text, e jsonb
)
"""
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


class Said(Struct):
    """As an event is put into a row."""

    words: str
    measure: float


rows = st.fixed_dictionaries(
    {
        "t": st.none() | texts,
        "f": st.none() | st.floats(),
        "n": st.none() | st.decimals(-(10**9), 10**9, places=4),
        "b": st.none() | st.booleans(),
        "j": st.lists(texts) | st.dictionaries(texts, texts | st.integers(-9, 9)),
        "s": st.sampled_from(Side),
        "e": st.builds(Said, texts, st.floats()),
    }
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(rows, min_size=1, max_size=5))
def test_both_ways_write_the_same(postgres: str, values: list[dict[str, Any]]) -> None:
    with psycopg.connect(postgres) as connection, connection.cursor() as cursor:
        found = []
        batch = BatchRows()
        for name, sent in (("copied", Copying()), ("sent", upserted)):
            cursor.execute(DDL.format(name).encode())
            for number, row in enumerate(values):
                batch.put(Table(name, ("id",)), id=number, **row)
            batch.send(cursor, sent)
            found.append(cursor.execute(f"select * from {name} order by id".encode()).fetchall())
        assert str(found[0]) == str(found[1])
        connection.rollback()


def test_rows_that_are_there_already_are_written_over(postgres: str) -> None:
    table = Table("orders", ("id",))
    with psycopg.connect(postgres) as connection, connection.cursor() as cursor:
        cursor.execute(DDL.format("orders").encode())
        batch, copying = BatchRows(), Copying()
        for n, t in ((1, "old"), (2, "new")):
            batch.put(table, id=n, t=t, n=Decimal("1.5"))
        batch.send(cursor, copying)
        batch.put(table, id=1, t="newer")
        batch.put(table, id=3, t="x", f=1.0)
        batch.send(cursor, copying)
        found = cursor.execute("select id, t, n from orders order by id").fetchall()
    assert found == [(1, "newer", Decimal("1.5")), (2, "new", Decimal("1.5")), (3, "x", None)]
