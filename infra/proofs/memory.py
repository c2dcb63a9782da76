"""What a witness has seen, on disk: a small database, or a plain file that anyone can read."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

from infra.proofs.checkpoint import Checkpoint
from infra.proofs.encoding import base64, number, unhash
from infra.proofs.tree import ProofError
from infra.proofs.witness import NOTHING

Seen = tuple[int, bytes]


class Database:
    """`Memory` in SQLite: the newest checkpoint of each log."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._session = sqlite3.connect(
            folder / "seen.db", check_same_thread=False, isolation_level=None
        )
        self._session.execute("pragma synchronous = full")
        self._session.execute(
            "create table if not exists seen"
            " (origin text primary key, size integer not null, root blob not null, note blob)"
        )

    def seen(self, origin: str) -> Seen:
        """Size and root of the newest checkpoint."""
        with self._lock:
            return self._read(origin)

    def replace(self, old: Seen, checkpoint: Checkpoint, note: bytes) -> bool:
        """Compare and swap in one transaction."""
        with self._lock:
            self._session.execute("begin immediate")
            try:
                if self._read(checkpoint.origin) != old:
                    self._session.execute("rollback")
                    return False
                self._session.execute(
                    "insert or replace into seen values (?, ?, ?, ?)",
                    (checkpoint.origin, checkpoint.size, checkpoint.root, note),
                )
                self._session.execute("commit")
            except sqlite3.Error:
                if self._session.in_transaction:
                    self._session.execute("rollback")
                raise
        return True

    def close(self) -> None:
        """Let go of the file."""
        self._session.close()

    def _read(self, origin: str) -> Seen:
        row = self._session.execute(
            "select size, root from seen where origin = ?", (origin,)
        ).fetchone()
        return NOTHING if row is None else (int(row[0]), bytes(row[1]))


class PlainFile:
    """`Memory` as lines `origin size root`, each checkpoint below the one before; never rewritten.

    A line that a crash has cut off was never answered for, and is written over.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._file = os.open(folder / "seen.txt", os.O_RDWR | os.O_CREAT, 0o644)
        self._seen: dict[str, Seen] = {}
        self._end = 0
        self._load()

    def seen(self, origin: str) -> Seen:
        """Size and root of the newest checkpoint."""
        with self._lock:
            return self._seen.get(origin, NOTHING)

    def replace(self, old: Seen, checkpoint: Checkpoint, note: bytes) -> bool:
        """Append a line, if nobody was faster."""
        del note  # its signature can be had of the log
        new = (checkpoint.size, checkpoint.root)
        line = f"{checkpoint.origin} {checkpoint.size} {base64(checkpoint.root)}\n".encode()
        with self._lock:
            if self._seen.get(checkpoint.origin, NOTHING) != old:
                return False
            if new != old:
                os.pwrite(self._file, line, self._end)
                os.fsync(self._file)
                self._end += len(line)
                self._seen[checkpoint.origin] = new
        return True

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def _load(self) -> None:
        content = b""
        while part := os.pread(self._file, 1 << 20, len(content)):
            content += part
        self._end = content.rfind(b"\n") + 1
        os.ftruncate(self._file, self._end)
        for line in content[: self._end].decode().splitlines():
            try:
                origin, size, root = line.rsplit(" ", 2)
            except ValueError as broken:
                raise ProofError(f"the memory of this witness holds {line[:60]!r}") from broken
            self._seen[origin] = number(size, "a size"), unhash(root, "a root")


MEMORIES: dict[str, type[Database] | type[PlainFile]] = {"witness": Database, "notary": PlainFile}
"""The witnesses that `up` runs, and how each remembers."""
