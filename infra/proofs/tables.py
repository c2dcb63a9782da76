"""What stands of a log in Postgres: leaves, full tiles, checkpoints and their cosignatures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from infra.proofs.note import Note, opened
from infra.proofs.tiles import Tile, Tiled
from infra.proofs.tree import leaf_hash
from infra.store.postgres import Connection, Cursor

LEAVES_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class Kept:
    """A signed checkpoint as it was kept."""

    log: str
    size: int
    signed_at_us: int
    note: str


def data_from(connection: Connection, log: str, start: int, end: int) -> list[tuple[int, bytes]]:
    """Index and bytes of the leaves of a log from one index up to another."""
    rows = connection.execute(
        'select "index", data from proof_leaves where log = %s and "index" >= %s and "index" < %s'
        ' order by "index"',
        (log, start, end),
        binary=True,
    ).fetchall()
    return [(index, bytes(data)) for index, data in rows]


def tiled(connection: Connection, log: str) -> Tiled:
    """The tree of a log."""

    def tile(level: int, index: int) -> bytes | None:
        row = connection.execute(
            'select hashes from proof_tiles where log = %s and level = %s and "index" = %s',
            (log, level, index),
        ).fetchone()
        return None if row is None else bytes(row[0])

    def leaves(start: int, end: int) -> Sequence[bytes]:
        return [leaf_hash(data) for _, data in data_from(connection, log, start, end)]

    return Tiled(tile, leaves)


def add_tiles(cursor: Cursor, log: str, tiles: Iterable[Tile]) -> None:
    """Keep full tiles; a crash may have kept some of them already."""
    cursor.executemany(
        "insert into proof_tiles values (%s, %s, %s, %s) on conflict do nothing",
        [(log, *tile) for tile in tiles],
    )


def add_checkpoint(cursor: Cursor, kept: Kept) -> None:
    """Keep a checkpoint; signed once more, it is the same."""
    cursor.execute(
        "insert into proof_checkpoints values (%s, %s, %s, %s) on conflict do nothing",
        (kept.log, kept.size, kept.signed_at_us, kept.note),
    )


def add_cosignature(connection: Connection, log: str, size: int, witness: str, line: str) -> None:
    """Keep what a witness has answered."""
    connection.execute(
        "insert into proof_cosignatures values (%s, %s, %s, %s) on conflict do nothing",
        (log, size, witness, line),
    )


def checkpoints(connection: Connection, log: str) -> list[Kept]:
    """All checkpoints of a log, the smallest first."""
    rows = connection.execute(
        "select log, size, signed_at_us, note from proof_checkpoints where log = %s order by size",
        (log,),
    ).fetchall()
    return [Kept(*row) for row in rows]


def newest(connection: Connection, log: str, least: int = 0) -> Kept | None:
    """The largest checkpoint of a log, if it covers `least` leaves."""
    row = connection.execute(
        "select log, size, signed_at_us, note from proof_checkpoints"
        " where log = %s and size >= %s order by size desc limit 1",
        (log, least),
    ).fetchone()
    return None if row is None else Kept(*row)


def cosigned(connection: Connection, kept: Kept) -> Note:
    """A checkpoint with all cosignatures that are kept of it."""
    rows = connection.execute(
        "select line from proof_cosignatures where log = %s and size = %s order by witness",
        (kept.log, kept.size),
    ).fetchall()
    return opened((kept.note + "".join(line for (line,) in rows)).encode())


def logs(connection: Connection) -> list[str]:
    """The names of all logs that have leaves."""
    rows = connection.execute(
        """
        with recursive names as (
            select min(log) as log from proof_leaves
            union all
            select (select min(log) from proof_leaves l where l.log > names.log) from names
            where names.log is not null
        )
        select log from names where log is not null order by log
        """
    ).fetchall()
    return [log for (log,) in rows]


@contextmanager
def durable(connection: Connection) -> Iterator[Cursor]:
    """A transaction that is on disk when it ends, with all that was committed before it.

    Leaves are committed without waiting for the disk. The message in the log of the server makes
    sure that this one waits, and the server's log is one sequence.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("set local synchronous_commit to on")
        yield cursor
        cursor.execute("select pg_logical_emit_message(true, 'proofs', '')")


def size(connection: Connection, log: str) -> int:
    """The index after the last leaf of a log."""
    row = connection.execute(
        'select max("index") + 1 from proof_leaves where log = %s', (log,)
    ).fetchone()
    return 0 if row is None or row[0] is None else int(row[0])
