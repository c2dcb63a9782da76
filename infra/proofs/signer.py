"""Who signs checkpoints, and what he remembers: outside the database that he signs about.

The last signed size and root of each log stand in a file of the home, safe on disk before a
signature exists. Whoever rewrites the database finds that nothing else is signed.
"""

from __future__ import annotations

import json
from pathlib import Path

from infra.proofs import checkpoint
from infra.proofs.checkpoint import Checkpoint
from infra.proofs.keys import LogKeys
from infra.proofs.note import Note
from infra.proofs.tree import ProofError
from infra.secrets import private

MEMORY = "signed.json"


class Refused(RuntimeError):
    """A checkpoint that would contradict an earlier one: it is not signed, now or ever."""


class Signer:
    """Signs checkpoints that its memory agrees with."""

    def __init__(self, folder: Path, keys: LogKeys) -> None:
        self.keys = keys
        self._file = folder / MEMORY
        self._signed = self._read()

    def last(self, log: str) -> tuple[int, bytes] | None:
        """Size and root of the last signature of a log."""
        return self._signed.get(log)

    def remember(self, heads: dict[str, tuple[int, bytes]]) -> None:
        """Take these to be signed, safe on disk; `Refused` if a log would shrink or fork.

        That a larger one begins with the smaller one is for the caller to know: he has built it
        on what he found here.
        """
        for log, (size, root) in heads.items():
            before = self._signed.get(log)
            if before is not None and (
                size < before[0] or (size == before[0] and before[1] != root)
            ):
                raise Refused(f"{log} was signed with {before[0]} leaves; not signed with {size}")
        merged = self._signed | heads
        told = {log: [size, root.hex()] for log, (size, root) in sorted(merged.items())}
        private.write(self._file, json.dumps(told, indent=0).encode())
        self._signed = merged

    def sign(self, log: str) -> Note:
        """The checkpoint that is remembered, signed."""
        size, root = self._signed[log]
        return checkpoint.signed(Checkpoint(self.keys.origin(log), size, root), self.keys.of(log))

    def _read(self) -> dict[str, tuple[int, bytes]]:
        try:
            told = json.loads(private.read(self._file))
            return {log: (int(size), bytes.fromhex(root)) for log, (size, root) in told.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, AttributeError) as broken:
            raise ProofError(f"{self._file} cannot be read: nothing is signed") from broken
