"""A copy of one log, and what it takes to forge it: events rewritten everywhere, keys stolen."""

from __future__ import annotations

import random
from dataclasses import dataclass

import msgspec
from psycopg.sql import SQL, Composed, Identifier

from events.envelope import Message, Position
from infra.proofs import checkpoint, leaf, tables, tree
from infra.proofs.checkpoint import Checkpoint
from infra.proofs.keys import TOP, LogKeys
from infra.proofs.tiles import Builder
from infra.proofs.tree import leaf_hash
from infra.store import read_models
from infra.store.postgres import Connection
from infra.stream import wire
from infra.stream.wire import Record

UPDATE_LEAF = 'update proof_leaves set data = %s where log = %s and "index" = %s'
UPDATE_NOTE = "update proof_checkpoints set note = %s where log = %s and size = %s"


@dataclass
class Copy:
    """One log of a copy, about to be lied about."""

    connection: Connection
    conninfo: str
    log: str
    keys: LogKeys
    records: list[Record]
    luck: random.Random
    size: int = 0
    resigned: bool = False
    """The liar has the signing key and the signer's memory: only witnesses remember."""

    def __post_init__(self) -> None:
        self.size = tables.size(self.connection, self.log)

    def sql(self, text: str, *values: object) -> None:
        """A statement; `{audit}` is the table of audit rows."""
        audit = Identifier(read_models.read_schema(self.conninfo), "audit")
        query: Composed = SQL(text).format(audit=audit)
        self.connection.execute(query, values)

    def leaf(self, index: int) -> bytes:
        """The bytes of a leaf."""
        ((_, data),) = tables.data_from(self.connection, self.log, index, index + 1)
        return data

    def any(self, least: int = 0) -> int:
        """One of the leaves."""
        return self.luck.randrange(least, self.size)

    def record_at(self, index: int) -> int:
        """Which of the records a leaf is about."""
        offset = leaf.read(self.leaf(index)).offset
        return next(n for n, record in enumerate(self.records) if record.offset == offset)


def rewritten(copy: Copy, index: int) -> int:
    """Another actor of an event, in leaf, row and record."""
    read = leaf.read(copy.leaf(index))
    envelope = msgspec.structs.replace(read.envelope, actor="forger")
    at = copy.record_at(index)
    value = copy.records[at].value or b""
    position = Position(read.topic, read.partition, read.offset)
    data = leaf.leaf_of(Message(None, read.key, envelope, position), value)
    copy.sql(UPDATE_LEAF, data, copy.log, index)
    copy.sql("update {audit} set actor = 'forger' where message_id = %s", envelope.message_id)
    copy.records[at] = msgspec.structs.replace(
        copy.records[at], headers=wire.headers_of(envelope, "")
    )
    return index


def sign_anew(copy: Copy) -> None:
    """All checkpoints of the log, the log of checkpoints, its checkpoints, and the tiles."""
    copy.resigned = True
    known = {kept.note: kept for kept in tables.checkpoints(copy.connection, copy.log)}
    notes = _signed_anew(copy, copy.log)
    before = {note: notes.get(kept.size) for note, kept in known.items()}
    origin = copy.keys.origin(copy.log) + "\n"
    tops = tables.data_from(copy.connection, TOP, 0, tables.size(copy.connection, TOP))
    copy.sql("delete from proof_leaves where log = %s", TOP)
    place = 0
    for _, data in tops:
        old = data.decode()
        note = before.get(old, None if old.startswith(origin) else old)
        if note is not None:
            copy.sql(
                "insert into proof_leaves values (%s, %s, %s, '', %s)",
                *(TOP, place, place, note.encode()),
            )
            place += 1
    copy.sql("delete from proof_checkpoints where log = %s and size > %s", TOP, place)
    _signed_anew(copy, TOP)


def _signed_anew(copy: Copy, log: str) -> dict[int, str]:
    """Each checkpoint of a log signed for what its leaves are now; full tiles are made anew."""
    count = tables.size(copy.connection, log)
    hashes = [leaf_hash(data) for _, data in tables.data_from(copy.connection, log, 0, count)]
    copy.sql("delete from proof_tiles where log = %s", log)
    notes: dict[int, str] = {}
    builder = Builder()
    for each in hashes:
        builder.append(each)
    with copy.connection.cursor() as cursor:
        tables.add_tiles(cursor, log, builder.taken())
    for kept in tables.checkpoints(copy.connection, log):
        said = Checkpoint(copy.keys.origin(log), kept.size, tree.root_of(hashes[: kept.size]))
        notes[kept.size] = checkpoint.signed(said, copy.keys.of(log)).written()
        copy.sql(UPDATE_NOTE, notes[kept.size], log, kept.size)
    return notes
