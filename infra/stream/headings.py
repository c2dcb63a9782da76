"""Headers and frames made from bytes, without an envelope in between: for streams.

They are what `wire.write` writes; a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping

from events.envelope import Event, Message, caused_by, named
from infra.stream import wire
from infra.stream.wire import Headers

ID_CHARS = 36
TIME_CHARS = len("2026-01-31T12:00:00.000000Z")

SPECIFICATION = ("ce_specversion", b"1.0")
CONTENT = ("content-type", b"application/avro")


def caused(
    cause: Mapping[str, bytes], event: Event, source: str, sequence: str, step: str
) -> Headers:
    """Headers of an event that follows from a message with the headers `cause`: `caused_by`'s."""
    correlation, before = cause.get("ce_correlationid", b""), cause.get("ce_id", b"")
    time = cause.get("ce_time", b"")
    if len(before) != ID_CHARS or len(correlation) != ID_CHARS or len(time) != TIME_CHARS:
        return _otherwise(cause, event, source, sequence, step)
    message_id = named(bytes.fromhex(before.decode().replace("-", "")), step).encode()
    span = message_id.replace(b"-", b"")[:16]
    return [
        SPECIFICATION,
        ("ce_id", message_id),
        type_header(type(event)),
        ("ce_source", source.encode()),
        ("ce_sequence", sequence.encode()),
        ("ce_time", time),
        ("ce_correlationid", correlation),
        ("ce_tenantid", cause["ce_tenantid"]),
        ("ce_actor", cause["ce_actor"]),
        CONTENT,
        ("traceparent", b"00-%b-%b-01" % (correlation.replace(b"-", b""), span)),
        ("ce_causationid", before),
    ]


def _otherwise(
    cause: Mapping[str, bytes], event: Event, source: str, sequence: str, step: str
) -> Headers:
    """For a cause that another program wrote in its own way, or that is not readable at all."""
    before = Message(Event(), "", wire.envelope_of(tuple(cause.items())))
    after = caused_by(before, event, source=source, sequence=sequence, key="", step=step)
    return wire.headers_of(after.envelope, type(event).__name__)


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
