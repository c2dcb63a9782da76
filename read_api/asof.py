"""`as_of=`: a moment on the tape, as people write it, and the port that knows how it stood then."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from projections.projection import Projection
from read_api.asked import cut, moment_us
from read_api.problems import refused
from read_api.store import Place, Standing

PARAMETER = "as_of"
MEANING = (
    "how it stood: at positions (`Tapedeck-Position` of an answer, as it is), right after a record "
    "(`topic/partition/offset`, or a message's id), or at a time (UTC microseconds, or as in "
    "2026-03-19T08:00:00Z)"
)
VECTOR_CHARS_MAX = 8_000
WAYS = (
    "`Tapedeck-Position` of an answer, a record as in order-events/0/12, a message's id, or a time "
    "as 2026-03-19T08:00:00Z"
)

_RECORD = re.compile(r"([\w.-]+)/(\d{1,9})/(\d{1,18})")
_TOPIC = re.compile(r"(?:(\w+):)?([\w.-]+)=(\d{1,9}:\d{1,18}(?:,\d{1,9}:\d{1,18})*)")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class AsOf:
    """One of four ways to name a moment; `text` is what was asked.

    `places`: the next offset of each partition, of each projection that is named, or of all under
    no name. `record`: right after this one, and for the other partitions by its time.
    `message_id`: the same, of the record that holds this message.
    """

    text: str
    places: Mapping[str, Mapping[Place, int]] = field(default_factory=dict)
    record: tuple[str, int, int] | None = None
    message_id: str = ""
    time_us: int | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """Where the tables of a moment are, and the positions that it is."""

    schema: str
    standing: Standing


class Moments(Protocol):
    """The port; `infra/asof/moments.py` is the implementation."""

    async def at(self, projection: Projection, asked: AsOf) -> Moment:
        """How the projection stood; a `Problem` says why that cannot be told."""


async def moments_of(
    moments: Moments, asked: Mapping[str, str], *projections: Projection
) -> list[Moment]:
    """The moment of each projection that is asked for; none if it is now."""
    at = as_of(asked)
    return [] if at is None else [await moments.at(projection, at) for projection in projections]


def as_of(asked: Mapping[str, str]) -> AsOf | None:
    """The moment that is asked for, if one is; a `Problem` if it is none."""
    text = asked.get(PARAMETER)
    if text is None:
        return None
    if found := on_tape(PARAMETER, text):
        return found
    if not text[:1].isdigit():
        raise refused(f"{PARAMETER} is {cut(text)}; give {WAYS}")
    return AsOf(text, time_us=moment_us(PARAMETER, text))


def on_tape(parameter: str, text: str) -> AsOf | None:
    """A place on the tape in one of the three ways; None if it is in none of them."""
    if found := _RECORD.fullmatch(text):
        return AsOf(text, record=(found[1], int(found[2]), int(found[3])))
    if _ID.fullmatch(text):
        return AsOf(text, message_id=text)
    if "=" in text and len(text) <= VECTOR_CHARS_MAX:
        return AsOf(text, places=_places(parameter, text))
    return None


def _places(parameter: str, text: str) -> dict[str, dict[Place, int]]:
    """A part that names a projection (`orders:order-events=0:12`) begins what is said of that."""
    said: dict[str, dict[Place, int]] = {}
    of = ""
    for part in text.split(";"):
        found = _TOPIC.fullmatch(part)
        if found is None:
            raise refused(
                f"{parameter}: {part[:60]!r} is no position of a topic; "
                "give one as in order-events=0:12,1:9, several with ;"
            )
        of = found[1] or of
        for place in found[3].split(","):
            partition, _, offset = place.partition(":")
            said.setdefault(of, {})[found[2], int(partition)] = int(offset)
    return said
