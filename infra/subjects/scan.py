"""Looking for text where a copy keeps what it knows: Kafka, Postgres, and files beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from psycopg.sql import SQL, Identifier, Literal

from infra.config import Config
from infra.store import postgres, read_models
from infra.stream import kafka, tape
from infra.subjects.sealing import SEALED
from schemas.catalog import TOPICS

CHARS_MIN = 6
"""Anything shorter stands everywhere by chance."""
FILE_PART_BYTES = 64 * 1024 * 1024
"""A file is read in parts that overlap by the longest text."""
SERVICES = ("kafka", "postgres", "subjects")
"""Folders of the home that are asked through their service, or hold what may be plain."""
TABLES = """
select table_schema, table_name from information_schema.tables
where table_type = 'BASE TABLE' and (table_schema = %s or starts_with(table_schema, %s))
order by 1, 2
"""
Told = Callable[[str, int], None]
"""Hears of each place that was looked through, and of how many records, rows or bytes."""


def said_by(config: Config, subject: str) -> set[str]:
    """Every sealed word of a subject on the tape."""
    return {
        found[0]
        for _, content in _records(config, lambda _place, _count: None)
        for found in SEALED.finditer(content.decode("latin-1"))
        if found[1] == subject
    }


def findings(config: Config, texts: Iterable[str], told: Told) -> Iterator[str]:
    """Every place where one of the texts stands in plain."""
    forms = sorted({form for text in texts for form in _forms(text)})
    if not forms:
        return
    for place, content in _records(config, told):
        if any(form in content for form in forms):
            yield f"Kafka {place}"
    yield from _rows(config, forms, told)
    for file in _files(config.home):
        with suppress(FileNotFoundError):  # it is gone, and so is what stood in it
            size, holds = _looked_through(file, forms)
            told(str(file), size)
            if holds:
                yield f"file {file}"


def _forms(text: str) -> set[bytes]:
    """As it is, and as JSON has it, of letters beyond ASCII in both ways."""
    written = {json.dumps(text, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    return {form.encode() for form in (text, *written)}


def _in_row(form: str) -> str:
    """As it stands in the text of a whole row, which doubles what would end a field."""
    return form.replace("\\", "\\\\").replace('"', '""')


def _records(config: Config, told: Told) -> Iterator[tuple[str, bytes]]:
    with tape.reader(config) as client:
        for topic in TOPICS:
            name, count = kafka.topic_name(config, topic.name), 0
            for number in kafka.partitions_of(client, name):
                low, high = kafka.bounds(client, name, number)
                for batch in tape.read(client, name, number, low, high):
                    for record in batch:
                        count += 1
                        parts = [record.key or b"", record.value or b""]
                        parts += [value for _, value in record.headers]
                        yield f"{topic.name}/{number}/{record.offset}", b"\0".join(parts)
            told(topic.name, count)


def _rows(config: Config, forms: list[bytes], told: Told) -> Iterator[str]:
    """Text of each row; bytes are shown there as hex."""
    conninfo = postgres.address(config.postgres, config.namespace, statement_timeout_ms=0)
    texts = [_in_row(form.decode()) for form in forms] + [form.hex() for form in forms]
    holds = SQL(" or ").join(SQL("strpos(t::text, {}) > 0").format(Literal(t)) for t in texts)
    with postgres.connect(conninfo) as connection:
        ours = (postgres.schema_of(conninfo), f"{read_models.prefix(conninfo)}_")
        for schema, table in connection.execute(TABLES.encode(), ours).fetchall():
            counted = SQL("select count(*), count(*) filter (where {}) from {} t").format(
                holds, Identifier(schema, table)
            )
            ((rows, bad),) = connection.execute(counted).fetchall()
            told(f"{schema}.{table}", rows)
            if bad:
                yield f"Postgres {schema}.{table}: {bad} rows"


def _files(home: Path) -> Iterator[Path]:
    for file in sorted(home.rglob("*")):
        inside = file.relative_to(home).parts[0]
        if inside not in SERVICES and file.is_file():
            yield file


def _looked_through(file: Path, forms: list[bytes]) -> tuple[int, bool]:
    """How many bytes a file has, and whether one of the texts is among them."""
    size, holds, tail = 0, False, b""
    overlap = max(map(len, forms)) - 1
    with file.open("rb") as content:
        while part := content.read(FILE_PART_BYTES):
            size += len(part)
            holds = holds or any(form in tail + part for form in forms)
            tail = part[len(part) - overlap :] if overlap else b""
    return size, holds
