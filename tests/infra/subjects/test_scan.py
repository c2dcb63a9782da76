"""Text in plain is found in files of any size and rows of any type, wherever it stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.config import Config
from infra.store import postgres
from infra.stream import kafka
from infra.subjects import scan

FORMS = [b"hospital", b"ann"]


@pytest.mark.parametrize("before", range(20))
def test_text_across_two_parts_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    monkeypatch.setattr(scan, "FILE_PART_BYTES", 8)
    file = tmp_path / "log"
    file.write_bytes(b"." * before + b"hospital" + b"." * 5)
    assert scan._looked_through(file, FORMS) == (before + 13, True)
    file.write_bytes(b"." * before + b"hospit" + b"." * 5)
    assert scan._looked_through(file, FORMS) == (before + 11, False)


def test_text_of_one_letter_is_found(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"abc")
    assert scan._looked_through(file, [b"c"]) == (3, True)


@pytest.mark.parametrize(
    "text",
    [
        "her arm is broken",
        'he said "no" to it',
        "C:\\people\\ann",
        "in May\nand after",
        "Zoë\nof Köln",
    ],
)
@pytest.mark.parametrize("kind", ["text", "jsonb", "bytea"])
def test_text_in_a_row_is_found_however_it_is_written(config: Config, kind: str, text: str) -> None:
    kafka.ensure_topics(config)
    conninfo = postgres.address(config.postgres, config.namespace)
    postgres.migrate(conninfo, f"create table people (number integer, said {kind})")
    value = {"text": text, "jsonb": json.dumps({"reason": text}), "bytea": text.encode()}[kind]
    with postgres.owner(conninfo) as connection:
        connection.execute("insert into people values (1, %s)", (value,))
    found = list(scan.findings(config, [text], lambda _place, _count: None))
    assert found == [f"Postgres {postgres.schema_of(conninfo)}.people: 1 rows"]
    other = list(scan.findings(config, [text[1:] + "?"], lambda _place, _count: None))
    assert other == []
