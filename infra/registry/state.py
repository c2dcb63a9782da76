"""What the records of the schemas topic add up to. It changes by reading them, never otherwise."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from infra.registry import records, refusals
from infra.registry.records import Record
from schemas.compatibility import Level

DEFAULT_LEVEL = Level.BACKWARD
LATEST = "latest"
VERSION_MAX = 2**31 - 1

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Version:
    """A schema under a subject."""

    subject: str
    version: int
    id: int
    text: str
    deleted: bool = False


@dataclass(slots=True)
class State:
    """Subjects with their versions, compatibility levels, and the highest id ever given."""

    subjects: dict[str, dict[int, Version]] = field(default_factory=dict)
    levels: dict[str | None, Level] = field(default_factory=dict)
    id_max: int = 0

    def after(self, found: Iterable[Record]) -> State:
        """The state once these are read as well; this one stays as it is for its readers."""
        fresh = State(
            {subject: dict(versions) for subject, versions in self.subjects.items()},
            dict(self.levels),
            self.id_max,
        )
        for record in found:
            fresh._read(record)
        return fresh

    def versions(self, subject: str, *, deleted: bool = False) -> tuple[Version, ...]:
        """The versions of a subject, oldest first; empty if it has none."""
        known = self.subjects.get(subject, {})
        return tuple(known[n] for n in sorted(known) if deleted or not known[n].deleted)

    def existing(self, subject: str, *, deleted: bool = False) -> tuple[Version, ...]:
        """As `versions`; refuses a subject that has none."""
        versions = self.versions(subject, deleted=deleted)
        if not versions:
            raise refusals.subject_not_found(subject)
        return versions

    def version(self, subject: str, text: str, *, deleted: bool = False) -> Version:
        """One version, by number or `latest`."""
        number = _number(text)
        versions = self.existing(subject, deleted=deleted)
        if number is None:
            return versions[-1]
        found = next((one for one in versions if one.version == number), None)
        if found is None:
            raise refusals.version_not_found(number)
        return found

    def everything(self) -> Iterator[Version]:
        """Every version of every subject, deleted ones too."""
        for subject in sorted(self.subjects):
            yield from self.versions(subject, deleted=True)

    def of_id(self, schema_id: int) -> tuple[Version, ...]:
        """Where an id stands; refuses one that stands nowhere."""
        found = tuple(one for one in self.everything() if one.id == schema_id)
        if not found:
            raise refusals.schema_not_found(schema_id)
        return found

    def id_of_text(self, text: str) -> int | None:
        """The id of a schema, under whatever subject it is known."""
        return next((one.id for one in self.everything() if one.text == text), None)

    def level(self, subject: str | None = None) -> Level:
        """The level in force."""
        return self.levels.get(subject, self.levels.get(None, DEFAULT_LEVEL))

    def _read(self, record: Record) -> None:
        key, value = records.parsed(record)
        subject = key.get("subject")
        match key["keytype"], value:
            case records.SCHEMA, None:
                self._forget(str(subject), key["version"])
            case records.SCHEMA, dict():
                self._learn(value)
            case records.CONFIG, None:
                self.levels.pop(subject, None)
            case records.CONFIG, dict():
                self.levels[subject] = Level(value["compatibilityLevel"])
            case records.DELETE_SUBJECT, dict():
                self._delete(str(subject), value["version"])
            case records.NOOP, dict():
                self.id_max = max(self.id_max, value.get("maxId", 0))

    def _learn(self, value: dict[str, Any]) -> None:
        one = Version(
            value["subject"],
            value["version"],
            value["id"],
            value["schema"],
            value.get("deleted", False),
        )
        if any(known.id == one.id and known.text != one.text for known in self.everything()):
            log.error("schema id %d keeps its meaning: %s says otherwise", one.id, one.subject)
            return
        self.subjects.setdefault(one.subject, {})[one.version] = one
        self.id_max = max(self.id_max, one.id)

    def _forget(self, subject: str, version: int) -> None:
        versions = self.subjects.get(subject, {})
        versions.pop(version, None)
        if not versions:
            self.subjects.pop(subject, None)

    def _delete(self, subject: str, up_to: int) -> None:
        for one in self.versions(subject):
            if one.version <= up_to:
                self.subjects[subject][one.version] = replace(one, deleted=True)


def _number(text: str) -> int | None:
    """The number of a version; None for the latest."""
    if text in (LATEST, "-1"):
        return None
    if not text.isdecimal() or not 1 <= int(text) <= VERSION_MAX:
        raise refusals.invalid_version(text)
    return int(text)
