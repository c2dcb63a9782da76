"""`tapedeck fork`: a copy of the tape up to a position, to play with.

A fork is a namespace of its own in the same services: other topics, other consumer groups, another
schema. Commands work on it under that namespace; roles that reach a terminal refuse to run there.
"""

from __future__ import annotations

import argparse
import time

from infra.cli.tables import Table, show
from infra.config import Config, ConfigError
from infra.fork.making import drop, make
from infra.fork.names import Fork, known
from infra.observe.progress import Progress
from infra.replay.range import LATEST, where

LIST, DROP = "list", "drop"


def configure(parser: argparse.ArgumentParser) -> None:
    """A name, and where the copy ends; or what becomes of the forks that there are."""
    parser.usage = "tapedeck fork NAME [--at P] | fork list | fork drop NAME"
    parser.add_argument("what", metavar="NAME", help=f"of the new fork; or {LIST}, or {DROP} NAME")
    parser.add_argument("name", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("--at", type=where, default=where(LATEST), metavar="P")
    parser.epilog = (
        "P is latest, a time, or topic/partition/offset; topics are copied up to its record time. "
        "Read models are not copied: their role builds them from the fork."
    )


def main(config: Config, arguments: argparse.Namespace) -> int:
    """Make one, tell of all, or drop one."""
    if (arguments.name is not None) is not (arguments.what == DROP):
        raise ConfigError(f"give NAME, {LIST}, or {DROP} NAME")
    if arguments.what == LIST:
        forks = known(config)
        if forks:
            show(_table(forks))
        else:
            print("there are no forks")
        return 0
    if arguments.what == DROP:
        drop(config, arguments.name)
        print(f"fork {arguments.name} is gone")
        return 0
    if arguments.at.offset is not None:
        raise ConfigError(
            f"--at {arguments.at.text}: give latest, a time or topic/partition/offset"
        )
    if arguments.at.moment_ms is not None and arguments.at.moment_ms > time.time() * 1_000:
        raise ConfigError(f"--at {arguments.at.text}: that is yet to come; give latest, or a time")
    with Progress("fork", "offsets") as progress:
        made = make(config, arguments.what, arguments.at, progress.at)
    show(_table([made]))
    print(f"TAPEDECK_NAMESPACE={made.namespace} before any command is about the fork")
    return 0


def _table(forks: list[Fork]) -> Table:
    table = Table("fork", "at", "namespace", "records", "MB", "log", "s", "whole")
    for fork in forks:
        size, seconds = f"{fork.size_bytes / 1e6:,.1f}", f"{fork.seconds:.1f}"
        figures = (f"{fork.records:,}", size, f"{fork.entries:,}", seconds)
        table.add_row(fork.name, fork.at, fork.namespace, *figures, "yes" if fork.whole else "no")
    return table
