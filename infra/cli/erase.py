"""`tapedeck erase`: what a person was called and has typed is closed for ever, and proofs stay.

The event comes first, then the key is destroyed: killed between the two, the same command ends it.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from commands.subjects import (
    SUBJECTS,
    EraseSubject,
    FreeSubject,
    HoldSubject,
    SubjectCommand,
)
from events.envelope import Message, first_cause
from infra.cli.receipt import receipt
from infra.cli.tables import Table, show
from infra.config import Config, ConfigError
from infra.store import postgres
from infra.store.draft import Answer
from infra.store.event_store import EventStore
from infra.subjects import scan, sealing
from infra.subjects.operator import Operator, logged_in
from infra.subjects.register import Person, Register


def configure(parser: argparse.ArgumentParser) -> None:
    """Whom, and on what ground; or what keeps them."""
    parser.add_argument("subject", nargs="?", help="by name or pseudonym; none: list who is known")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--ground", help="erase, on this ground; it stays, so name nobody in it")
    what.add_argument("--hold", metavar="REASON", help="a legal hold: not to be erased for now")
    what.add_argument("--free", metavar="REASON", help="end the hold")


def main(config: Config, arguments: argparse.Namespace) -> int:
    """List; or erase, hold, free. 1 if it may not be, or if plain text was found."""
    config.must_be_no_fork("people are held and erased on the tape that it is from")
    register = Register(config.home)
    with EventStore.open(postgres.address(config.postgres, config.namespace)) as store:
        if arguments.subject is None:
            show(_table(register, store))
            return 0
        people = _meant(register, arguments.subject)
        wishes = (arguments.ground, arguments.hold, arguments.free)
        if all(wish is None for wish in wishes):
            raise ConfigError(
                "say why: --ground TEXT erases, --hold REASON and --free REASON do not"
            )
        if arguments.ground is not None:
            return _erased(config, register, store, people, arguments.ground)
        who = logged_in(config)
        for person in people:
            told = receipt(_decided(store, who, _kept(person.subject, who, arguments)))
            state = register.opened(_state(store, person.subject))
            print("\n".join(filter(None, (f"{person.name} ({person.subject}): {state}", told))))
        return 0


def _meant(register: Register, asked: str) -> list[Person]:
    found = [p for p in register.people() if asked in (p.name, p.subject)]
    if not found and register.erased(asked):
        raise ConfigError(f"{asked} is erased already")
    if not found:
        known = ", ".join(sorted({person.name for person in register.people()})) or "nobody"
        raise ConfigError(f"nobody here is called {asked!r}; there is a key for {known}")
    return found


def _kept(subject: str, who: Operator, arguments: argparse.Namespace) -> SubjectCommand:
    if arguments.hold is not None:
        return HoldSubject(subject=subject, reason=who.seal(arguments.hold))
    return FreeSubject(subject=subject, reason=who.seal(arguments.free))


def _erased(
    config: Config, register: Register, store: EventStore, people: list[Person], ground: str
) -> int:
    """Decide it for each, destroy the keys, and look whether anything is still there in plain.

    Of several under one name who is held is asked first: nobody is erased without their key.
    """
    if any(person.name.casefold() in ground.casefold() for person in people):
        raise ConfigError("the ground names the subject, and it stays; say it without the name")
    who = logged_in(config)
    told: list[Message[Any]] = []
    for person in sorted(people, key=lambda each: store.state(SUBJECTS, each.subject).held is None):
        told += _decided(store, who, EraseSubject(subject=person.subject, ground=ground))
        if (state := store.state(SUBJECTS, person.subject)).erased is None:
            held = state.held
            why = register.opened(held.reason) if held is not None else "it was not decided"
            print(f"tapedeck: {person.subject} is held and stays: {why}", file=sys.stderr)
            return 1
    texts = {text for person in people for text in _plain(config, person)}
    for person in people:
        register.destroy(person.subject)
        print(f"{person.subject} is erased, key {sealing.digest_of(person.key)} is destroyed")
    if told:
        print(receipt(told))
    return _looked_for(config, texts)


def _plain(config: Config, person: Person) -> set[str]:
    """What the tape has of a person, as it can still be read."""
    words = scan.said_by(config, person.subject)
    keys = {person.subject: person.key}
    return {person.name, *(sealing.opened(word, keys.get, str) for word in words)}


def _looked_for(config: Config, texts: set[str]) -> int:
    """Say where it was looked for, and whether it is there."""
    long = {text for text in texts if len(text) >= scan.CHARS_MIN}
    looked: list[int] = []
    found = list(scan.findings(config, long, lambda _place, count: looked.append(count)))
    for place in found:
        print(f"PLAIN {place}")
    short = len(texts) - len(long)
    print(
        f"{len(long)} texts looked for in {len(looked)} topics, tables and files, {sum(looked):,} "
        f"records, rows and bytes: {'in none' if not found else f'in plain at {len(found)}'}"
        + (f"; {short} are too short to look for" if short else "")
    )
    return 1 if found else 0


def _decided(store: EventStore, who: Operator, command: SubjectCommand) -> Answer:
    message: Message[Any] = first_cause(
        command,
        source=who.source(),
        sequence=f"{1:016d}",
        key=command.subject,
        time_us=time.time_ns() // 1_000,
        actor=who.actor,
    )
    return store.handle(SUBJECTS, message)


def _table(register: Register, store: EventStore) -> Table:
    found = Table("name", "subject", "key", "state")
    for person in register.people():
        state = register.opened(_state(store, person.subject))
        found.add_row(person.name, person.subject, sealing.digest_of(person.key), state)
    return found


def _state(store: EventStore, subject: str) -> str:
    state = store.state(SUBJECTS, subject)
    if state.erased is not None:
        return "erased, but the key is still here: erase again"
    return "may be erased" if state.held is None else f"held: {state.held.reason}"
