"""The frozen versions of every type, as they lie in `avsc`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.derive import Schema


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


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
