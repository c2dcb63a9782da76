"""`tapedeck status`: what runs in this home, from outside. Exit 0 only if all of it does."""

from __future__ import annotations

import argparse

import msgspec

from infra.config import Config
from infra.up import run_file
from infra.up.health import faults


def configure(parser: argparse.ArgumentParser) -> None:
    """For people, or for programs."""
    parser.add_argument("--json", action="store_true", help="one JSON object")


def main(config: Config, arguments: argparse.Namespace) -> int:
    """Print it."""
    run = run_file.read(config.home)
    wrong = faults(config.home)
    if arguments.json:
        print(msgspec.json.encode({"up": not wrong, "faults": wrong, "run": run}).decode())
    elif run is not None and run.supervisor.alive():
        _print(run)
    for fault in () if arguments.json else wrong:
        print(f"! {fault}")
    return 1 if wrong else 0


def _print(run: run_file.Run) -> None:
    for p in (run.supervisor, *run.parts):
        state = p.state if p.alive() else "dead"
        print(f"{p.name:<24} {state:<10} pid {p.pid or '-':<8} restarts {p.restarts}")
    for what, where in run.addresses.items():
        print(f"{what:<24} {where}")
