"""A person whom the tape names: to be erased, or to be kept as long as the law asks for it."""

from __future__ import annotations

from typing import assert_never

from msgspec import Struct
from msgspec.structs import asdict, replace

from commands.command import Command
from commands.decider import Decider
from events.subjects import SubjectErased, SubjectFreed, SubjectHeld


class EraseSubject(Command, frozen=True, kw_only=True):
    """The key to what is personal of the subject is to be destroyed."""

    subject: str
    ground: str


class HoldSubject(Command, frozen=True, kw_only=True):
    """The subject is not to be erased for now."""

    subject: str
    reason: str


class FreeSubject(Command, frozen=True, kw_only=True):
    """The subject may be erased again."""

    subject: str
    reason: str


SubjectCommand = EraseSubject | HoldSubject | FreeSubject
COMMANDS = (EraseSubject, HoldSubject, FreeSubject)
SubjectEvent = SubjectErased | SubjectHeld | SubjectFreed
EVENTS = (SubjectErased, SubjectHeld, SubjectFreed)


class Subject(Struct, frozen=True):
    """Whether the subject is kept, or gone."""

    held: SubjectHeld | None = None
    erased: SubjectErased | None = None


def decide(command: SubjectCommand, subject: Subject) -> tuple[SubjectEvent, ...]:
    """Who is held is not erased; who is erased stays so."""
    if subject.erased is not None:
        return ()
    match command:
        case EraseSubject():
            return () if subject.held is not None else (SubjectErased(**asdict(command)),)
        case HoldSubject():
            return () if subject.held is not None else (SubjectHeld(**asdict(command)),)
        case FreeSubject():
            return () if subject.held is None else (SubjectFreed(**asdict(command)),)
        case _:
            assert_never(command)


def evolve(subject: Subject, event: SubjectEvent) -> Subject:
    """The subject after the event."""
    match event:
        case SubjectErased():
            return replace(subject, erased=event)
        case SubjectHeld():
            return replace(subject, held=event)
        case SubjectFreed():
            return replace(subject, held=None)
        case _:
            assert_never(event)


SUBJECTS: Decider[SubjectCommand, Subject, SubjectEvent] = Decider(
    name="subjects",
    commands=COMMANDS,
    events=EVENTS,
    stream=lambda command: command.subject,
    initial=Subject(),
    decide=decide,
    evolve=evolve,
)
