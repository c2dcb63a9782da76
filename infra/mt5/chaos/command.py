"""`tapedeck mt5 chaos`: a drill of its own venue and agents, its figures and its verdicts."""

from __future__ import annotations

import argparse
import logging
import shutil
import tempfile
import time
from math import inf
from pathlib import Path

from infra.config import Config, ConfigError
from infra.mt5.chaos.drill import Drill, Plan
from infra.mt5.chaos.fleet import isolated
from infra.observe.progress import Progress
from infra.settings import TERMINALS_MAX

AGENTS_MAX = 60
"""More terminals than the venue takes, with those of agents that are just dying."""
SYMBOLS = ("EURUSD", "GBPUSD", "USDJPY")


def main(config: Config, arguments: argparse.Namespace) -> int:
    """One line per figure and per claim; 0 only if all hold."""
    agents = arguments.accounts * arguments.terminals
    if not (1 <= arguments.terminals <= TERMINALS_MAX and 1 <= agents <= AGENTS_MAX):
        most = f"{TERMINALS_MAX} terminals each, {AGENTS_MAX} in all"
        raise ConfigError(f"give at least one account and terminal, at most {most}")
    if not 0 < arguments.minutes < inf:
        raise ConfigError(f"{arguments.minutes:g} minutes are no time; give more than 0")
    luck = time.time_ns() % 1_000_000 if arguments.luck is None else arguments.luck
    print(f"{arguments.accounts} accounts; kills follow --luck {luck}", flush=True)
    logging.getLogger("infra").setLevel(logging.CRITICAL)  # trouble is what is wanted here
    home = Path(tempfile.mkdtemp(prefix="tapedeck-chaos-"))
    terminals = (arguments.terminals, arguments.terminals)
    own = isolated(config, home, arguments.accounts, SYMBOLS, terminals)
    drill = Drill(own, Plan(seconds=60 * arguments.minutes, luck=luck))
    with Progress("under fire", "s") as progress:
        verdicts = drill.run(lambda done_s, all_s: progress.at(round(done_s), round(all_s)))
    print("\n".join([*drill.figures(), *map(str, verdicts)]))
    held = sum(verdict.holds for verdict in verdicts)
    print(f"{held} passed, {len(verdicts) - held} failed")
    if arguments.keep or held < len(verdicts):
        print(f"the logs of this run are kept: {home}")
    else:
        shutil.rmtree(home)
    return 0 if held == len(verdicts) else 1
