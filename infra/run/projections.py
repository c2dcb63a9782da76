"""The projections: the tape folded into tables, each by itself, out of one reading of the tape.

Every record is fetched and decoded once and given to each projection that has not had it. A
projection commits its rows with its own place on the tape, so any of them can be rebuilt or fail
alone. One process writes a projection; a second one stands by until the first is gone. Every
trouble that passes has one cure: leave, wait, come back to the stored offsets.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from infra import collector
from infra.config import Config
from infra.proofs import leaves
from infra.run.intake import Ruled
from infra.run.patience import TAPE_AWAY, patiently
from infra.run.reading import Reading
from infra.store import postgres, read_models
from infra.store.offsets import Superseded
from infra.stream.schema_ids import SchemaIds
from projections import PROJECTIONS
from projections.projection import Projection

ROLE = "projections"
STANDBY_S = 0.5
PASSING = (Superseded, Ruled, *TAPE_AWAY, *postgres.AWAY)


def run(config: Config, stop: threading.Event, only: str = "") -> None:
    """Run all projections, or `only` the named one, until `stop`."""
    collector.seldom()
    projections = named(only)
    conninfo = postgres.address(config.postgres, config.namespace)
    ids = SchemaIds(config)
    patiently(ROLE, lambda: _hold(config, conninfo, projections, ids, stop), stop, PASSING)


def named(only: str) -> tuple[Projection, ...]:
    """The projections to run; `ValueError` that lists them if there is none of that name."""
    chosen = tuple(p for p in PROJECTIONS if only in ("", p.name))
    if not chosen:
        names = ", ".join(p.name for p in PROJECTIONS)
        raise ValueError(f"there is no projection {only}; give one of {names}")
    return chosen


def _hold(
    config: Config,
    conninfo: str,
    projections: Sequence[Projection],
    ids: SchemaIds,
    stop: threading.Event,
) -> None:
    """Be the one writer of these projections for as long as the connection lives."""
    read_models.prepare(conninfo, tuple(projections))
    leaves.prepare(conninfo)
    with postgres.connect(conninfo) as connection, postgres.connect(conninfo) as asking:
        for projection in projections:
            while not postgres.try_lock(connection, conninfo, projection.consumer):
                if stop.wait(STANDBY_S):
                    return
        reading = Reading(config, conninfo, connection, asking, ids)
        try:
            reading.start(projections)
            while not stop.is_set():
                reading.turn()
        finally:
            reading.close()
