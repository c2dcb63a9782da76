"""One version of a read model is shown in the place of another; readers see no step backwards.

A reader works in one snapshot and may find the one's tables or the other's. So the new one must
stand nowhere behind, whoever still writes the old one waits for the moment that this takes, and the
change waits until every snapshot that is older has ended.
"""

from __future__ import annotations

from dataclasses import replace

from infra.rebuild import places
from infra.store import offsets, postgres, read_models
from projections.projection import Projection


def hand_over(conninfo: str, projection: Projection) -> str:
    """Show this version, which has seen all that there is; or say what is in the way.

    A lower one, as after a roll-back of code, comes back only where nobody writes the higher one.
    """
    with postgres.owner(conninfo) as holding, postgres.owner(conninfo) as looking:
        version = read_models.live_version(holding, projection)
        if version is None or version == projection.version:
            read_models.show(holding, conninfo, projection)
            return ""
        shown = replace(projection, version=version)
        if version > projection.version and not postgres.try_lock(
            looking, conninfo, shown.consumer
        ):
            return f"version {version}, which is shown and still written"
        with holding.transaction():
            read_models.hold(holding, conninfo, shown)
            stands = offsets.standing(holding, projection.consumer)
            before = offsets.standing(holding, shown.consumer)
            if not stands or any(at > stands.get(place, at) for place, at in before.items()):
                return f"version {version}, which stands before this one"
            pid = places.reader_before(looking, holding.info.backend_pid, places.now(looking))
            if pid is not None:
                return f"a snapshot of Postgres process {pid}"
            read_models.show(holding, conninfo, projection)
    return ""
