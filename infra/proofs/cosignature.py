"""Cosignatures (C2SP tlog-cosignature, version 1): who has seen a checkpoint, and when."""

from __future__ import annotations

from infra.proofs.note import COSIGNATURE, TIME_BYTES, Note, Signature, SignerKey, VerifierKey
from infra.proofs.tree import ProofError

SKEW_S = 300
"""How far a witness's clock may be ahead of ours."""


def cosigned(note: Note, key: SignerKey, time_s: int) -> Signature:
    """The witness's line for a checkpoint that it has judged."""
    if key.kind != COSIGNATURE:
        raise ProofError(f"{key.name} is no key of a witness")
    if time_s <= 0:
        raise ProofError("a cosignature needs a time")
    value = time_s.to_bytes(TIME_BYTES, "big") + key.sign(_message(note, time_s))
    return Signature(key.name, key.public.key_id, value)


def check(note: Note, signature: Signature, key: VerifierKey, now_s: int) -> int:
    """The time (UTC seconds) at which this witness has seen the checkpoint."""
    if key.kind != COSIGNATURE or len(signature.value) != TIME_BYTES + 64:
        raise ProofError(f"the cosignature by {key.name} is of another type")
    time_s = int.from_bytes(signature.value[:TIME_BYTES], "big")
    if not 0 < time_s <= now_s + SKEW_S:
        raise ProofError(f"the cosignature by {key.name} is of no time that has been")
    key.verify(_message(note, time_s), signature.value[TIME_BYTES:])
    return time_s


def _message(note: Note, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{note.text}".encode()
