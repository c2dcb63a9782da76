"""Ways to lie about a tape, tried on a copy: each edits it and says where it must be found.

The copy is a schema of its own; every edit is rolled back. Kafka's records of the copy are held in
memory and edited there: what a broker would give whose files were changed.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from infra.proofs import leaf, tables
from infra.proofs.examine import COLUMNS
from infra.proofs.forging import UPDATE_LEAF, UPDATE_NOTE, Copy, rewritten, sign_anew

Lie = Callable[[Copy], int]
"""Edits, and says from which leaf on that must be found."""


def leaf_byte(copy: Copy) -> int:
    """A byte of a leaf."""
    index = copy.any()
    data = bytearray(copy.leaf(index))
    data[copy.luck.randrange(len(data))] ^= 1 << copy.luck.randrange(8)
    copy.sql(UPDATE_LEAF, bytes(data), copy.log, index)
    return index


def leaf_deleted(copy: Copy) -> int:
    """A leaf, and those behind it moved up."""
    index = copy.any()
    copy.sql('delete from proof_leaves where log = %s and "index" = %s', copy.log, index)
    for behind in range(index + 1, copy.size):
        copy.sql(
            'update proof_leaves set "index" = "index" - 1 where log = %s and "index" = %s',
            *(copy.log, behind),
        )
    return index


def leaf_hole(copy: Copy) -> int:
    """A leaf, and its place left empty."""
    index = copy.any()
    copy.sql('delete from proof_leaves where log = %s and "index" = %s', copy.log, index)
    return index


def leaves_swapped(copy: Copy) -> int:
    """Two leaves in each other's place."""
    first, second = sorted(copy.luck.sample(range(copy.size), 2))
    for old, new in ((first, -1), (second, first), (-1, second)):
        copy.sql(
            'update proof_leaves set "index" = %s where log = %s and "index" = %s',
            *(new, copy.log, old),
        )
    return first


def leaves_cut(copy: Copy) -> int:
    """The end of the log, with every checkpoint that knew of it."""
    index = copy.any()
    copy.sql('delete from proof_leaves where log = %s and "index" >= %s', copy.log, index)
    copy.sql("delete from proof_checkpoints where log = %s and size > %s", copy.log, index)
    return index


def row_changed(copy: Copy) -> int:
    """A column of an audit row."""
    index, column = copy.any(), copy.luck.choice([c for c in COLUMNS if c != "message_id"])
    value = {
        "payload": "'{{\"forged\": 1}}'::jsonb",
        "partition": "partition + 1",
        "offset": '"offset" + 1',
        "time_us": "time_us + 1",
        "causation_id": "coalesce(causation_id, '') || 'x'",
    }.get(column, f"\"{column}\" || 'x'")
    read = leaf.read(copy.leaf(index))
    copy.sql(
        f'update {{audit}} set "{column}" = {value} where message_id = %s',
        read.envelope.message_id,
    )
    return index


def row_deleted(copy: Copy) -> int:
    """An audit row."""
    index = copy.any()
    read = leaf.read(copy.leaf(index))
    copy.sql("delete from {audit} where message_id = %s", read.envelope.message_id)
    return index


def row_added(copy: Copy) -> int:
    """An audit row of an event that never was."""
    read = leaf.read(copy.leaf(copy.any()))
    copy.sql(
        'insert into {audit} select (jsonb_populate_record(a, \'{{"message_id": "forged"}}\')).*'
        " from {audit} a where message_id = %s",
        read.envelope.message_id,
    )
    return copy.size


def tile_changed(copy: Copy) -> int:
    """A hash in a tile, where the log is long enough to have one."""
    row = copy.connection.execute(
        'select level, "index" from proof_tiles where log = %s limit 1', (copy.log,)
    ).fetchone()
    if row is None:
        return leaf_byte(copy)
    copy.sql(
        "update proof_tiles set hashes = set_byte(hashes, 5, get_byte(hashes, 5) # 1)"
        ' where log = %s and level = %s and "index" = %s',
        *(copy.log, *row),
    )
    return int(row[1] * 256 ** (row[0] + 1))


def checkpoint_changed(copy: Copy) -> int:
    """The size in a checkpoint, under the old signature."""
    kept = copy.luck.choice(tables.checkpoints(copy.connection, copy.log))
    note = kept.note.replace(f"\n{kept.size}\n", f"\n{kept.size + 1}\n", 1)
    copy.sql(UPDATE_NOTE, note, copy.log, kept.size)
    return kept.size


def checkpoint_deleted(copy: Copy) -> int:
    """A checkpoint."""
    kept = copy.luck.choice(tables.checkpoints(copy.connection, copy.log))
    copy.sql("delete from proof_checkpoints where log = %s and size = %s", copy.log, kept.size)
    return kept.size


def everywhere(copy: Copy) -> int:
    """An event in leaf, row and record alike; what was signed stays."""
    return rewritten(copy, copy.any())


def everywhere_at_the_end(copy: Copy) -> int:
    """The same with the newest event."""
    return rewritten(copy, copy.size - 1)


def signed_anew(copy: Copy) -> int:
    """An event everywhere, and every checkpoint since signed anew with the right key."""
    index = rewritten(copy, copy.any())
    sign_anew(copy)
    return index


def signed_anew_at_the_end(copy: Copy) -> int:
    """The same with the newest event."""
    index = rewritten(copy, copy.size - 1)
    sign_anew(copy)
    return index


def cut_and_signed_anew(copy: Copy) -> int:
    """The end of the log gone from everywhere, and the checkpoints that are left signed anew."""
    index = copy.any()
    at = copy.record_at(index)
    copy.sql(
        "delete from {audit} where message_id in (select message_id from proof_leaves"
        ' where log = %s and "index" >= %s)',
        *(copy.log, index),
    )
    copy.sql('delete from proof_leaves where log = %s and "index" >= %s', copy.log, index)
    copy.sql("delete from proof_checkpoints where log = %s and size > %s", copy.log, index)
    del copy.records[at:]
    copy.sql(
        "update offsets set next_offset = %s where topic = %s and partition = %s",
        *(copy.records[-1].offset + 1 if copy.records else 0, *copy.log.split("/")),
    )
    sign_anew(copy)
    return index


def record_changed(copy: Copy) -> int:
    """A byte of a record on Kafka."""
    index = copy.any()
    at = copy.record_at(index)
    value = bytearray(copy.records[at].value or b"")
    value[copy.luck.randrange(5, len(value))] ^= 1 << copy.luck.randrange(8)
    copy.records[at] = msgspec.structs.replace(copy.records[at], value=bytes(value))
    return index


def header_changed(copy: Copy) -> int:
    """Who was the actor, on Kafka."""
    index = copy.any()
    at = copy.record_at(index)
    headers = [(k, b"forger" if k == "ce_actor" else v) for k, v in copy.records[at].headers]
    copy.records[at] = msgspec.structs.replace(copy.records[at], headers=headers)
    return index


def record_deleted(copy: Copy) -> int:
    """A record of Kafka."""
    index = copy.any()
    del copy.records[copy.record_at(index)]
    return index


def records_swapped(copy: Copy) -> int:
    """What two records of Kafka say."""
    first, second = sorted(copy.luck.sample(range(copy.size), 2))
    a, b = copy.record_at(first), copy.record_at(second)
    one, other = copy.records[a], copy.records[b]
    copy.records[a] = msgspec.structs.replace(other, offset=one.offset)
    copy.records[b] = msgspec.structs.replace(one, offset=other.offset)
    return first


def records_cut(copy: Copy) -> int:
    """The end of a partition."""
    index = copy.any()
    del copy.records[copy.record_at(index) :]
    return index


LIES: tuple[Lie, ...] = (
    leaf_byte,
    leaf_deleted,
    leaf_hole,
    leaves_swapped,
    leaves_cut,
    row_changed,
    row_deleted,
    row_added,
    tile_changed,
    checkpoint_changed,
    checkpoint_deleted,
    everywhere,
    everywhere_at_the_end,
    signed_anew,
    signed_anew_at_the_end,
    cut_and_signed_anew,
    record_changed,
    header_changed,
    record_deleted,
    records_swapped,
    records_cut,
)
ANYWHERE = (row_added, checkpoint_changed, checkpoint_deleted)
"""Lies that are about a log, and not about one of its leaves."""
BY_STRETCH = (everywhere, everywhere_at_the_end)
"""Lies that all copies tell alike: what is named is the stretch between two checkpoints."""
BY_WITNESS = (signed_anew, signed_anew_at_the_end, cut_and_signed_anew)
"""Lies that only somebody else can find: they are found in the log of checkpoints."""
