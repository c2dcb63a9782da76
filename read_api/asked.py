"""What a request asks, read strictly: an unknown or malformed parameter is refused, with advice."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any

import msgspec

from projections.query import Filter, Kind, Query
from read_api.problems import refused

LIMIT_DEFAULT, LIMIT_MAX = 50, 500
BIGINT_MAX = 2**63 - 1
BIGINT_DIGITS = len(str(BIGINT_MAX))
SHOWN_CHARS_MAX = 60
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Page:
    """A checked question for a list."""

    filters: dict[str, Any]
    after: list[Any] | None
    limit: int


def page_of(query: Query, asked: Mapping[str, str], beside: Iterable[str] = ()) -> Page:
    """The page that the parameters ask for; a `Problem` that names the one that is wrong.

    `beside`: parameters that may be there and are not the page's.
    """
    filters = {each.name: each for each in query.filters}
    known_only(asked, [*filters, "limit", "cursor", *beside])
    values = {name: _value(each, asked[name]) for name, each in filters.items() if name in asked}
    cursor = asked.get("cursor")
    return Page(values, None if cursor is None else _opened(query, cursor), _limit(asked))


def known_only(asked: Mapping[str, str], known: Iterable[str]) -> None:
    """Refuse a parameter that means nothing here, or text that no database can hold."""
    names = sorted(known)
    for name, value in asked.items():
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"give {', '.join(names)}"
            raise refused(f"{name} is not a parameter here; {hint}")
        if "\x00" in value:
            raise refused(f"{name} holds a NUL character; leave it out")


def cursor_after(query: Query, row: Mapping[str, Any]) -> str:
    """An opaque text that stands for the place after a row."""
    place = [query.relation, *(row[column] for column in query.order)]
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _opened(query: Query, cursor: str) -> list[Any]:
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        relation, *place = msgspec.json.decode(
            base64.b64decode(padded, altchars=b"-_", validate=True), type=list[str | int]
        )
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise refused("cursor is none of ours; take `next` of the page before, as it is") from None
    hints = {field.name: field.type for field in msgspec.structs.fields(query.row)}
    kinds = [hints[column] for column in query.order]
    alike = len(place) == len(kinds) and all(
        type(v) is k and "\x00" not in str(v) for v, k in zip(place, kinds, strict=True)
    )
    if relation != query.relation or not alike:
        raise refused("cursor belongs to another list; take `next` of this list's page before")
    return place


def _limit(asked: Mapping[str, str]) -> int:
    text = asked.get("limit", str(LIMIT_DEFAULT))
    limit = whole(text)
    if limit is None or not 1 <= limit <= LIMIT_MAX:
        raise refused(f"limit is {cut(text)}; give a number from 1 to {LIMIT_MAX}")
    return limit


def _value(wanted: Filter, text: str) -> Any:
    match wanted.kind:
        case Kind.TEXT:
            return text
        case Kind.NUMBER:
            return _number(wanted.name, text)
        case Kind.TIME:
            return moment_us(wanted.name, text)


def _number(name: str, text: str) -> int:
    number = whole(text)
    if number is None:
        raise refused(f"{name} is {cut(text)}; give a whole number below 2**63")
    return number


def whole(text: str) -> int | None:
    """A number that a database can hold; None for every other text, however long."""
    if not text.isascii() or not text.isdecimal() or len(text) > BIGINT_DIGITS:
        return None
    number = int(text)
    return number if number <= BIGINT_MAX else None


def cut(text: str) -> str:
    """What was asked, as short as an answer may repeat it."""
    return text if len(text) <= SHOWN_CHARS_MAX else f"{text[:SHOWN_CHARS_MAX]}…"


def moment_us(name: str, text: str) -> int:
    """UTC microseconds, or RFC 3339 text with a zone."""
    if text.isascii() and text.isdecimal():
        return _number(name, text)
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise refused(
            f"{name} is {cut(text)}; give UTC microseconds, or a time as 2026-03-19T08:00:00Z"
        )
    return (moment - EPOCH) // timedelta(microseconds=1)
