"""Is the tape what it was? Leaves, rows, Kafka's records, trees and every memory of them compared.

Each log is walked once from its first leaf. What is said of a size (by a checkpoint, by the signer,
by a witness) must be the root of the leaves up to there. The first thing that does not agree ends
the walk of its log and is named.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from psycopg.sql import SQL, Composed, Identifier

from infra.proofs import leaf, tables
from infra.proofs.payload import layout
from infra.proofs.tape_side import TapeSide
from infra.proofs.tiles import WIDTH, Builder
from infra.proofs.tree import HASH_BYTES, ProofError, leaf_hash
from infra.store import read_models
from infra.store.postgres import Connection
from infra.store.rows import plain_json
from infra.stream import wire
from infra.stream.frozen import versions_named
from infra.stream.wire import Ids, Record
from projections.audit import Audited, told

BATCH = 5_000
SHOWN_EVERY = 500
COLUMNS = tuple(field.name for field in msgspec.structs.fields(Audited))


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was: of which log, from which leaf on, which event, and what."""

    log: str
    index: int
    event: str
    what: str

    def __str__(self) -> str:
        event = f", event {self.event}" if self.event else ""
        return f"{self.log} leaf {self.index}{event}: {self.what}"


@dataclass(frozen=True, slots=True)
class Claim:
    """That a log had this root; and who says so."""

    root: bytes
    who: str


Claims = dict[int, list[Claim]]
"""By size of the log."""


@dataclass(frozen=True, slots=True)
class Row:
    """A leaf as it is kept, and the audit row of its message, if there is one."""

    index: int
    offset: int
    message_id: str
    data: bytes
    audit: dict[str, Any] | None


@dataclass
class Examination:
    """The walk along the log of one partition. `claims` are what others remember of it."""

    connection: Connection
    conninfo: str
    log: str
    claims: Claims
    tape: TapeSide
    ids: Ids
    builder: Builder = field(default_factory=Builder)
    frozen: dict[int, bool] = field(default_factory=dict)
    """Whether the schema of an id is one of those that were frozen."""
    agreed: int = 0
    events: int = 0
    shown: Callable[[int], None] = lambda _events: None
    """Hears now and then how many events are done."""

    def finding(self) -> Finding | None:
        """The first thing that is wrong; None if all agree."""
        row = None
        for row in self._rows():
            what = self._at(row)
            if what:
                return Finding(self.log, self.builder.size, row.message_id, what)
            self.events += 1
            if not self.events % SHOWN_EVERY:
                self.shown(self.events)
            if differs := self._tiles_differ():
                return differs
            claims = self.claims.get(self.builder.size, ())
            root = self.builder.root() if claims else b""
            wrong = next((c for c in claims if c.root != root), None)
            if wrong is not None:
                return self._unsigned(wrong)
            if claims:
                self.agreed = self.builder.size
        return self._beyond() or self._strangers()

    def _at(self, row: Row) -> str:
        """What is wrong with this leaf."""
        if row.index != self.builder.size:
            return f"leaf {self.builder.size} is missing"
        try:
            read = leaf.read(row.data)
        except ProofError as wrong:
            return str(wrong)
        place = (f"{read.topic}/{read.partition}", read.offset, read.envelope.message_id)
        if place != (self.log, row.offset, row.message_id):
            return "the leaf is of another place or message than its row says"
        on_tape = self.tape.at(read, row.data)
        if on_tape:
            return on_tape
        differs = self._row_differs(read, row.audit)
        if differs:
            return differs
        self.builder.append(leaf_hash(row.data))
        return ""

    def _row_differs(self, read: leaf.Leaf, audit: dict[str, Any] | None) -> str:
        """Whether the audit row says what the leaf says."""
        if audit is None:
            return "its audit row is gone"
        value = b"\x00" + read.schema_id.to_bytes(4, "big") + read.payload
        place = (read.topic, read.partition, read.offset)
        record = Record(*place, read.key.encode(), value, wire.headers_of(read.envelope, ""))
        try:
            if not self._was_frozen(read.schema_id):
                return f"the registry has another schema {read.schema_id} than was ever frozen"
            expected = told(wire.read(record, self.ids))
        except (ValueError, LookupError) as unreadable:
            return f"its leaf cannot be read: {unreadable}"
        expected = json.loads(plain_json(expected))
        for column in COLUMNS:
            if expected[column] != audit[column]:
                return f"the audit row has another {column} than the leaf"
        return ""

    def _was_frozen(self, schema_id: int) -> bool:
        """A leaf has but the id of its schema: who changes the registry changes what it says."""
        if schema_id not in self.frozen:
            name, schema = self.ids.writer(schema_id)
            layouts = [layout(each.schema) for each in versions_named(name)]
            self.frozen[schema_id] = layout(schema) in layouts
        return self.frozen[schema_id]

    def _tiles_differ(self) -> Finding | None:
        """Whether a tile that is full now is kept otherwise; its hashes say from which leaf on."""
        for level, index, hashes in self.builder.taken():
            kept = self.connection.execute(
                'select hashes from proof_tiles where log = %s and level = %s and "index" = %s',
                (self.log, level, index),
            ).fetchone()
            width, what = WIDTH**level, f"tile {level}/{index} holds another hash"
            other: int | None
            if kept is None:
                if max(self.claims, default=0) < (index + 1) * WIDTH * width:
                    continue  # it is kept when it is signed
                other, what = 0, f"tile {level}/{index} is missing"
            else:
                other = _first_other(bytes(kept[0]), hashes)
            if other is not None:
                leaf_index = (index * WIDTH + other) * width
                return Finding(self.log, leaf_index, self._event(leaf_index), what)
        return None

    def _event(self, index: int) -> str:
        """The id of the event of a leaf."""
        found = tables.data_from(self.connection, self.log, index, index + 1)
        return leaf.read(found[0][1]).envelope.message_id if found else ""

    def _unsigned(self, wrong: Claim) -> Finding:
        """All sources agree, and not with what was signed or seen: the whole stretch is named."""
        stretch = f"leaves {self.agreed} to {self.builder.size - 1}"
        what = f"one of the {stretch} is not what {wrong.who} says"
        return Finding(self.log, self.agreed, self._event(self.agreed), what)

    def _beyond(self) -> Finding | None:
        """Leaves that somebody has seen, and that are not there."""
        for size in sorted(self.claims):
            if size > self.builder.size:
                what = (
                    f"{size} leaves were there, says {self.claims[size][0].who}; this one is gone"
                )
                return Finding(self.log, self.builder.size, "", what)
        if extra := self.tape.beyond():
            return Finding(self.log, self.builder.size, *extra)
        return None

    def _strangers(self) -> Finding | None:
        """Audit rows that nobody has a leaf for."""
        topic, _, partition = self.log.partition("/")
        row = self.connection.execute(
            SQL(
                "select a.message_id from {}.audit a where topic = %s and partition = %s"
                " and not exists (select from proof_leaves l where l.message_id = a.message_id"
                ' and l.log = %s) order by "offset" limit 1'
            ).format(Identifier(read_models.read_schema(self.conninfo))),
            (topic, int(partition), self.log),
        ).fetchone()
        if row is None:
            return None
        return Finding(self.log, self.builder.size, row[0], "an audit row that has no leaf")

    def _rows(self) -> Iterator[Row]:
        start, query = 0, _query(self.conninfo)
        while True:
            found = self.connection.execute(query, (self.log, start, BATCH)).fetchall()
            for index, offset, message_id, data, *audit in found:
                values = None if audit[0] is None else dict(zip(COLUMNS, audit, strict=True))
                yield Row(index, offset, message_id, bytes(data), values)
            if len(found) < BATCH:
                return
            start = found[-1][0] + 1


def _first_other(kept: bytes, expected: bytes) -> int | None:
    """Which hash of a tile is the first that is another."""
    for at in range(0, len(expected), HASH_BYTES):
        if kept[at : at + HASH_BYTES] != expected[at : at + HASH_BYTES]:
            return at // HASH_BYTES
    return None if kept == expected else 0


def _query(conninfo: str) -> Composed:
    columns = SQL(", ").join(SQL("a.{}").format(Identifier(column)) for column in COLUMNS)
    return SQL(
        'select l."index", l."offset", l.message_id, l.data, {} from proof_leaves l'
        " left join {}.audit a on a.message_id = l.message_id"
        ' where l.log = %s and l."index" >= %s order by l."index" limit %s'
    ).format(columns, Identifier(read_models.read_schema(conninfo)))
