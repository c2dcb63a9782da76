"""`tapedeck verify`: a platform of its own is started, shot at for a minute, and judged.

While it still is read: whether it answers of the past as it did, whether its read models are built
anew unnoticed, and whether its tape is proven. When all has stopped: whether anything was lost.

With `--outages`, what it stands on is taken away instead: Kafka, Postgres, the registry in turn.

To add a check: a function in `checks.py` from the evidence to a verdict, and one line in `CHECKS`.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from pathlib import Path

from infra.config import Config
from infra.verify import trust
from infra.verify.checks import CHECKS
from infra.verify.drill import Drill, isolated
from infra.verify.evidence import gather
from infra.verify.outages import SERVICES, nothing_sent_unrecorded, ridden_out
from infra.verify.recomputed import recomputed
from infra.verify.verdict import Verdict

KILLS_MIN_SHARE = 0.8


def configure(parser: argparse.ArgumentParser) -> None:
    """How long, how often, under which seed."""
    parser.add_argument("--seconds", type=float, default=60.0, help="time under fire")
    parser.add_argument("--kill-every", type=float, default=10.0, metavar="SECONDS")
    parser.add_argument(
        "--outages",
        nargs="*",
        choices=SERVICES,
        metavar="SERVICE",
        help=f"kill no roles; take away each of {', '.join(SERVICES)}, or the ones named",
    )
    parser.add_argument("--away", type=float, default=30.0, metavar="SECONDS", help="each time")
    parser.add_argument("--luck", type=int, help="seed of the kills; default: another each time")
    parser.add_argument("--keep", action="store_true", help="keep the home of the run")


def main(config: Config, arguments: argparse.Namespace) -> int:
    """One line per check, the counts last; 0 only if all hold."""
    luck = time.time_ns() % 1_000_000 if arguments.luck is None else arguments.luck
    if arguments.outages is None:
        print(f"kills follow --luck {luck}", flush=True)
    home = Path(tempfile.mkdtemp(prefix="tapedeck-verify-"))
    drill = Drill(isolated(config, home), _note, random.Random(luck))
    try:
        drill.begin()
        if arguments.outages is None:
            drill.under_fire(arguments.seconds, arguments.kill_every)
        else:
            for service in arguments.outages or SERVICES:
                drill.without(service, arguments.away)
        verdicts = trusted(drill)
        drill.retire()
        verdicts += judged(drill, arguments.seconds / arguments.kill_every)
    finally:
        drill.end()
    for verdict in verdicts:
        print(verdict)
    held = sum(verdict.holds for verdict in verdicts)
    print(f"{held} passed, {len(verdicts) - held} failed")
    if arguments.keep or held < len(verdicts):
        print(f"the home of this run is kept: {home}")
    else:
        shutil.rmtree(home)
    return 0 if held == len(verdicts) else 1


def trusted(drill: Drill) -> list[Verdict]:
    """Read models built anew, then what was answered under fire asked again; the proofs."""
    heard = trust.answers(drill.config)
    drill.come_to_rest()
    _note("it is at rest; read models are built anew under readers")
    found = [trust.rebuilt(drill.config), trust.as_they_were(drill.config, heard)]
    _note("proofs are asked for, and lied about")
    return [*found, *trust.proven(drill.config)]


def judged(drill: Drill, kills_wanted: float) -> list[Verdict]:
    """All checks over what the drill has left."""
    evidence = gather(drill.config, drill.books, drill.fed_us)
    if drill.outages:
        first = [*map(ridden_out, drill.outages), nothing_sent_unrecorded(evidence, drill.outages)]
    else:
        enough = len(drill.killed) >= KILLS_MIN_SHARE * kills_wanted
        first = [Verdict("roles were killed", enough, ", ".join(drill.killed))]
    return [*first, *(check(evidence) for check in CHECKS), recomputed(drill.config)]


def _note(text: str) -> None:
    print(f"  {text}", flush=True)
