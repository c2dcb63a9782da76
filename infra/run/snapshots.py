"""What a processor remembered of a partition, in a file that is whole or not there."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw, Struct

from infra.config import Config
from infra.run.processing import Partition
from infra.stream.kafka import topic_name
from processors.processor import Processor

log = logging.getLogger(__name__)


class Snapshot(Struct, frozen=True, array_like=True):
    """A `Partition` with the name and version of the processor that it belongs to."""

    processor: str
    version: int
    topic: str
    number: int
    next_offset: int
    marks: dict[str, str]
    states: dict[str, Raw]
    topic_id: str = ""


def path_of(config: Config, processor: str, partition: int) -> Path:
    """Where the snapshot of a processor's partition lies."""
    return config.home / "state" / topic_name(config, f"{processor}-{partition}.snapshot")


def frozen(processor: Processor[Any, Any, Any], topic: str, partition: Partition) -> bytes:
    """The snapshot as bytes, taken now: later changes to `partition` are not in it."""
    snapshot = Snapshot(
        processor.name,
        processor.version,
        topic,
        partition.number,
        partition.next_offset,
        partition.marks,
        {key: Raw(msgspec.msgpack.encode(state)) for key, state in partition.states.items()},
        partition.topic_id,
    )
    body = msgspec.msgpack.encode(snapshot)
    return hashlib.sha256(body).digest() + body


def load(
    path: Path, processor: Processor[Any, Any, Any], topic: str, number: int
) -> Partition | None:
    """The partition as it was, or None if there is no snapshot that fits this processor's version.

    A damaged one is reported and not used: the state is then folded from the tape again.
    """
    try:
        return restored(path.read_bytes(), processor, topic, number)
    except FileNotFoundError:
        return None
    except (ValueError, msgspec.DecodeError) as damaged:
        log.error("%s is damaged (%s): the state is folded anew", path, damaged)
        return None


def restored(
    content: bytes, processor: Processor[Any, Any, Any], topic: str, number: int
) -> Partition | None:
    """The partition in a snapshot; None if it is another's, `ValueError` if it is damaged."""
    snapshot = _opened(content)
    if _belongs(snapshot) != (processor.name, processor.version, topic, number):
        log.info("the snapshot is of %s: the state is folded anew", _belongs(snapshot))
        return None
    states: dict[str, Any] = {
        key: msgspec.msgpack.decode(state, type=processor.state)
        for key, state in snapshot.states.items()
    }
    at = snapshot.next_offset
    return Partition(number, at, snapshot.marks, states, snapshot.topic_id)


def _opened(content: bytes) -> Snapshot:
    digest, body = content[:32], content[32:]
    if hashlib.sha256(body).digest() != digest:
        raise ValueError("its checksum differs")
    return msgspec.msgpack.decode(body, type=Snapshot)


def _belongs(snapshot: Snapshot) -> tuple[str, int, str, int]:
    return snapshot.processor, snapshot.version, snapshot.topic, snapshot.number
