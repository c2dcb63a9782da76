"""Schemas are frozen: each version is written once, with golden bytes, and can be read for ever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import fastavro
import msgspec

from schemas import codec
from schemas.catalog import TYPES
from schemas.compatibility import Level, verdict
from schemas.derive import Schema, schema_of
from schemas.samples import samples_of
from schemas.versions import Frozen, Refused, versions_of

LEVEL = Level.FULL_TRANSITIVE


def thaw_faults(frozen: tuple[Frozen, ...]) -> tuple[str, ...]:
    """What is wrong between the frozen versions and the classes of today; empty if nothing."""
    faults = [
        f"{name}: it is frozen and has no class, so its records could not be read any more"
        for name in sorted({one.name for one in frozen} - TYPES.keys())
    ]
    for name in TYPES:
        versions = versions_of(name, frozen)
        if not versions or versions[-1].schema != schema_of(TYPES[name]):
            faults += refusals(name, versions) or [f"{name}: it changed; `tapedeck schemas freeze`"]
    return (*faults, *golden_faults(frozen))


def golden_faults(frozen: tuple[Frozen, ...]) -> tuple[str, ...]:
    """Which golden bytes no longer mean what they meant when they were written."""
    return tuple(
        f"{one.stem}: {fault}"
        for one in frozen
        if one.name in TYPES
        for golden in one.golden
        if (fault := _golden_fault(one, golden))
    )


def _golden_fault(one: Frozen, golden: Mapping[str, Any]) -> str:
    writer = cast(Schema, fastavro.parse_schema(one.schema))
    try:
        event = codec.decode_as(TYPES[one.name], bytes.fromhex(golden["bytes"]), writer)
    except codec.Undecodable as wrong:
        return f"its golden bytes cannot be read any more: {wrong}"
    was, today = (msgspec.json.decode(msgspec.json.encode(v)) for v in (golden["value"], event))
    moved = [name for name in was if name in today and today[name] != was[name]]
    return f"its golden bytes mean another {', '.join(moved)}" if moved else ""


def to_freeze(frozen: tuple[Frozen, ...]) -> tuple[Frozen, ...]:
    """The new versions of all classes that are new or changed; `Refused` if one may not change."""
    fresh, faults = [], []
    for name, kind in TYPES.items():
        versions = versions_of(name, frozen)
        if versions and versions[-1].schema == schema_of(kind):
            continue
        faults += refusals(name, versions)
        fresh.append(Frozen(name, len(versions) + 1, schema_of(kind), golden_of(name)))
    if faults:
        raise Refused("\n".join(faults))
    return tuple(fresh)


def refusals(name: str, versions: tuple[Frozen, ...]) -> list[str]:
    """Why the class of today may not follow these versions, naming the field."""
    earlier = [one.schema for one in versions]
    schema = schema_of(TYPES[name])
    return [f"{name}: {fault}" for fault in verdict(LEVEL, schema, earlier)]


def golden_of(name: str) -> tuple[Mapping[str, Any], ...]:
    """Samples of the class of today: their values, and the bytes that mean them for ever."""
    return tuple(
        {"value": msgspec.to_builtins(sample), "bytes": codec.encode(sample).hex()}
        for sample in samples_of(TYPES[name])
    )
