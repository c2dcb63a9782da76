"""People whom the tape names, each under a pseudonym, and what became of their keys."""

from __future__ import annotations

from events.envelope import Event


class SubjectErased(Event, frozen=True, kw_only=True):
    """The key to everything personal of the subject is destroyed, on this ground."""

    subject: str
    ground: str


class SubjectHeld(Event, frozen=True, kw_only=True):
    """The subject may not be erased while this holds."""

    subject: str
    reason: str


class SubjectFreed(Event, frozen=True, kw_only=True):
    """Nothing keeps the subject from being erased any more."""

    subject: str
    reason: str
