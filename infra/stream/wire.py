"""Messages as Kafka records: Confluent framing, CloudEvents headers, W3C trace context."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol

from confluent_kafka import Message as Fetched
from msgspec import Struct

from events.envelope import Envelope, Event, Message, Position
from infra.stream.identity import Unreadable as Unreadable
from infra.stream.identity import identifier, name, named, named_all
from infra.stream.identity import sequence as sequence_in
from schemas import codec, quick_read, quick_read_columns
from schemas.catalog import topic_of

MAGIC = 0
SEQUENCE_AT = 4
"""Where `headers_of` puts the sequence; the source is before it."""
FRAME_BYTES = 5
VALUE_BYTES_MAX = 980_000
"""Of what is read. A record may have a little more: what follows from it must fit into one, too."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE_US = 60_000_000
MICROSECOND = timedelta(microseconds=1)

Headers = list[tuple[str, bytes]]


class Record(Struct, frozen=True):
    """A Kafka record as bytes, whichever client fetched it.

    `timestamp_ms` is the wall clock of its producer, 0 where nobody asked for it.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    timestamp_ms: int = 0


class Outgoing(Struct, frozen=True):
    """What a producer is given. `topic` is the catalog's name, without the namespace.

    `event` is what `value` says, for a reader in this process; nobody compares it.
    """

    topic: str
    key: bytes
    value: bytes
    headers: Headers
    event: Event | None = None


class Ids(Protocol):
    """The two questions that the wire asks a registry."""

    def id_of(self, kind: type[Event]) -> int:
        """The schema id under which events of this class are written."""

    def writer(self, schema_id: int) -> tuple[str, Any]:
        """The class name and the parsed schema that were used to write under this id."""


def records_of(fetched: Sequence[Any]) -> list[Record]:
    """What confluent-kafka has fetched, no error among it: field by field, which is faster."""
    return list(
        map(
            Record,
            map(Fetched.topic, fetched),
            map(Fetched.partition, fetched),
            map(Fetched.offset, fetched),
            map(Fetched.key, fetched),
            map(Fetched.value, fetched),
            [headers or () for headers in map(Fetched.headers, fetched)],
            [moment_ms for _, moment_ms in map(Fetched.timestamp, fetched)],
        )
    )


def write(message: Message[Event], ids: Ids) -> Outgoing:
    """The record of a message."""
    event = message.event
    kind = type(event)
    value = b"\x00" + ids.id_of(kind).to_bytes(4, "big") + codec.encode(event)
    return Outgoing(
        topic_of(kind).name,
        message.key.encode(),
        value,
        headers_of(message.envelope, kind.__name__),
    )


def headers_of(envelope: Envelope, kind: str) -> Headers:
    """CloudEvents binary-mode headers and `traceparent`."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", envelope.message_id.encode()),
        ("ce_type", b"tapedeck." + kind.encode()),
        ("ce_source", envelope.source.encode()),
        ("ce_sequence", envelope.sequence.encode()),
        ("ce_time", rfc3339_bytes(envelope.time_us)),
        ("ce_correlationid", envelope.correlation_id.encode()),
        ("ce_tenantid", envelope.tenant.encode()),
        ("ce_actor", envelope.actor.encode()),
        ("content-type", b"application/avro"),
        ("traceparent", envelope.traceparent.encode()),
    ]
    if envelope.causation_id is not None:
        headers.append(("ce_causationid", envelope.causation_id.encode()))
    return headers


def read(record: Record, ids: Ids) -> Message[Any]:
    """The message of a record; raises as `event_of` and `envelope_of` do."""
    return message_of(record, event_of(record, ids))


def message_of(record: Record, event: Event) -> Message[Any]:
    """The message of a record whose event is known."""
    if record.key is None:
        raise Unreadable("the key is null")
    position = Position(record.topic, record.partition, record.offset)
    return Message(
        event, name(record.key.decode(), "the key"), envelope_of(record.headers), position
    )


def event_of(record: Record, ids: Ids) -> Event:
    """The event alone.

    `Unreadable` if the value is empty, not framed, or has a name that cannot be one,
    `codec.Undecodable` if it is not Avro of its schema, and whatever `ids` raises for a schema id
    that is unknown or cannot be asked for now.
    """
    frame, payload = _framed(record)
    kind, writer = ids.writer(int.from_bytes(frame, "big"))
    return named(quick_read.decode(kind, payload, writer))


def events_of(records: Sequence[Record], ids: Ids) -> list[Event]:
    """The events of many, in their order; raises as `event_of` does of one of them."""
    values = [record.value for record in records]
    frame = _shared_frame(values)
    if frame is not None:
        return _events(frame, [value[FRAME_BYTES:] for value in values if value], ids)
    framed = list(map(_framed, records))
    made: dict[int, Event] = {}
    for frame in {frame for frame, _ in framed}:
        places = [n for n, (other, _) in enumerate(framed) if other == frame]
        made |= zip(places, _events(frame, [framed[n][1] for n in places], ids), strict=True)
    return [made[n] for n in range(len(records))]


def _events(frame: bytes, payloads: Sequence[bytes], ids: Ids) -> list[Event]:
    """The events in Avro bytes of one schema id."""
    kind, writer = ids.writer(int.from_bytes(frame, "big"))
    events = quick_read_columns.decode_all(kind, payloads, writer)
    named_all(events)
    return events


def _shared_frame(values: Sequence[bytes | None]) -> bytes | None:
    """The schema id of values that all have the same one, if none of them is to be refused."""
    starts = {value[:FRAME_BYTES] if value else b"" for value in values}
    start = starts.pop() if len(starts) == 1 else b""
    if len(start) < FRAME_BYTES or start[0] != MAGIC:
        return None
    longest = max(len(value) for value in values if value)
    return start[1:] if longest <= VALUE_BYTES_MAX else None


def _framed(record: Record) -> tuple[bytes, bytes]:
    """The schema id and the Avro bytes of a value."""
    value = record.value
    if not value:
        raise Unreadable("the value is empty")
    if len(value) > VALUE_BYTES_MAX:
        raise Unreadable(f"the value has {len(value)} bytes; at most {VALUE_BYTES_MAX} are read")
    if len(value) < FRAME_BYTES or value[0] != MAGIC:
        raise Unreadable(
            f"the value does not start with the frame 00 and a schema id: {value[:5]!r}"
        )
    return value[1:FRAME_BYTES], value[FRAME_BYTES:]


def envelope_of(headers: Sequence[tuple[str, bytes]]) -> Envelope:
    """The envelope in the headers; `Unreadable` names the one that is missing or malformed."""
    found = dict(headers)

    def text(header: str) -> str:
        return name(found[header].decode(), header)

    def uuid(header: str) -> str:
        return identifier(found[header].decode(), header)

    try:
        return Envelope(
            message_id=uuid("ce_id"),
            source=text("ce_source"),
            sequence=sequence_in(text("ce_sequence")),
            time_us=micros(found["ce_time"].decode()),
            correlation_id=uuid("ce_correlationid"),
            causation_id=uuid("ce_causationid") if "ce_causationid" in found else None,
            tenant=text("ce_tenantid"),
            actor=text("ce_actor"),
        )
    except KeyError as missing:
        raise Unreadable(f"the header {missing.args[0]} is missing") from missing
    except (ValueError, AttributeError) as malformed:
        raise Unreadable(f"a header is malformed: {malformed}") from malformed


def place_of(headers: Sequence[tuple[str, bytes]]) -> tuple[str, str]:
    """Source and sequence alone: what a reader needs in order to recognise a repeat."""
    if len(headers) > SEQUENCE_AT and headers[SEQUENCE_AT][0] == "ce_sequence":
        header, source = headers[SEQUENCE_AT - 1]
        if header == "ce_source":  # as all of ours are written: there is no need to search
            return source.decode(), sequence_in(headers[SEQUENCE_AT][1].decode())
    found = dict(headers)
    if "ce_source" not in found or "ce_sequence" not in found:
        raise Unreadable("the header ce_source or ce_sequence is missing")
    return found["ce_source"].decode(), sequence_in(found["ce_sequence"].decode())


def place_if_any(headers: Sequence[tuple[str, bytes]]) -> tuple[str, str]:
    """The same for whoever looks for his own on a topic: empty texts for what nobody can read."""
    try:
        return place_of(headers)
    except (ValueError, AttributeError):
        return "", ""


def schema_id_of(value: bytes | None) -> int | None:
    """The schema id in the frame of a value, if it has one."""
    if value is None or len(value) < FRAME_BYTES or value[0] != MAGIC:
        return None
    return int.from_bytes(value[1:FRAME_BYTES], "big")


def rfc3339(time_us: int) -> str:
    """UTC microseconds as RFC 3339 text."""
    return rfc3339_bytes(time_us).decode()


def rfc3339_bytes(time_us: int) -> bytes:
    """The same as a header holds it."""
    minute, rest_us = divmod(time_us, MINUTE_US)
    return b"%b%02d.%06dZ" % (minute_text(minute), *divmod(rest_us, 1_000_000))


def micros(text: str) -> int:
    """RFC 3339 text as UTC microseconds; `ValueError` without a zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"the time {text} has no zone")
    return (moment - EPOCH) // MICROSECOND


@lru_cache(maxsize=4096)
def minute_text(since_epoch: int) -> bytes:
    """Messages come in bursts of one minute: its text is made once."""
    return (EPOCH + timedelta(minutes=since_epoch)).strftime("%Y-%m-%dT%H:%M:").encode()
