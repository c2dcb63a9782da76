"""A replay that was interrupted goes on: what its parts came to is kept until all of them are done.

A part is what one process takes at a time: a partition, or a share of its keys. What was kept by
other code, in another environment or about another stretch of the tape is another part's.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec
from msgspec.structs import replace

from infra import whole
from infra.config import Config
from infra.models.environment import environment_digest
from infra.replay.found import Mismatch
from infra.replay.part import Found, Part, recomputed
from infra.stream.wire import Ids

CODE = Path(__file__).parents[2]
PACKAGES = ("events", "commands", "sagas", "processors", "schemas", "infra")


def folder(config: Config) -> Path:
    """Where parts are kept, of whatever namespace."""
    return config.home / "replay"


def resumed(config: Config, ids: Ids, part: Part, shown: Callable[[int], None]) -> list[Found]:
    """What a part came to: as it was kept, or recomputed now, and kept if it may be resumed."""
    if not part.resumes:
        return recomputed(config, ids, part, shown)
    file = folder(config) / f"{_name(config, part)}.json"
    if file.exists():
        shown(part.end)
        return msgspec.json.decode(file.read_bytes(), type=list[Found])
    found = recomputed(config, ids, part, shown)
    whole.write(file, msgspec.json.encode([_plain(each) for each in found]))
    return found


def over(config: Config) -> None:
    """All parts are done: the next replay begins anew."""
    shutil.rmtree(folder(config), ignore_errors=True)


def _plain(found: Found) -> Found:
    """Without the event beside its bytes."""
    first = found.first
    if first is None or first.recomputed is None:
        return found
    plain = Mismatch(
        first.stage, first.sequence, replace(first.recomputed, event=None), first.recorded
    )
    return Found(found.name, found.count, plain, found.hashes, found.environments)


def _name(config: Config, part: Part) -> str:
    told = (config.kafka, config.namespace, environment_digest(config), _code(), repr(part))
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


@cache
def _code() -> str:
    """The digest of all that recomputes."""
    found = hashlib.sha256()
    for package in PACKAGES:
        for file in sorted((CODE / package).rglob("*.py")):
            found.update(file.read_bytes())
    return found.hexdigest()
