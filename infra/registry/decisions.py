"""What a request to change something makes of the state: the records to write, and the answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from infra.registry import records, refusals
from infra.registry.records import Record
from infra.registry.state import State, Version
from schemas.compatibility import Level, verdict

A = TypeVar("A")
Decision = tuple[tuple[Record, ...], A]
Decide = Callable[[State], Decision[A]]


def register(subject: str, text: str) -> Decide[int]:
    """The id of a schema under a subject: the one it has, or a new version."""

    def decide(state: State) -> Decision[int]:
        known = find(state, subject, text)
        if known is not None:
            return (), known.id
        faults = judge(state, subject, text, state.versions(subject))
        if faults:
            raise refusals.incompatible(subject, faults)
        before = state.versions(subject, deleted=True)
        version = before[-1].version + 1 if before else 1
        schema_id = state.id_of_text(text) or state.id_max + 1
        return (records.schema(subject, version, schema_id, text, False),), schema_id

    return decide


def set_level(subject: str | None, level: Level) -> Decide[Level]:
    """The level of a subject, or of all that have none of their own."""

    def decide(state: State) -> Decision[Level]:
        unchanged = state.levels.get(subject) is level
        return () if unchanged else (records.config(subject, level.value),), level

    return decide


def unset_level(subject: str | None) -> Decide[Level]:
    """Back to the level that holds without one; answers the level that was set."""

    def decide(state: State) -> Decision[Level]:
        if subject is not None and subject not in state.levels:
            raise refusals.subject_not_found(subject)
        return (records.config(subject, None),), state.level(subject)

    return decide


def delete_subject(subject: str, *, permanent: bool) -> Decide[list[int]]:
    """Hide every version of a subject, or, once hidden, forget them."""

    def decide(state: State) -> Decision[list[int]]:
        every = state.existing(subject, deleted=True)
        live = state.versions(subject)
        if permanent:
            if live:
                raise refusals.subject_not_soft_deleted(subject)
            gone = tuple(records.no_schema(subject, one.version) for one in every)
            last = (records.no_delete_subject(subject), records.highest_id(state.id_max))
            return gone + last, [one.version for one in every]
        if not live:
            raise refusals.subject_soft_deleted(subject)
        hidden = records.delete_subject(subject, live[-1].version)
        return (hidden, *_without_level(state, subject)), [one.version for one in live]

    return decide


def delete_version(subject: str, number: str, *, permanent: bool) -> Decide[int]:
    """Hide one version, or, once hidden, forget it."""

    def decide(state: State) -> Decision[int]:
        one = state.version(subject, number, deleted=permanent or number != "latest")
        if permanent:
            if not one.deleted:
                raise refusals.version_not_soft_deleted(subject, one.version)
            gone = records.no_schema(subject, one.version)
            return (gone, records.highest_id(state.id_max)), one.version
        if one.deleted:
            raise refusals.version_soft_deleted(subject, one.version)
        hidden = records.schema(subject, one.version, one.id, one.text, True)
        last = state.versions(subject) == (one,)
        return (hidden, *(_without_level(state, subject) if last else ())), one.version

    return decide


def find(state: State, subject: str, text: str, *, deleted: bool = False) -> Version | None:
    """The version under which a subject has this schema."""
    versions = state.versions(subject, deleted=deleted)
    return next((one for one in reversed(versions) if one.text == text), None)


def judge(state: State, subject: str, text: str, against: tuple[Version, ...]) -> tuple[str, ...]:
    """Why a schema may not follow these versions at the subject's level."""
    earlier: list[Any] = [json.loads(one.text) for one in against]
    return verdict(state.level(subject), json.loads(text), earlier)


def _without_level(state: State, subject: str) -> tuple[Record, ...]:
    return (records.config(subject, None),) if subject in state.levels else ()
