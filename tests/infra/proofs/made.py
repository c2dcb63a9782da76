"""Keys, logs and proofs for tests, all out of seeds."""

from __future__ import annotations

from hashlib import sha256

from infra.proofs import checkpoint, cosignature, tree
from infra.proofs.checkpoint import Checkpoint
from infra.proofs.note import COSIGNATURE, ED25519, Note, SignerKey
from infra.proofs.policy import Group, Policy, Witness
from infra.proofs.tlog_proof import Proof
from infra.proofs.tree import leaf_hash

ORIGIN = "tape.example/order-events/0"
NOW_S = 1_700_000_000
LOG = SignerKey.of(ORIGIN, ED25519, sha256(b"log").digest())
WITNESSES = [
    SignerKey.of(f"w{n}.example", COSIGNATURE, sha256(b"w%d" % n).digest()) for n in range(3)
]
DATA = [b"event %d" % number for number in range(40)]
LEAVES = [leaf_hash(data) for data in DATA]
POLICY = Policy(
    (LOG.public,),
    tuple(Witness(f"w{n}", key.public) for n, key in enumerate(WITNESSES)),
    {"enough": Group(2, ("w0", "w1", "w2"))},
    "enough",
)


def node(level: int, index: int) -> bytes:
    return tree.root_of(LEAVES[index << level : (index + 1) << level])


def signed(size: int, *, root: bytes | None = None, key: SignerKey = LOG) -> Note:
    root = tree.root_of(LEAVES[:size]) if root is None else root
    return checkpoint.signed(Checkpoint(key.name, size, root), key)


def cosigned(note: Note, *witnesses: SignerKey, time_s: int = NOW_S) -> Note:
    lines = [cosignature.cosigned(note, key, time_s) for key in witnesses]
    return Note(note.text, (*note.signatures, *lines))


def proof(index: int = 11, size: int = 37) -> bytes:
    note = cosigned(signed(size), *WITNESSES[:2])
    path = tuple(tree.inclusion(index, size, node))
    return Proof(index, path, note.written().encode()).written()
