"""Schemas are frozen: each version is written once, with golden bytes, and can be read for ever."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from schemas import codec
from schemas.alterations import altered
from schemas.catalog import TYPES
from schemas.compatibility import Level, verdict
from schemas.derive import Schema, schema_of
from schemas.samples import samples_of

LEVEL = Level.FULL_TRANSITIVE


@dataclass(frozen=True, slots=True)
class Frozen:
    """A version of a type as it lies in `avsc`: its schema, and samples written with it."""

    name: str
    version: int
    schema: Schema
    golden: tuple[Mapping[str, Any], ...]

    @property
    def stem(self) -> str:
        """The name of its two files, without the suffix."""
        return f"{self.name}.v{self.version}"

    def files(self) -> dict[str, str]:
        """File names and texts."""
        return {
            f"{self.stem}.avsc": _text(self.schema),
            f"{self.stem}.golden.json": _text(list(self.golden)),
        }


class Refused(ValueError):
    """The classes cannot be frozen as they are; one line per type and field."""


def thawed(files: Mapping[str, str]) -> tuple[Frozen, ...]:
    """The versions in a folder of files, by type and then by age."""
    stems = sorted(name.removesuffix(".avsc") for name in files if name.endswith(".avsc"))
    found = []
    for stem in stems:
        name, _, version = stem.rpartition(".v")
        golden = tuple(json.loads(files[f"{stem}.golden.json"]))
        found.append(Frozen(name, int(version), json.loads(files[f"{stem}.avsc"]), golden))
    return tuple(sorted(found, key=lambda one: (one.name, one.version)))


def versions_of(name: str, frozen: tuple[Frozen, ...]) -> tuple[Frozen, ...]:
    """The versions of one type, oldest first; `Refused` when one is missing between them."""
    versions = tuple(one for one in frozen if one.name == name)
    if [one.version for one in versions] != list(range(1, len(versions) + 1)):
        raise Refused(f"{name}: versions {[one.version for one in versions]} are not 1, 2, 3 ...")
    return versions


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
    return tuple(faults)


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
    faults = [*verdict(LEVEL, schema, earlier)]
    faults += (fault for old in earlier for fault in altered(old, schema))
    return [f"{name}: {fault}" for fault in dict.fromkeys(faults)]


def golden_of(name: str) -> tuple[Mapping[str, Any], ...]:
    """Samples of the class of today: their values, and the bytes that mean them for ever."""
    return tuple(
        {"value": msgspec.to_builtins(sample), "bytes": codec.encode(sample).hex()}
        for sample in samples_of(TYPES[name])
    )


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
