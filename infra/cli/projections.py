"""`tapedeck projections`: read models built anew beside the live ones, and back again."""

from __future__ import annotations

import argparse
import sys

from infra.asof.checkpoints import checkpoint
from infra.asof.kept import CHECKPOINTS_MAX
from infra.cli.tables import Table, show
from infra.config import Config, ConfigError
from infra.rebuild.rebuilding import Different, rebuild, roll_back
from infra.run.projections import named
from infra.store import offsets, postgres, read_models
from infra.store.read_models import Build, consumer_of
from projections import PROJECTIONS
from projections.projection import Projection


def configure(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which read model."""
    actions = parser.add_subparsers(dest="action", metavar="list | rebuild | rollback | checkpoint")
    actions.add_parser("list", help="every read model, and the builds that there are of it")
    rebuilding = actions.add_parser("rebuild", help="build it anew beside the live one, and swap")
    back = actions.add_parser("rollback", help="let the build before take its place again")
    ahead = actions.add_parser("checkpoint", help="moments to begin with, for as_of on long tapes")
    for action in (rebuilding, back, ahead):
        action.add_argument("name", metavar="NAME")
    rebuilding.add_argument(
        "--afresh", action="store_true", help="throw away what a killed rebuild has built"
    )
    rebuilding.add_argument(
        "--differing", action="store_true", help="swap also where the rows are not the same"
    )
    parser.set_defaults(action="list")


def main(config: Config, arguments: argparse.Namespace) -> int:
    """List, rebuild or roll back; 1 where the rebuilt rows differ from the live ones."""
    if arguments.action == "list":
        show(table(config))
        return 0
    if not arguments.name or all(p.name != arguments.name for p in PROJECTIONS):
        names = ", ".join(p.name for p in PROJECTIONS)
        raise ConfigError(f"there is no projection {arguments.name!r}; give one of {names}")
    (projection,) = named(arguments.name)
    if arguments.action == "checkpoint":
        made = checkpoint(config, projection)
        print(f"{projection.name}: {made} made; at most {CHECKPOINTS_MAX} are kept")
        return 0
    if arguments.action == "rollback":
        roll_back(config, projection, print)
        return 0
    try:
        rebuild(config, projection, print, arguments.afresh, arguments.differing)
    except Different as wrong:
        advice = "`--differing` swaps all the same"
        print(f"tapedeck: {projection.name} stays as it is: {wrong}; {advice}", file=sys.stderr)
        return 1
    return 0


def table(config: Config) -> Table:
    """A row per read model: the version shown, and how many records each build has folded."""
    found = Table("read model", "version", "shown", "live", "next", "before")
    conninfo = postgres.address(config.postgres, config.namespace)
    read_models.prepare(conninfo, ())
    with postgres.connect(conninfo) as connection:
        for projection in PROJECTIONS:
            shown = read_models.live_version(connection, projection)
            builds = (_stands(connection, projection, build) for build in _LISTED)
            found.add_row(projection.name, str(projection.version), str(shown or "-"), *builds)
    return found


_LISTED = (Build.LIVE, Build.NEXT, Build.BEFORE)


def _stands(connection: postgres.Connection, projection: Projection, build: Build) -> str:
    places = offsets.standing(connection, consumer_of(projection, build))
    return f"{sum(places.values()):,}" if places else "-"
