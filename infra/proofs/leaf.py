"""What is proven of a message: everything that it is and says, as one run of bytes.

The payload stands as it was recorded, under the schema it was written with, so no later change of
a class makes other bytes of it. The envelope is part of the leaf: whoever changes an actor, a
cause or a time is found out as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from events.envelope import Envelope, Message
from infra.proofs.tree import ProofError

MAGIC = b"tapedeck-leaf-v1"
LENGTH_BYTES = 4
NUMBER_BYTES = 8
FIELDS = 15
FRAME_BYTES = 5
NO_CAUSE = b""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf that has been read."""

    topic: str
    partition: int
    offset: int
    key: str
    schema_id: int
    envelope: Envelope
    payload: bytes


def leaf_of(message: Message[Any], value: bytes) -> bytes:
    """The leaf of a message whose record has this value (frame and payload)."""
    position, envelope = message.position, message.envelope
    assert position is not None  # it was read from the tape
    parts = (
        MAGIC,
        position.topic.encode(),
        position.partition.to_bytes(NUMBER_BYTES, "big"),
        position.offset.to_bytes(NUMBER_BYTES, "big"),
        message.key.encode(),
        value[1:FRAME_BYTES],
        envelope.message_id.encode(),
        envelope.source.encode(),
        envelope.sequence.encode(),
        envelope.time_us.to_bytes(NUMBER_BYTES, "big", signed=True),
        envelope.correlation_id.encode(),
        NO_CAUSE if envelope.causation_id is None else envelope.causation_id.encode(),
        envelope.tenant.encode(),
        envelope.actor.encode(),
        value[FRAME_BYTES:],
    )
    return b"".join([b"%b%b" % (len(part).to_bytes(LENGTH_BYTES, "big"), part) for part in parts])


def read(data: bytes) -> Leaf:
    """The leaf in these bytes; `ProofError` if they are no leaf, or could be written otherwise."""
    parts, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + LENGTH_BYTES], "big")
        at += LENGTH_BYTES
        parts.append(data[at : at + size])
        at += size
    if at != len(data) or len(parts) != FIELDS or parts[0] != MAGIC:
        raise ProofError("these bytes are no leaf of a tape")
    try:
        return _leaf(parts)
    except ValueError as wrong:
        raise ProofError(f"these bytes are no leaf of a tape: {wrong}") from wrong


def _leaf(parts: list[bytes]) -> Leaf:
    numbers = (parts[2], parts[3], parts[9])
    if len(parts[5]) != FRAME_BYTES - 1 or {NUMBER_BYTES} != set(map(len, numbers)):
        raise ValueError("a field has another length")
    envelope = Envelope(
        message_id=parts[6].decode(),
        source=parts[7].decode(),
        sequence=parts[8].decode(),
        time_us=int.from_bytes(parts[9], "big", signed=True),
        correlation_id=parts[10].decode(),
        causation_id=None if parts[11] == NO_CAUSE else parts[11].decode(),
        tenant=parts[12].decode(),
        actor=parts[13].decode(),
    )
    return Leaf(
        parts[1].decode(),
        int.from_bytes(parts[2], "big"),
        int.from_bytes(parts[3], "big"),
        parts[4].decode(),
        int.from_bytes(parts[5], "big"),
        envelope,
        parts[14],
    )
