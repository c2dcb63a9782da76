"""The frozen schemas as they lie in `schemas/avsc`: what wrote bytes that no registry knows of."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from msgspec import Struct

import schemas
from schemas import writers
from schemas.catalog import TYPES
from schemas.codec import Undecodable
from schemas.derive import Schema, schema_of
from schemas.versions import Frozen, thawed, versions_of

FOLDER = Path(schemas.__file__).parent / "avsc"


def frozen() -> tuple[Frozen, ...]:
    """Every version of every type."""
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.*"))}
    return thawed(files)


@cache
def version_of(kind: type[Struct]) -> int:
    """The version that messages of this class are written in; `LookupError` if it is not frozen."""
    for one in reversed(versions_named(kind.__name__)):
        if one.schema == schema_of(kind):
            return one.version
    raise LookupError(f"{kind.__name__} differs from its frozen schema; `tapedeck schemas freeze`")


@cache
def writer_of(name: str, version: int) -> Schema:
    """The writer's schema of a version, for `codec.decode`; `Undecodable` if there is none."""
    for one in versions_named(name):
        if one.version == version and name in TYPES:
            return writers.parsed(one.schema)[1]
    raise Undecodable(f"{name} has no version {version} here; a later Tapedeck wrote it")


@cache
def versions_named(name: str) -> tuple[Frozen, ...]:
    """Every version of one type, oldest first."""
    return versions_of(name, _all())


_all = cache(frozen)
