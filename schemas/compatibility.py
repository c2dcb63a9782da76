"""Which schema can read what another wrote: Avro's official checker, and what it is blind to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import Enum
from typing import Any

import avro.errors
import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from schemas.alterations import altered, misread, renamed

Schema = Any


class Level(Enum):
    """What a new version of a schema must be able to do (Confluent's names)."""

    NONE = "NONE"
    BACKWARD = "BACKWARD"
    BACKWARD_TRANSITIVE = "BACKWARD_TRANSITIVE"
    FORWARD = "FORWARD"
    FORWARD_TRANSITIVE = "FORWARD_TRANSITIVE"
    FULL = "FULL"
    FULL_TRANSITIVE = "FULL_TRANSITIVE"

    @property
    def transitive(self) -> bool:
        """Towards every earlier version, not the last one alone."""
        return self.value.endswith("_TRANSITIVE")

    @property
    def reads_old(self) -> bool:
        """The new version reads what earlier ones wrote."""
        return self.value.startswith(("BACKWARD", "FULL"))

    @property
    def read_by_old(self) -> bool:
        """Earlier versions read what the new one writes."""
        return self.value.startswith(("FORWARD", "FULL"))


class InvalidSchema(ValueError):
    """Text that is not an Avro schema; says why."""


def check(schema: Schema) -> None:
    """`InvalidSchema` unless this JSON is an Avro schema."""
    _parsed(schema)


def verdict(level: Level, new: Schema, earlier: Sequence[Schema]) -> tuple[str, ...]:
    """Why `new` may not follow `earlier` (oldest first) at this level; empty when it may.

    FULL_TRANSITIVE is the level of what is kept for ever: nothing may be renamed or reordered.
    """
    against = earlier if level.transitive else earlier[-1:]
    faults: list[str] = []
    for old in against:
        if level.reads_old:
            faults += (f"cannot read what was written before: {f}" for f in faults_of(new, old))
        if level.read_by_old:
            faults += (f"cannot be read by earlier readers: {f}" for f in faults_of(old, new))
    if level is Level.FULL_TRANSITIVE:
        faults += (fault for old in earlier for fault in altered(old, new))
        faults += (fault for old in earlier[-1:] for fault in renamed(old, new))
    return tuple(dict.fromkeys(faults))


def faults_of(reader: Schema, writer: Schema) -> tuple[str, ...]:
    """What keeps `reader` from reading, unchanged in meaning, what `writer` wrote; names fields."""
    return (*_officially(_parsed(reader), _parsed(writer)), *misread(writer, reader))


def _officially(reader: Any, writer: Any) -> tuple[str, ...]:
    whole = _result(reader, writer)
    if whole.compatibility is SchemaCompatibilityType.compatible:
        return ()
    faults = tuple(_by_field(reader, writer)) if _both_records(reader, writer) else ()
    return faults or tuple(sorted(_said(whole)))


def _by_field(reader: Any, writer: Any) -> list[str]:
    """The checker does not say which field it means, so it is asked field by field."""
    if reader.fullname != writer.fullname:
        return [f"the name is {reader.fullname} and was {writer.fullname}"]
    written = {field.name: field for field in writer.fields}
    faults = []
    for field in reader.fields:
        names = [field.name, *(field.props.get("aliases") or ())]
        source = next((written[name] for name in names if name in written), None)
        if source is None:
            if not field.has_default:
                faults.append(f"{field.name}: it is missing there and has no default here")
            continue
        below = _officially(field.type, source.type)
        faults += [f"{field.name}: {fault}" for fault in below]
    return faults


def _both_records(reader: Any, writer: Any) -> bool:
    return bool(reader.type == writer.type == "record")


def _result(reader: Any, writer: Any) -> Any:
    checker: Any = ReaderWriterCompatibilityChecker
    return checker().get_compatibility(reader, writer)


def _said(result: Any) -> list[str]:
    return [str(message) for message in result.messages] or [str(result.incompatibilities)]


def _parsed(schema: Schema) -> Any:
    try:
        return avro.schema.parse(json.dumps(schema))
    except (avro.errors.AvroException, RecursionError, TypeError, ValueError) as wrong:
        raise InvalidSchema(f"{type(wrong).__name__}: {wrong}") from wrong
