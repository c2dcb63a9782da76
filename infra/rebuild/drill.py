"""`tapedeck drill rebuild`: a rebuild and a roll-back under many readers, whose trouble is counted.

A reader asks a list over HTTP again and again. Trouble is an answer other than 200, none at all, or
a position that is behind one it was given before.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import httpx

from infra.config import Config, ConfigError
from infra.rebuild.rebuilding import Different, Say, rebuild, roll_back
from projections.projection import Projection
from read_api.routes import RESOURCES

TIMEOUT_S = 10.0
SETTLE_S = 2.0
"""Readers ask for so long before the first change of places, between two, and after the last."""


@dataclass(slots=True)
class Seen:
    """What all readers together were given."""

    answers: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    backwards: int = 0


async def drill(config: Config, projection: Projection, readers: int, say: Say) -> Seen:
    """Rebuild, and roll back, while so many readers ask."""
    paths = [each.path for each in RESOURCES if each.projection is projection]
    if not paths:
        raise ConfigError(f"nobody can read {projection.name} over HTTP")
    seen, over = Seen(), asyncio.Event()
    limits = httpx.Limits(max_connections=readers)
    async with httpx.AsyncClient(base_url=config.api, timeout=TIMEOUT_S, limits=limits) as client:
        asking = [
            asyncio.create_task(_ask(client, paths[number % len(paths)], seen, over))
            for number in range(readers)
        ]
        try:
            await asyncio.sleep(SETTLE_S)
            await asyncio.to_thread(rebuild, config, projection, say, False, False)
            await asyncio.sleep(SETTLE_S)
            await asyncio.to_thread(roll_back, config, projection, say)
            await asyncio.sleep(SETTLE_S)
        finally:
            over.set()
            await asyncio.gather(*asking)
    return seen


def run(config: Config, projection: Projection, readers: int) -> int:
    """Say what was counted; 1 if anything was wrong."""
    try:
        seen = asyncio.run(drill(config, projection, readers, print))
    except Different as wrong:
        print(f"the rebuilt rows differ: {wrong}")
        return 1
    errors = sum(seen.errors.values())
    print(
        f"{readers} readers, {seen.answers:,} answers, {errors} errors, {seen.backwards} backwards"
    )
    for error, count in seen.errors.most_common():
        print(f"  {count} x {error}")
    return 0 if seen.answers and not errors and not seen.backwards else 1


async def _ask(client: httpx.AsyncClient, path: str, seen: Seen, over: asyncio.Event) -> None:
    last: dict[str, int] = {}
    while not over.is_set():
        try:
            answer = await client.get(path, params={"limit": 1})
        except httpx.HTTPError as error:
            seen.errors[type(error).__name__] += 1
            await asyncio.sleep(0.1)
            continue
        if answer.status_code != httpx.codes.OK:
            seen.errors[f"{answer.status_code} {answer.text[:120]}"] += 1
            continue
        position = places(answer.headers["Tapedeck-Position"])
        seen.answers += 1
        seen.backwards += any(position.get(place, -1) < offset for place, offset in last.items())
        last = position


def places(position: str) -> dict[str, int]:
    """A position such as `order-events=0:12,1:9`, as an offset per partition."""
    found: dict[str, int] = {}
    for topic in filter(None, position.split(";")):
        name, _, partitions = topic.partition("=")
        for place in partitions.split(","):
            number, _, offset = place.partition(":")
            found[f"{name}/{number}"] = int(offset)
    return found
