"""`tapedeck whatif`: the same tape under another model, other limits, other accounts.

The chain is run again in memory, from ticks to orders. It is given the tape to read, a session of
Postgres that cannot write, and nothing else: there is no producer and no terminal in it.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from infra import collector, whole
from infra.cli.tables import show
from infra.config import Config
from infra.observe.progress import Progress
from infra.replay.range import EARLIEST, LATEST, where
from infra.stream.schema_ids import SchemaIds
from infra.whatif import chart, told
from infra.whatif.choices import chosen
from infra.whatif.compared import compare
from processors.models.gbt import ModelRefused


def configure(parser: argparse.ArgumentParser) -> None:
    """What is chosen, from where to where, and where the results go."""
    parser.add_argument(
        "--model", metavar="M", help="a model in the store: its digest, or how that begins"
    )
    parser.add_argument(
        "--limits", nargs="+", default=[], metavar="L", help="[ACCOUNT:]NAME=VALUE, as of the start"
    )
    parser.add_argument("--accounts", metavar="A,B", help="only these take part")
    parser.add_argument("--from", dest="start", type=where, default=where(EARLIEST), metavar="P")
    parser.add_argument("--to", dest="end", type=where, default=where(LATEST), metavar="P")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FOLDER",
        help="of result.json, decisions.csv, chart.svg",
    )
    parser.add_argument("--json", action="store_true", help="the result as JSON, and no table")
    parser.epilog = (
        "P is as of `tapedeck replay`. Fills are simulated at the ticks of the tape. The books "
        "that sizes depend on are those that the venue reported, whatever would have been ordered."
    )


def main(config: Config, arguments: argparse.Namespace) -> int:
    """Run it; exit 0 whether or not anything would have been different."""
    choices = chosen(config, arguments.model, arguments.limits, arguments.accounts)
    collector.seldom()
    try:
        with Progress("what if", "offsets") as progress:
            found = compare(
                config, SchemaIds(config), choices, arguments.start, arguments.end, progress.at
            )
    except ModelRefused as refused:
        print(f"tapedeck: predictions cannot be recomputed: {refused}", file=sys.stderr)
        return 1
    result = json.dumps(told.as_json(found, choices), indent=2, default=str)
    folder = arguments.output or config.home / "whatif"
    heading = ", ".join(f"{name}: {text}" for name, text in choices.told().items())
    whole.write(folder / "result.json", result.encode())
    whole.write(folder / "decisions.csv", told.as_csv(found).encode())
    whole.write(folder / "chart.svg", chart.svg(found.live, found.otherwise, heading).encode())
    if arguments.json:
        print(result)
        return 0
    show(told.changes(found))
    show(told.profits(found))
    print("\n".join(told.caption(found, choices)))
    print(f"result.json, decisions.csv and chart.svg are in {folder}")
    return 0
