"""Checkpoints (C2SP tlog-checkpoint): the size and the root of a log, as the text of a note."""

from __future__ import annotations

from dataclasses import dataclass

from infra.proofs import note
from infra.proofs.encoding import base64, check_text, number, unhash
from infra.proofs.note import Note, SignerKey, VerifierKey
from infra.proofs.tree import EMPTY, ProofError


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself."""

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        """The text that is signed. There are no further lines: nobody could audit them."""
        return f"{self.origin}\n{self.size}\n{base64(self.root)}\n"


def signed(checkpoint: Checkpoint, key: SignerKey) -> Note:
    """The checkpoint under the log's signature; the key bears the log's name."""
    if key.name != checkpoint.origin:
        raise ProofError(f"the key of {key.name} signs no checkpoint of {checkpoint.origin}")
    return note.signed(checkpoint.body(), key)


def read(text: str) -> Checkpoint:
    """The checkpoint in the text of a note."""
    check_text(text, "the checkpoint")
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise ProofError("a checkpoint has three lines: origin, size, root")
    origin, size, root = lines[:3]
    if not origin:
        raise ProofError("the checkpoint has no origin")
    found = Checkpoint(origin, number(size, "the size"), unhash(root, "the root"))
    if found.size == 0 and found.root != EMPTY:
        raise ProofError("a log without leaves has the root of nothing")
    return found


def check(content: bytes, key: VerifierKey) -> tuple[Checkpoint, Note]:
    """The checkpoint in a signed note, if it is this log's and its signature is good."""
    found = note.opened(content)
    checkpoint = read(found.text)
    if checkpoint.origin != key.name:
        raise ProofError(f"the checkpoint is of {checkpoint.origin}, not of {key.name}")
    note.check(found, key)
    return checkpoint, found
