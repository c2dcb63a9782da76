"""What names things on the tape is short, plain text, and an identifier is a UUID.

Names become keys of tables and of journals, and identifiers name what follows from them. One that
cannot do that would stop a reader later, where it is too late to set it aside.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

from msgspec.structs import fields

from events.envelope import Event

EVENT_STORE = "event-store"
"""Source of everything the relay publishes. Its sequence counts over all keys of a partition."""

NAME_CHARS_MAX = 200
"""Above the longest of ours: an order is named by its signal, its account and its attempt."""

E = TypeVar("E", bound=Event)
_IN_SEQUENCES = "0123456789."
_UUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Unreadable(ValueError):
    """A record that is not one of ours: empty, unframed, or without the headers of an envelope."""


def name(text: str, of: str) -> str:
    """The text; `Unreadable` says what is wrong with the name `of` something."""
    if len(text) > NAME_CHARS_MAX:
        raise Unreadable(f"{of} has {len(text)} characters; at most {NAME_CHARS_MAX}")
    if "\0" in text:
        raise Unreadable(f"{of} is {text!r}, and holds a NUL")
    return text


def sequence(text: str) -> str:
    """The text; `Unreadable` if it is not a number, or a number and another below it.

    A sequence that sorted above all numbers would make a repeat of everything after it.
    """
    if text.strip(_IN_SEQUENCES):
        raise Unreadable(f"the sequence is {text[:NAME_CHARS_MAX]!r}; give digits")
    return name(text, "the sequence")


def identifier(text: str, of: str) -> str:
    """The text; `Unreadable` if it is not a UUID."""
    if _UUID.fullmatch(text) is None:
        raise Unreadable(f"{of} is {text[:NAME_CHARS_MAX]!r}; give a UUID")
    return text


def named(event: E) -> E:
    """The event; `Unreadable` if a field of it that names something cannot."""
    for field in _naming(type(event)):
        value = getattr(event, field)
        if value is not None:
            name(value, field)
    return event


def named_all(events: Sequence[E]) -> None:
    """The same for many of one class: what names them are few texts, many times."""
    for field in _naming(type(events[0])) if events else ():
        for value in set(map(attrgetter(field), events)) - {None}:
            name(value, field)


@cache
def _naming(kind: type[Any]) -> tuple[str, ...]:
    """The fields of a class that name something."""
    return tuple(
        field.name
        for field in fields(kind)
        if field.type in (str, str | None)
        and (field.name in ("symbol", "account", "model", "source") or field.name.endswith("_id"))
    )
