"""`tapedeck dlq`: records that nobody could use; looked at, made whole, released or discarded.

A record of a decision topic holds its partition, and so all that follows of its key, until it is
ruled about. The ruling is an event, with the letter as its cause and whoever ruled as its actor.
It is decided here, in the event store: no topic that may be held itself is in the way.
"""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from typing import Any

import msgspec

from commands.letters import LETTERS, DiscardLetter, LetterCommand, ReleaseLetter
from events.envelope import Message, caused_by
from events.letters import DeadLettered, LetterDiscarded
from infra.cli.receipt import receipt
from infra.cli.tables import Table, show
from infra.config import Config, ConfigError
from infra.store import postgres
from infra.store.event_store import EventStore
from infra.store.repair import Mending, Unrepairable, repaired
from infra.stream import dead_letters, wire
from infra.stream.dead_letters import Letter
from infra.stream.schema_ids import SchemaIds
from infra.subjects.operator import Operator, logged_in
from infra.subjects.register import Register
from schemas.catalog import EVERY_TOPIC

DETAIL_CHARS = 60
RELEASED, DISCARDED = "released", "discarded"


def configure(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which letter: it is named after the record's place."""
    actions = parser.add_subparsers(dest="action", metavar="list | show | release | discard")
    listing = actions.add_parser("list", help="letters that nobody has ruled about yet")
    listing.add_argument("--all", action="store_true", help="the others, too")
    release = actions.add_parser("release", help="have it read, whole, in its own place")
    for action in (
        actions.add_parser("show", help="all that is known of one"),
        release,
        actions.add_parser("discard", help="have it passed over; that is for ever"),
    ):
        action.add_argument("letter", metavar="TOPIC/PARTITION/OFFSET")
    for action in (release, actions.choices["discard"]):
        action.add_argument("reason", help="for whoever reads the tape later")
    release.add_argument("--written-as", default="", metavar="TYPE[.vN]", help="what its bytes are")
    release.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE")
    release.add_argument("--header", action="append", default=[], metavar="NAME=VALUE")
    parser.set_defaults(action="list", all=False)


def main(config: Config, arguments: argparse.Namespace) -> int:
    """List, show, or rule; exit 1 where a letter cannot be ruled about as asked."""
    ids, register = SchemaIds(config), Register(config.home)
    letters = dead_letters.letters(config, ids)
    with EventStore.open(postgres.address(config.postgres, config.namespace)) as store:
        if arguments.action == "list":
            listed = table(letters, store, register, arguments.all)
            if listed.row_count:
                show(listed)
            else:
                print("no letters" if arguments.all else "no letter waits for a ruling")
            return 0
        letter = letters.get(arguments.letter)
        if letter is None:
            raise ConfigError(f"no letter {arguments.letter}; `tapedeck dlq list --all` names them")
        if arguments.action == "show":
            print(json.dumps(told(config, letter, store, register, ids), indent=2, default=str))
            return 0
        try:
            who = logged_in(config)
            command = wished(config, letter, arguments, who, ids)
        except Unrepairable as wrong:
            print(f"tapedeck: {letter.name} is not whole yet: {wrong}", file=sys.stderr)
            return 1
        return ruled(store, register, given(letter.latest, command, who))


def table(letters: dict[str, Letter], store: EventStore, register: Register, every: bool) -> Table:
    """A row per letter."""
    found = Table("letter", "key", "of", "cause", "detail", "state")
    for name, letter in sorted(letters.items()):
        state = state_of(store, register, name)
        if every or state == "open":
            last = letter.latest.event
            key = (last.key or b"").decode(errors="replace")
            detail = last.detail[:DETAIL_CHARS]
            found.add_row(name, key, ", ".join(letter.consumers), last.cause, detail, state)
    return found


def state_of(store: EventStore, register: Register, name: str) -> str:
    """What was ruled about a letter, and by whom."""
    _, rulings = store.load(f"{LETTERS.name}:{name}")
    if not rulings:
        return "open"
    word = DISCARDED if isinstance(rulings[-1].event, LetterDiscarded) else RELEASED
    return register.opened(f"{word} by {rulings[-1].envelope.actor}: {rulings[-1].event.reason}")


def told(
    config: Config, letter: Letter, store: EventStore, register: Register, ids: SchemaIds
) -> dict[str, Any]:
    """All that is known: what each reader said of it, the record, and what can be read of it."""
    record = dead_letters.original(config, letter.latest.event)
    try:
        event = wire.event_of(record, ids)
        meant: Any = {"type": type(event).__name__, **msgspec.to_builtins(event)}
    except (ValueError, LookupError) as unreadable:
        meant = f"{type(unreadable).__name__}: {unreadable}"
    return {
        "letter": letter.name,
        "state": state_of(store, register, letter.name),
        "set_aside": [
            {"consumer": m.event.consumer, "cause": m.event.cause, "detail": m.event.detail}
            for m in letter.messages
        ],
        "schema_id": wire.schema_id_of(record.value),
        "key": None if record.key is None else record.key.decode(errors="replace"),
        "headers": {name: value.decode(errors="replace") for name, value in record.headers},
        "value": None if record.value is None else record.value.hex(),
        "reads_as": meant,
    }


def wished(
    config: Config, letter: Letter, arguments: argparse.Namespace, who: Operator, ids: SchemaIds
) -> LetterCommand:
    """The command that the arguments mean."""
    if arguments.action == "discard":
        return DiscardLetter(letter=letter.name, reason=who.seal(arguments.reason))
    last = letter.latest.event
    topic = next(topic for topic in EVERY_TOPIC if topic.name == last.topic)
    if not topic.decisions:
        raise ConfigError(f"{topic.name} went on without it and keeps its order; discard it")
    mending = Mending(arguments.written_as, _pairs(arguments.set), _pairs(arguments.header))
    whole = repaired(dead_letters.original(config, last), mending, topic, ids)
    names, values = zip(*whole.headers, strict=True)
    return ReleaseLetter(
        letter=letter.name,
        key=whole.key,
        value=whole.value,
        header_names=names,
        header_values=values,
        reason=who.seal(arguments.reason),
    )


def ruled(store: EventStore, register: Register, ruling: Message[LetterCommand]) -> int:
    """Decide it, and say what now holds. Only a release can come too late."""
    answer, letter = store.handle(LETTERS, ruling), ruling.key
    state = state_of(store, register, letter)
    if answer or isinstance(ruling.event, DiscardLetter) or state.startswith(RELEASED):
        print("\n".join(filter(None, (f"{letter}: {state}", receipt(answer)))))
        return 0
    print(f"tapedeck: {letter} stays as it is: {state}", file=sys.stderr)
    return 1


def given(
    letter: Message[DeadLettered], command: LetterCommand, who: Operator
) -> Message[LetterCommand]:
    """The command, caused by the letter, in somebody's name; it repeats no other.

    It is decided here and not told on the tape, so what follows names the letter as its cause.
    """
    return caused_by(
        letter,
        command,
        source=who.source(),
        sequence=f"{1:016d}",
        key=command.letter,
        step=f"ruling/{uuid.uuid4().hex}",
        actor=who.actor,
    )


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if bad := [name for name, equals, _ in pairs if not (name and equals)]:
        raise ConfigError(f"{bad[0]!r} is no NAME=VALUE")
    return {name: value for name, _, value in pairs}
