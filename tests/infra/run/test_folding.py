"""What is folded of a batch is what comes of one message after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from infra.run.folding import Folding
from infra.run.intake import Taken
from infra.store.offsets import Cursors
from infra.store.postgres import Cursor
from infra.store.rows import Values
from projections.ticks import PROJECTION, TICKS
from tests.projections.story import placed, tick

PLACE = ("market-data-events", 0)
NOBODY = cast(Cursor, None)
SEEN = st.lists(st.tuples(st.sampled_from(("EURUSD", "XAUUSD")), st.integers(1, 5)), min_size=1)


@given(SEEN)
def test_of_many_ticks_the_latest_is_shown(seen: list[tuple[str, int]]) -> None:
    messages = placed([tick(symbol, number, number) for symbol, number in seen])
    assert shown([messages]) == shown([[message] for message in messages])


def shown(batches: Sequence[Any]) -> tuple[dict[str, Values], int]:
    """The rows, by symbol, that these batches make, and how many messages were repeats."""
    rows: dict[str, Values] = {}

    def sent(_: object, table: object, __: object, some: Sequence[Values]) -> None:
        assert table == TICKS
        rows.update({row["symbol"]: row for row in some})

    folding = Folding(PROJECTION, "", {PLACE: Cursors(*PLACE, 0)})
    repeats = 0
    for batch in batches:
        repeats += folding.fold(PLACE, Taken(batch[-1].position.offset + 1, batch))
        part = folding.cut()
        assert part is not None
        part.rows.send(NOBODY, sent)
    return rows, repeats
