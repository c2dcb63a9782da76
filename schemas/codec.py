"""Messages to Avro bytes and back: strict both ways, and fast, for every tick passes here twice."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from math import isfinite
from typing import Any, TypeVar, cast

import fastavro
from fastavro.read import SchemaResolutionError
from msgspec import Struct
from msgspec.structs import astuple, fields

from events import UPCASTS
from events.envelope import Event
from events.upcast import Upcast
from schemas import converters
from schemas.catalog import TYPES
from schemas.derive import Schema, schema_of

PAYLOAD_BYTES_MAX = 1024 * 1024
_UNREADABLE = (
    *(EOFError, LookupError, TypeError, ValueError, ArithmeticError, MemoryError),
    SchemaResolutionError,
)

S = TypeVar("S", bound=Struct)
Record = dict[str, Any]


class Unencodable(ValueError):
    """A message holds a value that its schema does not allow; the text names class and field."""


class Undecodable(ValueError):
    """Bytes that are not one whole message of the named type; the text says why."""


def encode(message: Struct) -> bytes:
    """The Avro bytes of a message; `Unencodable` unless each value is exactly of its type."""
    plan = plan_of(type(message))
    values = astuple(message)
    if tuple(map(type, values)) not in plan.admitted:
        plan.admit(values)
    record = dict(zip(plan.names, values, strict=True))
    plan.refuse_not_finite(record, Unencodable)
    out = BytesIO()
    try:
        for name, convert in plan.writes:
            record[name] = convert(record[name])
        fastavro.schemaless_writer(out, plan.schema, record, strict=True)
    except (ValueError, TypeError, OverflowError) as wrong:
        raise plan.unencodable(values, wrong) from wrong
    if out.tell() > PAYLOAD_BYTES_MAX:
        raise Unencodable(f"{plan.name}: {out.tell()} bytes, at most {PAYLOAD_BYTES_MAX}")
    return out.getvalue()


def decode(name: str, payload: bytes, writer: Schema | None = None) -> Event:
    """The event in `payload`. `writer` is what it was written with, as `writers.parsed` gave it."""
    kind = TYPES.get(name)
    if kind is None:
        raise Undecodable(f"{name} is not a type of this tape")
    return decode_as(kind, payload, writer)


def decode_as(kind: type[S], payload: bytes, writer: Schema | None = None) -> S:
    """As `decode`, for a class that has no topic of its own."""
    plan = plan_of(kind)
    size = len(payload)
    if size > PAYLOAD_BYTES_MAX:
        raise Undecodable(f"{plan.name}: {size} bytes, at most {PAYLOAD_BYTES_MAX}")
    stream = BytesIO(payload)
    try:
        if writer is None or writer is plan.schema:
            record: Any = fastavro.schemaless_reader(stream, plan.schema, None)
        else:
            record = fastavro.schemaless_reader(stream, writer, plan.schema)
    except _UNREADABLE as wrong:
        raise Undecodable(f"{plan.name}: {type(wrong).__name__}: {wrong}") from wrong
    if stream.tell() != size:
        raise Undecodable(f"{plan.name}: {size - stream.tell()} bytes follow the message")
    plan.refuse_not_finite(record, Undecodable)
    for name, convert in plan.reads:
        try:
            record[name] = convert(record[name])
        except ValueError as wrong:
            raise Undecodable(f"{plan.name}.{name} is {record[name]!r}: {wrong}") from wrong
    if writer is None or writer is plan.schema:
        return kind(**record)
    return _upcast(kind(**record), writer)


def _upcast(event: S, writer: Schema) -> S:
    """The event, with what its bytes said in the fields of another day."""
    written = {field["name"] for field in writer["fields"]}
    for upcast in UPCASTS:
        if upcast.kind is type(event) and upcast.since not in written:
            event = _filled(upcast, event)
    return event


def _filled(upcast: Upcast, event: S) -> S:
    try:
        return cast(S, upcast.fill(event))
    except (ValueError, ArithmeticError, LookupError, TypeError) as wrong:
        raise Undecodable(f"{type(event).__name__}.{upcast.since}: {wrong}") from wrong


class Plan:
    """What is known of a class beforehand, so that little is left to do for each message."""

    def __init__(self, kind: type[Struct]) -> None:
        hints = {field.encode_name: field.type for field in fields(kind)}
        written = ((name, converters.to_wire(hint)) for name, hint in hints.items())
        read = ((name, converters.from_wire(hint)) for name, hint in hints.items())
        self.name = kind.__name__
        self.names = tuple(hints)
        self.schema = cast(Schema, fastavro.parse_schema(schema_of(kind)))
        self.types = tuple(converters.types_of(hint) for hint in hints.values())
        self.doubles = tuple(name for name, hint in hints.items() if converters.is_double(hint))
        self.writes = tuple((name, convert) for name, convert in written if convert is not None)
        self.reads = tuple((name, convert) for name, convert in read if convert is not None)
        self.admitted: set[tuple[type, ...]] = set()

    def admit(self, values: tuple[Any, ...]) -> None:
        """Check a combination of types that has not been seen before. There are few per class."""
        for name, types, value in zip(self.names, self.types, values, strict=True):
            if type(value) not in types:
                expected = " or ".join(kind.__name__ for kind in types)
                raise Unencodable(f"{self.name}.{name} is {value!r}; give a value of {expected}")
        self.admitted.add(tuple(map(type, values)))

    def refuse_not_finite(self, record: Record, error: type[ValueError]) -> None:
        """NaN and infinity compare wrongly for ever after: neither is written nor read."""
        for name in self.doubles:
            value = record[name]
            if value is not None and not isfinite(value):
                raise error(f"{self.name}.{name} is {value}; give a finite number")

    def unencodable(self, values: tuple[Any, ...], wrong: Exception) -> Unencodable:
        """The error with the field it is about, found by writing one field after the other."""
        convert = dict(self.writes)
        for name, value, field in zip(self.names, values, self.schema["fields"], strict=True):
            try:
                written = convert[name](value) if name in convert else value
                fastavro.schemaless_writer(BytesIO(), field["type"], written, strict=True)
            except (ValueError, TypeError, OverflowError) as cause:
                return Unencodable(f"{self.name}.{name} is {value!r}: {cause}")
        return Unencodable(f"{self.name}: {wrong}")


@cache
def plan_of(kind: type[Struct]) -> Plan:
    """The plan of a class, made at its first message."""
    return Plan(kind)
