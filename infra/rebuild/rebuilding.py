"""A rebuild and a roll-back, from the first record to the change of places."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from confluent_kafka import Consumer
from psycopg import IsolationLevel
from psycopg.errors import DeadlockDetected, LockNotAvailable

from infra import fault
from infra.asof.vectors import bounds_of
from infra.config import Config, ConfigError
from infra.observe.progress import Progress
from infra.rebuild import places
from infra.rebuild.compared import Differs, Same, compared
from infra.rebuild.shadow import Shadow
from infra.run.folding import Place
from infra.store import offsets, postgres, read_models
from infra.store.postgres import Connection
from infra.store.read_models import Build, schema_for
from infra.stream import kafka, tape
from projections.projection import Projection
from schemas.catalog import TOPICS

NEAR_RECORDS = 500
"""So much is folded while the live build waits: milliseconds."""
ROUNDS_MAX, TRIES_MAX = 50, 30
BETWEEN_TRIES_S = 0.5
SHOWN_AS = {Build.NEXT: "new", Build.BEFORE: "earlier"}
Say = Callable[[str], None]
Told = Callable[[int, int], None]
"""Hears how many records are folded, and of how many."""


class Different(Exception):
    """The rebuilt rows are not those of the live build, which goes on."""


@dataclass(frozen=True, slots=True)
class Work:
    """Everything that a rebuild holds: three connections, of which one holds the lock."""

    config: Config
    conninfo: str
    holding: Connection
    looking: Connection
    client: Consumer
    projection: Projection
    shadow: Shadow
    build: Build

    def held(self) -> dict[Place, int]:
        """As `live`; it stays there until the transaction of `holding` ends."""
        read_models.hold(self.holding, self.conninfo, self.projection)
        return self.live()

    def live(self) -> dict[Place, int]:
        """Where the live build stands; where it has never been anywhere, the end of the tape."""
        found = offsets.standing(self.holding, self.projection.consumer)
        if not found:
            bounds = bounds_of(self.config, self.client, self.projection)
            return {place: high for place, (_, high) in bounds.items()}
        return found


def rebuild(
    config: Config, projection: Projection, say: Say, afresh: bool, differing: bool
) -> None:
    """Build, compare, change places. `Different` unless the rows agree or `differing` is wanted."""
    with _work(config, projection, Build.NEXT, afresh) as work:
        with Progress(f"rebuild {projection.name}", "records") as progress:
            _catch_up(work, progress.at)
        if offsets.standing(work.holding, projection.consumer):
            found = _compared(work)
            for each in found:
                said = f"same, {each.rows:,} rows" if isinstance(each, Same) else "differs"
                say(f"{each.table}: {said}")
            wrong = [str(each) for each in found if isinstance(each, Differs)]
            if wrong and not differing:
                raise Different("; ".join(wrong))
        _hand_over(work, say)


def roll_back(config: Config, projection: Projection, say: Say) -> None:
    """Let the build before take the live one's place, once it stands where that stands."""
    conninfo = postgres.address(config.postgres, config.namespace)
    with postgres.owner(conninfo) as connection:
        schema = schema_for(conninfo, projection, Build.BEFORE)
        if not read_models.exists(connection, schema):
            raise ConfigError(f"nothing is kept of {projection.name} to go back to")
    with _work(config, projection, Build.BEFORE, afresh=False) as work:
        with Progress(f"roll back {projection.name}", "records") as progress:
            _catch_up(work, progress.at)
        _hand_over(work, say)


@contextmanager
def _work(config: Config, projection: Projection, build: Build, afresh: bool) -> Iterator[Work]:
    conninfo = postgres.address(config.postgres, config.namespace, statement_timeout_ms=0)
    read_models.prepare(conninfo, (projection,))
    with (
        postgres.owner(conninfo) as holding,
        postgres.owner(conninfo) as writing,
        postgres.owner(conninfo) as looking,
        tape.reader(config) as client,
    ):
        if not postgres.try_lock(holding, conninfo, f"rebuild-{projection.name}"):
            raise ConfigError(f"{projection.name} is being rebuilt by another process; wait for it")
        names = [kafka.topic_name(config, topic.name) for topic in TOPICS]
        if anew := offsets.replaced(holding, kafka.topic_ids(config, names)):
            raise ConfigError(f"{', '.join(sorted(anew))} was made anew: this is another tape")
        if afresh:
            with writing.transaction():
                places.drop(writing, conninfo, projection, build)
        shadow = Shadow(config, conninfo, writing, holding, client, projection, build)
        yield Work(config, conninfo, holding, looking, client, projection, shadow, build)


def _catch_up(work: Work, told: Told = lambda *_: None) -> None:
    """Until hardly anything is left. The live build goes on meanwhile."""
    done = left = 0

    def committed(count: int) -> None:
        nonlocal done
        done += count
        told(done, done + work.shadow.left(target))

    for _ in range(ROUNDS_MAX):
        target = work.live()
        left = work.shadow.left(target)
        work.shadow.to(target, committed)
        work.shadow.index()
        if left <= NEAR_RECORDS:
            return
    raise ConfigError(f"{left:,} records behind after {ROUNDS_MAX} rounds; is the machine busy?")


def _compared(work: Work) -> list[Same | Differs]:
    """Both builds at the same positions. The live one waits for a moment only."""
    _await_live(work)
    work.looking.isolation_level = IsolationLevel.REPEATABLE_READ
    with work.looking.transaction():
        with work.holding.transaction():
            work.shadow.to(work.held())
            work.looking.execute("select 1")  # here the snapshot is taken
        held = (schema_for(work.conninfo, work.projection, b) for b in (Build.LIVE, work.build))
        found = compared(work.looking, *held)
    work.looking.isolation_level = None
    return found


def _await_live(work: Work) -> None:
    """One that was begun after this build may stand behind it; it goes on, and we wait."""
    for _ in range(TRIES_MAX):
        if not _is_ahead(work, work.live()):
            return
        time.sleep(BETWEEN_TRIES_S)
    raise ConfigError(f"the live build of {work.projection.name} is behind; is its role at work?")


def _is_ahead(work: Work, live: Mapping[Place, int]) -> bool:
    return any(at > live.get(place, at) for place, at in work.shadow.stands.items())


def _hand_over(work: Work, say: Say) -> None:
    for _ in range(TRIES_MAX):
        _catch_up(work)
        try:
            held_up_by = _change(work)
        except (LockNotAvailable, DeadlockDetected) as busy:
            held_up_by = str(busy).splitlines()[0]
        if not held_up_by:
            name, build = work.projection.name, SHOWN_AS[work.build]
            say(f"{name} is read from its {build} build now; `rollback {name}` undoes it")
            return
        say(f"waiting for {held_up_by}")
        time.sleep(BETWEEN_TRIES_S)
    raise ConfigError(f"readers left no moment for the change: {held_up_by}")


def _change(work: Work) -> str:
    """Change places; or what was in the way."""
    with work.holding.transaction():
        target = work.held()
        fault.point("rebuild holds the live one")
        shown = read_models.live_version(work.holding, work.projection) == work.projection.version
        if shown and _is_ahead(work, target):
            return "the live build, which stands behind this one"
        work.shadow.to(target)
        since = places.now(work.looking)
        pid = places.reader_before(work.looking, work.holding.info.backend_pid, since)
        if pid is not None:
            return f"a snapshot of Postgres process {pid}, which was taken before"
        places.change(work.holding, work.conninfo, work.projection, work.build)
        fault.point("rebuild swapped, not committed")
    fault.point("rebuild swapped")
    return ""
