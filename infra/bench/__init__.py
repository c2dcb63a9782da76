"""`tapedeck bench`: speed and size beside a peer or a limit of the same run.

To add a benchmark: a function from a configuration and a number of repeats to a `Figure`, and one
line in `BENCHES`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from infra import collector
from infra.bench import simulator, streams, tapes
from infra.bench.figures import Figure, table
from infra.bench.ground import services
from infra.bench.latency import platform
from infra.config import Config

BENCHES: dict[str, Callable[[Config, int], Figure]] = {
    "bridge": tapes.bridge,
    "faust": streams.faust,
    "bulk": streams.bulk,
    "projections": tapes.projections,
    "replay": tapes.replaying,
    "simulated-ticks": simulator.ticks,
    "simulated-looks": simulator.looks,
    "simulated-orders": simulator.orders,
}
PLATFORM = "platform"


def configure(parser: argparse.ArgumentParser) -> None:
    """Which, how often, how long."""
    parser.add_argument("--only", choices=[*BENCHES, PLATFORM], action="append")
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
    chosen = arguments.only or [*BENCHES, PLATFORM]
    figures: list[Figure] = []
    if set(chosen) - {PLATFORM}:
        with services(config) as bound:
            for name in chosen:
                if name in BENCHES:
                    print(f"{name} ...", flush=True)
                    figures.append(BENCHES[name](bound, arguments.repeat))
                    print(table(figures[-1:]), flush=True)
    if PLATFORM in chosen:
        print(f"a platform for {arguments.minutes:g} minutes ...", flush=True)
        figures += platform(config, arguments.minutes)
    print()
    print(table(figures))
    return 0 if all(figure.reached for figure in figures) else 1
