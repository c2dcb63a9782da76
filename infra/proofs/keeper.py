"""The keeper of the logs: from leaves to trees, from trees to signed checkpoints.

A round takes the new leaves of all logs, keeps their full tiles, lets the signer remember, signs,
and puts each checkpoint as a leaf into the log of checkpoints, whose own checkpoint ends the round.
Killed at any place, the next round ends what this one began.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from infra.proofs import leaves, tables
from infra.proofs.keys import TOP
from infra.proofs.leaves import Batch, log_of
from infra.proofs.signer import Refused, Signer
from infra.proofs.tables import Kept
from infra.proofs.tiles import Builder, Tile
from infra.proofs.tree import leaf_hash
from infra.store.postgres import Connection
from schemas.catalog import TOPICS

EVERY_S = 1.0
EVERY_LEAVES = 1_000


def all_logs() -> list[str]:
    """The log of each partition of the catalog."""
    return [log_of(topic.name, number) for topic in TOPICS for number in range(topic.partitions)]


@dataclass(slots=True)
class Keeping:
    """One log at work."""

    builder: Builder
    signed_at_s: float = 0.0
    tiles: list[Tile] = field(default_factory=list)


class Keeper:
    """The one who keeps all logs of a copy. After an exception it is to be made again."""

    def __init__(self, connection: Connection, conninfo: str, signer: Signer) -> None:
        self._connection = connection
        self._conninfo = conninfo
        self._signer = signer
        self._logs = {log: self._resumed(log) for log in (*all_logs(), TOP)}

    def round(self) -> Kept | None:
        """Sign what is due; the checkpoint of the log of checkpoints, if there is a new one."""
        due = [log for log in self._due() if self._grown(log)]
        if due:
            self._sign(due)
        if self._grown(TOP):
            return self._sign([TOP])[0]
        return None

    def _due(self) -> list[str]:
        """Logs with a thousand new leaves, or some and a second since the last checkpoint."""
        ends = leaves.heads(self._connection, [log for log in self._logs if log != TOP])
        now_s, due = time.monotonic(), []
        for log, head in ends.items():
            keeping = self._logs[log]
            new = head.index - keeping.builder.size
            if new < 0:
                raise Refused(f"{log} has lost leaves: {keeping.builder.size} were there")
            if new >= EVERY_LEAVES or (new and now_s - keeping.signed_at_s >= EVERY_S):
                due.append(log)
        return due

    def _grown(self, log: str) -> bool:
        """Take the log's new leaves into its tree."""
        builder = self._logs[log].builder
        before = builder.size
        while True:
            start = builder.size
            found = tables.data_from(self._connection, log, start, start + tables.LEAVES_BATCH)
            for index, data in found:
                if index != builder.size:
                    raise Refused(f"{log} has no leaf {builder.size}")
                builder.append(leaf_hash(data))
            self._logs[log].tiles += builder.taken()
            if len(found) < tables.LEAVES_BATCH:
                return builder.size > before

    def _sign(self, logs: Sequence[str]) -> list[Kept]:
        with tables.durable(self._connection) as cursor:
            for log in logs:
                tables.add_tiles(cursor, log, self._logs[log].tiles)
        heads = {}
        for log in logs:
            self._logs[log].tiles.clear()
            self._logs[log].signed_at_s = time.monotonic()
            builder = self._logs[log].builder
            heads[log] = (builder.size, builder.root())
        self._signer.remember(heads)
        return self._keep(logs)

    def _keep(self, logs: Sequence[str]) -> list[Kept]:
        """Write down what is signed; a checkpoint of a partition's log is a leaf as well."""
        now_us = time.time_ns() // 1_000
        kept = [self._signed(log, now_us) for log in logs]
        batch, at = Batch(), leaves.heads(self._connection, [TOP])[TOP].index
        for each in kept:
            if each.log != TOP:
                batch.add(TOP, at, at, "", each.note.encode())
                at += 1
        with self._connection.transaction(), self._connection.cursor() as cursor:
            for each in kept:
                tables.add_checkpoint(cursor, each)
            if batch.logs:
                leaves.insert(cursor, self._conninfo, batch)
        return kept

    def _signed(self, log: str, now_us: int) -> Kept:
        note = self._signer.sign(log)
        last = self._signer.last(log)
        assert last is not None  # it has just been remembered
        return Kept(log, last[0], now_us, note.written())

    def _resumed(self, log: str) -> Keeping:
        """The tree as it was last signed; `Refused` if it is another now."""
        last = self._signer.last(log)
        kept = tables.newest(self._connection, log)
        if last is None:
            if kept is not None and kept.note.startswith(self._signer.keys.origin(log) + "\n"):
                raise Refused(f"{log} has checkpoints that the signer does not remember")
            return Keeping(Builder())
        size, root = last
        held = leaves.heads(self._connection, [log])[log].index
        if held < size:
            raise Refused(f"{log} was signed with {size} leaves and has {held}")
        builder = Builder(size, tables.tiled(self._connection, log).edges(size))
        if builder.root() != root:
            raise Refused(f"{log} has another root for {size} leaves than was signed")
        keeping = Keeping(builder)
        self._finish(log, size)
        return keeping

    def _finish(self, log: str, size: int) -> None:
        """What was remembered and not written down, before a crash, is written down now."""
        kept = tables.newest(self._connection, log, size)
        if kept is None:
            self._keep([log])
