"""Headers of what follows from messages, many at once: what a processor writes.

They are what `headings.caused` makes of each; a test compares them.
"""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Sequence
from hashlib import sha1
from itertools import repeat
from operator import itemgetter

from msgspec import Struct

from events.envelope import Event
from infra.stream import identifiers
from infra.stream.headings import CONTENT, SPECIFICATION, TIME_CHARS, type_header
from infra.stream.wire import Headers

Pair = tuple[str, bytes]
Column = Sequence[Pair]

_NAMES = (
    "ce_specversion",
    "ce_id",
    "ce_type",
    "ce_source",
    "ce_sequence",
    "ce_time",
    "ce_correlationid",
    "ce_tenantid",
    "ce_actor",
    "content-type",
    "traceparent",
)
_LAST = "ce_causationid"
_NAMESPACE_BYTES = 16
_name, _value = itemgetter(0), itemgetter(1)


class Foreign(ValueError):
    """Headers that are not as we write them: `headings.caused` may look at each."""


class Causes(Struct, frozen=True):
    """The headers of some records, column by column."""

    ids: Column
    sources: Column
    sequences: Column
    times: Column
    correlations: Column
    tenants: Column
    actors: Column


class Caused(Struct, frozen=True, gc=False):
    """An event that follows from one of the causes, by its number, and as which of them."""

    cause: int
    event: Event
    sequence: str
    step: str


def causes_of(headers: Sequence[Sequence[Pair]]) -> Causes:
    """The headers of one or more records; `Foreign` if some are not named and ordered as ours."""
    lengths = set(map(len, headers)) - {len(_NAMES)}
    if lengths - {len(_NAMES) + 1} or (lengths and not all(map(_is_usual, headers))):
        raise Foreign("a header is missing, or there are others")
    columns = list(zip(*headers, strict=False))
    for name, column in zip(_NAMES, columns, strict=False):
        _all_are(name, column)
    _, ids, _, sources, sequences, times, correlations, tenants, actors, *_ = columns
    return Causes(ids, sources, sequences, times, correlations, tenants, actors)


def column_of(headers: Sequence[Sequence[Pair]], at: int, name: str) -> Column:
    """One header of each record; `Foreign` if another one stands in its place in some."""
    if min(map(len, headers)) <= at:
        raise Foreign("a header is missing")
    column = [each[at] for each in headers]
    _all_are(name, column)
    return column


def _all_are(name: str, column: Column) -> None:
    if list(map(_name, column)).count(name) < len(column):
        raise Foreign(f"the header {name} is not in its place")


def _is_usual(headers: Sequence[Pair]) -> bool:
    return len(headers) == len(_NAMES) or headers[-1][0] == _LAST


def caused_all(source: str, causes: Causes, caused: Sequence[Caused]) -> list[Headers]:
    """The headers of each; `Foreign` if a cause has an identifier or a time not as ours."""

    def of(column: Column) -> list[Pair]:
        return [column[n] for n in places]

    places = [one.cause for one in caused]
    times, correlations = of(causes.times), of(causes.correlations)
    before = list(map(_value, of(causes.ids)))
    try:
        spaces = unhexlify(identifiers.digits_of(identifiers.rows_of(before)).tobytes())
        traces = identifiers.digits_of(identifiers.rows_of(list(map(_value, correlations))))
        if set(map(len, map(_value, times))) != {TIME_CHARS}:
            raise Foreign("a time is not written as ours")
    except (ValueError, TypeError) as unusual:
        raise Foreign(unusual) from unusual
    names = identifiers.named(_digests(spaces, [one.step.encode() for one in caused]))
    columns = zip(
        repeat(SPECIFICATION),
        zip(repeat("ce_id"), identifiers.texts_of(names)),
        [type_header(type(one.event)) for one in caused],
        repeat(("ce_source", source.encode())),
        zip(repeat("ce_sequence"), [one.sequence.encode() for one in caused]),
        times,
        correlations,
        of(causes.tenants),
        of(causes.actors),
        repeat(CONTENT),
        zip(repeat("traceparent"), identifiers.parents(traces, names)),
        zip(repeat(_LAST), before),
    )
    return list(map(list, columns))


def _digests(spaces: bytes, steps: Sequence[bytes]) -> list[bytes]:
    """What names a message: the identifier of its cause, and which of its consequences it is."""
    size = _NAMESPACE_BYTES
    return [
        sha1(spaces[at : at + size] + step, usedforsecurity=False).digest()
        for at, step in zip(range(0, len(spaces), size), steps, strict=True)
    ]
