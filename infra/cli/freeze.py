"""`tapedeck schemas`: freeze the classes of today as Avro, or check that they are frozen."""

from __future__ import annotations

import argparse
import sys

from infra.config import Config
from infra.stream.frozen import FOLDER, frozen
from schemas.freeze import thaw_faults, to_freeze
from schemas.versions import Refused


def configure(parser: argparse.ArgumentParser) -> None:
    """One word: what to do."""
    parser.add_argument(
        "action",
        choices=("freeze", "check"),
        help="freeze: write a version of each new or changed class; check: exit 1 if one is due",
    )


def main(config: Config, arguments: argparse.Namespace) -> int:
    """Freeze or check; what was refused goes to stderr, a line per field."""
    del config  # schemas are part of the source, the same for every copy
    try:
        return freeze() if arguments.action == "freeze" else check()
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1


def freeze() -> int:
    """Write what is new; nothing at all if anything is refused."""
    fresh = to_freeze(frozen())
    FOLDER.mkdir(exist_ok=True)
    for one in fresh:
        for name, text in one.files().items():
            (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"frozen: {one.stem}")
    print(f"{len(fresh)} new versions in schemas/avsc")
    return 0


def check() -> int:
    """Say which classes differ from what is frozen."""
    faults = thaw_faults(frozen())
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0
