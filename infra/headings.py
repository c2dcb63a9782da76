"""Headers and frames made from bytes, without an envelope in between: for streams.

They are what `wire.write` writes; a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha1

from events.envelope import TAPE, Event, Message, caused_by, name_of_digest, named
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
    """What one source says under one key and nothing on the tape caused, message by message.

    Its headers are those of `first_cause`. What all of them share is made once, the beginning of
    the hash that names them too.
    """

    __slots__ = ("_begun", "_kind", "_source")

    def __init__(self, source: str, key: str, kind: type[Event]) -> None:
        self._begun = sha1(_TAPE + f"{source}|{key}|".encode(), usedforsecurity=False)
        self._source = ("ce_source", source.encode())
        self._kind = type_header(kind)

    def headers(self, number: int, time_us: int) -> Headers:
        """Of the message with this number, whose sequence is its sixteen digits."""
        sequence = b"%016d" % number
        name = self._begun.copy()
        name.update(sequence)
        message_id = name_of_digest(name.hexdigest()).encode()
        digits = message_id.replace(b"-", b"")
        return [
            _SPECIFICATION,
            ("ce_id", message_id),
            self._kind,
            self._source,
            ("ce_sequence", sequence),
            ("ce_time", wire.rfc3339_bytes(time_us)),
            ("ce_correlationid", message_id),
            _TENANT,
            _ACTOR,
            _CONTENT,
            ("traceparent", b"00-%b-%b-01" % (digits, digits[:16])),
        ]


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
