"""Where a processor goes on is read from its own outputs, whatever else stands among them."""

from __future__ import annotations

from typing import Any

import pytest

from infra.config import Config
from infra.run import resuming
from infra.run.processing import Stage
from infra.stream import tape
from infra.stream.wire import Record
from processors.bars import BARS
from tests.infra.market import IDS

OURS = "processors/bars/0"


def record(*headers: tuple[str, bytes]) -> Record:
    return Record("bar-events", 0, 0, b"EURUSD", b"", headers)


def placed(source: str, sequence: str) -> Record:
    return record(("ce_source", source.encode()), ("ce_sequence", sequence.encode()))


@pytest.mark.parametrize(
    "stranger",
    [record(), *(placed(OURS, odd) for odd in ("", "junk", "7", "1.2.3", ".", "~.000"))],
)
def test_its_last_output_is_found_behind_what_others_put_there(
    stranger: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_topic = [placed(OURS, f"{7:016d}.002"), placed("processors/bars/1", "9.0"), stranger]

    def newest(_client: Any, _topic: str, _number: int, ours: Any) -> Record | None:
        return next(filter(ours, reversed(on_topic)), None)

    monkeypatch.setattr(tape, "newest", newest)
    nobody: Any = None
    found = resuming.tails(Config.load({}), nobody, Stage(BARS, IDS), 0)
    assert set(found.values()) == {(7, 2)}
