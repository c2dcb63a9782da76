"""A dead letter: what a person has decided about a record that could not be used."""

from __future__ import annotations

from typing import assert_never

from msgspec import Struct
from msgspec.structs import asdict

from commands.command import Command
from commands.decider import Decider
from events.letters import LetterDiscarded, LetterReleased


class ReleaseLetter(Command, frozen=True, kw_only=True):
    """The record is to be read as this one."""

    letter: str
    key: bytes
    value: bytes
    header_names: tuple[str, ...]
    header_values: tuple[bytes, ...]
    reason: str


class DiscardLetter(Command, frozen=True, kw_only=True):
    """The record is to be passed over."""

    letter: str
    reason: str


LetterCommand = ReleaseLetter | DiscardLetter
COMMANDS = (ReleaseLetter, DiscardLetter)
LetterEvent = LetterReleased | LetterDiscarded
EVENTS = (LetterReleased, LetterDiscarded)


class Letter(Struct, frozen=True):
    """The ruling in force, if any."""

    ruling: LetterEvent | None = None


def decide(command: LetterCommand, letter: Letter) -> tuple[LetterEvent, ...]:
    """A release that did not help may be followed by another; what was discarded stays so.

    Readers have gone past it by then, and it would come after what followed it.
    """
    if isinstance(letter.ruling, LetterDiscarded):
        return ()
    match command:
        case ReleaseLetter():
            wanted: LetterEvent = LetterReleased(**asdict(command))
        case DiscardLetter():
            wanted = LetterDiscarded(**asdict(command))
        case _:
            assert_never(command)
    return () if wanted == letter.ruling else (wanted,)


def evolve(_: Letter, event: LetterEvent) -> Letter:
    """The letter after the event."""
    return Letter(event)


LETTERS: Decider[LetterCommand, Letter, LetterEvent] = Decider(
    name="letters",
    commands=COMMANDS,
    events=EVENTS,
    stream=lambda command: command.letter,
    initial=Letter(),
    decide=decide,
    evolve=evolve,
)
