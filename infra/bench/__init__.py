"""`tapedeck bench`: speed and size beside a peer or a limit of the same run.

To add a benchmark: a function from a configuration and a number of repeats to a `Figure`, and one
line in `BENCHES`, or in `ALONE` if it needs no services.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from infra import collector
from infra.bench import checks, proofs, rebuilds, replays, simulator, streams, tapes, warm
from infra.bench.agent import agent
from infra.bench.figures import Figure, table
from infra.bench.ground import services
from infra.bench.latency import platform
from infra.config import Config

BENCHES: dict[str, Callable[[Config, int], Figure]] = {
    "bridge": tapes.bridge,
    "faust": streams.faust,
    "bulk": streams.bulk,
    "projections": tapes.projections,
    "projections-read": tapes.reading,
    "rebuild": rebuilds.rebuilding,
    "replay": replays.replaying,
    "replay-r1": replays.features,
    "replay-r3": replays.decisions,
}
ALONE: dict[str, Callable[[Config, int], Figure]] = {
    "simulator-ticks": simulator.ticks,
    "simulator-sends": simulator.sends,
    "proofs": proofs.appending,
}
"""Those that need no services."""
PLATFORM = "platform"
TERMINALS: dict[str, Callable[[Config, int], list[Figure]]] = {
    "agent": agent,
    "check": checks.batch,
    "warm": warm.warm,
}
"""Those that start terminals of their own, and give several figures."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Which, how often, how long."""
    choices = [*ALONE, *BENCHES, *TERMINALS, PLATFORM]
    parser.add_argument("--only", choices=choices, action="append")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each; the median counts")
    parser.add_argument(
        "--minutes",
        type=float,
        default=10.0,
        help="how long the platform runs before it is weighed",
    )


def main(config: Config, arguments: argparse.Namespace) -> int:
    """Print each figure as it comes and all of them at the end; 1 if one was not reached."""
    collector.relax()  # as the roles do that are measured in this process
    chosen = arguments.only or [*ALONE, *BENCHES, *TERMINALS, PLATFORM]
    figures = _measured(ALONE, chosen, config, arguments.repeat)
    if set(chosen) & set(BENCHES):
        with services(config) as bound:
            figures += _measured(BENCHES, chosen, bound, arguments.repeat)
    for name in (each for each in TERMINALS if each in chosen):
        print(f"{name} ...", flush=True)
        figures += TERMINALS[name](config, arguments.repeat)
    if PLATFORM in chosen:
        print(f"a platform for {arguments.minutes:g} minutes ...", flush=True)
        figures += platform(config, arguments.minutes)
    print()
    print(table(figures))
    return 0 if all(figure.reached for figure in figures) else 1


def _measured(
    benches: dict[str, Callable[[Config, int], Figure]],
    chosen: list[str],
    config: Config,
    repeat: int,
) -> list[Figure]:
    """The figures of those that are chosen, each printed as it comes."""
    figures: list[Figure] = []
    for name in chosen:
        if name in benches:
            print(f"{name} ...", flush=True)
            figures.append(benches[name](config, repeat))
            print(table(figures[-1:]), flush=True)
    return figures
