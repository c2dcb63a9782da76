"""Headers and frames made from bytes, without an envelope in between: for streams.

They are what `wire.write` writes; a test compares them.
"""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Mapping, Sequence
from hashlib import sha1
from typing import Any

import numpy as np
import numpy.typing as npt

from events.envelope import TAPE, Event, Message, caused_by, named
from infra import wire
from infra.wire import Headers

ID_CHARS = 36
TIME_CHARS = len("2026-01-31T12:00:00.000000Z")

_TAPE = TAPE.bytes
_SPECIFICATION = ("ce_specversion", b"1.0")
_CONTENT = ("content-type", b"application/avro")
_TENANT = ("ce_tenantid", b"default")
_ACTOR = ("ce_actor", b"system")


class Origin:
    """What one source says under one key, and nothing on the tape caused.

    The headers are those of `first_cause`. What all of them share is made once, the beginning of
    the hash that names them too.
    """

    __slots__ = ("_begun", "_kind", "_source")

    def __init__(self, source: str, key: str, kind: type[Event]) -> None:
        self._begun = sha1(_TAPE + f"{source}|{key}|".encode(), usedforsecurity=False)
        self._source = ("ce_source", source.encode())
        self._kind = type_header(kind)

    def headers(self, numbers: Sequence[int], times_us: Sequence[int]) -> list[Headers]:
        """Of the messages with these numbers: the sequence of each is its sixteen digits."""
        sequences = [b"%016d" % number for number in numbers]
        names, parents = _named(self._begun, sequences)
        times = map(wire.rfc3339_bytes, times_us)
        return [
            [
                _SPECIFICATION,
                ("ce_id", name),
                self._kind,
                self._source,
                ("ce_sequence", sequence),
                ("ce_time", time),
                ("ce_correlationid", name),
                _TENANT,
                _ACTOR,
                _CONTENT,
                ("traceparent", parent),
            ]
            for name, sequence, time, parent in zip(names, sequences, times, parents, strict=True)
        ]


def _named(begun: Any, sequences: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Identifiers as `named` makes them, and the trace parents of messages that are first causes.

    Only the hash of each is made by itself: text is cut and joined for all of them together.
    """
    digests = []
    for sequence in sequences:
        digest = begun.copy()
        digest.update(sequence)
        digests.append(digest.digest())
    digits = np.frombuffer(hexlify(b"".join(digests)), np.uint8).reshape(-1, 2 * begun.digest_size)
    names = digits.take(_DIGIT_AT, axis=1)
    names[:, _DASHES] = ord("-")
    names[:, _VERSION] = ord("5")
    names[:, _VARIANT] = _VARIANT_OF[names[:, _VARIANT]]
    parents = np.tile(_PARENT, (len(names), 1))
    parents[:, 3:35] = np.delete(names, _DASHES, axis=1)
    parents[:, 36:52] = parents[:, 3:19]
    return _rows(names), _rows(parents)


def _rows(texts: npt.NDArray[np.uint8]) -> list[bytes]:
    rows: list[bytes] = texts.view(f"V{texts.shape[1]}").ravel().tolist()
    return rows


def caused(
    cause: Mapping[str, bytes], *, source: str, sequence: str, step: str, kind: type[Event]
) -> Headers:
    """Headers of what follows from a message with the headers `cause`, as `caused_by` names it."""
    correlation, before = cause.get("ce_correlationid", b""), cause.get("ce_id", b"")
    time = cause.get("ce_time", b"")
    if len(before) != ID_CHARS or len(correlation) != ID_CHARS or len(time) != TIME_CHARS:
        return _otherwise(cause, source, sequence, step, kind)
    message_id = named(bytes.fromhex(before.decode().replace("-", "")), step).encode()
    span = message_id.replace(b"-", b"")[:16]
    return [
        _SPECIFICATION,
        ("ce_id", message_id),
        type_header(kind),
        ("ce_source", source.encode()),
        ("ce_sequence", sequence.encode()),
        ("ce_time", time),
        ("ce_correlationid", correlation),
        ("ce_tenantid", cause["ce_tenantid"]),
        ("ce_actor", cause["ce_actor"]),
        _CONTENT,
        ("traceparent", b"00-%b-%b-01" % (correlation.replace(b"-", b""), span)),
        ("ce_causationid", before),
    ]


def _otherwise(
    cause: Mapping[str, bytes], source: str, sequence: str, step: str, kind: type[Event]
) -> Headers:
    """For a cause that another program wrote in its own way, or that is not readable at all."""
    before = Message(Event(), "", wire.envelope_of(tuple(cause.items())))
    after = caused_by(before, Event(), source=source, sequence=sequence, key="", step=step)
    return wire.headers_of(after.envelope, kind.__name__)


def frame_of(schema_id: int) -> bytes:
    """What stands before the Avro bytes of a value."""
    return bytes((wire.MAGIC,)) + schema_id.to_bytes(wire.FRAME_BYTES - 1, "big")


def type_header(kind: type[Event]) -> tuple[str, bytes]:
    """The CloudEvents type of a class."""
    header = _TYPES.get(kind)
    if header is None:
        header = _TYPES[kind] = ("ce_type", b"tapedeck." + kind.__name__.encode())
    return header


_TYPES: dict[type[Event], tuple[str, bytes]] = {}
_DASHES = [8, 13, 18, 23]
_VERSION, _VARIANT = 14, 19
_DIGIT_AT = np.cumsum(~np.isin(np.arange(ID_CHARS), _DASHES)) - 1
_PARENT = np.frombuffer(b"00-%032d-%016d-01" % (0, 0), np.uint8)
_VARIANT_OF = np.array([ord("89ab"[(n - 48 if n < 58 else n - 87) & 3]) for n in range(128)], "u1")
