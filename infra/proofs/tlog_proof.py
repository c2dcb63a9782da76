"""Proofs as files (C2SP tlog-proof, version 1): a leaf is in a log that witnesses have seen."""

from __future__ import annotations

from dataclasses import dataclass

from infra.proofs.checkpoint import Checkpoint
from infra.proofs.encoding import base64, decoded, number, unbase64, unhash
from infra.proofs.policy import Policy
from infra.proofs.tree import PATH_MAX, ProofError, check_inclusion, leaf_hash

MAGIC = "c2sp.org/tlog-proof@v1"
EXTRA, INDEX = "extra ", "index "
BYTES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Proof:
    """What stands in the file. `extra` is authenticated by nothing."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def written(self) -> bytes:
        """The file."""
        extra = [] if self.extra is None else [EXTRA + base64(self.extra)]
        lines = [MAGIC, *extra, f"{INDEX}{self.index}", *map(base64, self.path), ""]
        return "".join(line + "\n" for line in lines).encode() + self.checkpoint


@dataclass(frozen=True, slots=True)
class Proven:
    """What a proof has shown: which checkpoint, and which witnesses have seen it when."""

    checkpoint: Checkpoint
    index: int
    seen: dict[str, int]


def read(content: bytes) -> Proof:
    """The proof in a file; nothing is verified but its form."""
    if len(content) > BYTES_MAX:
        raise ProofError(f"a proof has at most {BYTES_MAX} bytes")
    head, blank, checkpoint = decoded(content, "the proof").partition("\n\n")
    lines = head.split("\n")
    if not blank or lines.pop(0) != MAGIC:
        raise ProofError(f"a proof begins with {MAGIC}, and a blank line ends its hashes")
    extra = None
    if lines and lines[0].startswith(EXTRA):
        extra = unbase64(lines.pop(0).removeprefix(EXTRA), "the extra data")
    if not lines or not lines[0].startswith(INDEX):
        raise ProofError("the proof names no index")
    index = number(lines.pop(0).removeprefix(INDEX), "the index")
    if len(lines) > PATH_MAX:
        raise ProofError(f"a proof has at most {PATH_MAX} hashes")
    path = tuple(unhash(line, "a hash of the proof") for line in lines)
    return Proof(index, path, checkpoint.encode(), extra)


def verify(content: bytes, leaf: bytes, policy: Policy, now_s: int) -> Proven:
    """What the file proves of these leaf bytes under the policy; `ProofError` if nothing."""
    proof = read(content)
    checkpoint, note = policy.accepted(proof.checkpoint, now_s)
    check_inclusion(leaf_hash(leaf), proof.index, checkpoint.size, proof.path, checkpoint.root)
    return Proven(checkpoint, proof.index, policy.seen(note, now_s))
