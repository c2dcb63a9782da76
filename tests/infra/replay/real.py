"""R3 over recorded ticks as if they were live, and again over a copy of the tape made elsewhere.

Played ticks are marked as backfilled, on which nobody trades. Here they are not, so that sagas and
commands decide; no terminal is there, so nothing is sent. Run by hand, as recordings are internal:
`python -m tests.infra.replay.real TICKS FILE...` (CSV, .zst; a name begins with its symbol).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from msgspec import structs

from events.market import TickReceived
from infra.bench.ground import fresh, services_at
from infra.bench.replays import decided_on
from infra.config import Config
from infra.feed.play import Session, Tally
from infra.feed.quote_judge import Judge
from infra.feed.recordings import recording
from infra.up.children import CODE, command, environment

HASH = re.compile("hash over all .*: ([0-9a-f]{64})")


def main(count: int, files: Sequence[Path]) -> int:
    """Replay twice; 1 if anything is different."""
    symbols = ",".join(sorted({file.name.partition("_")[0] for file in files}))
    config = Config.load({**os.environ, "TAPEDECK_SYMBOLS": symbols})
    with tempfile.TemporaryDirectory(prefix="tapedeck-real-") as folder:
        here, there = Path(folder) / "here", Path(folder) / "there"
        here.mkdir()
        with services_at(config, here) as bound:
            apart = fresh(bound)
            ticks = [structs.replace(t, backfilled=False) for t in islice(_ticks(files), count)]
            began_s = time.monotonic()
            decided_on(apart, ticks)
            print(f"{len(ticks):,} ticks were decided on in {time.monotonic() - began_s:.0f} s")
            one = _replayed(apart, seed=1, jobs=1)
        subprocess.run(["cp", "-a", here, there], check=True)  # owners, too: they are asked for
        with services_at(config, there) as bound:
            moved = replace(bound, namespace=apart.namespace, home=there / apart.namespace)
            other = _replayed(moved, seed=77, jobs=2)
    print("one hash" if one == other else "the hashes DIFFER")
    return 0 if one and one == other else 1


def _ticks(files: Sequence[Path]) -> Iterator[TickReceived]:
    recordings = [recording(file) for file in files]
    session = Session(recordings, {each: Tally() for each in recordings})
    judges = {each: Judge(each.source) for each in recordings}
    for line in session.fresh({}):
        event = judges[line.recording].event(line.said, time.time_ns() // 1_000)
        if isinstance(event, TickReceived):
            yield event


def _replayed(config: Config, seed: int, jobs: int) -> str:
    """The hash over all that was decided again, by a process of its own."""
    arguments = ("replay", "--level", "R3", "--verify", "--jobs", str(jobs))
    done = subprocess.run(
        command(*arguments),
        env={**environment(config), "PYTHONHASHSEED": str(seed)},
        cwd=CODE,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    print(done.stdout)
    found = HASH.search(done.stdout)
    return found[1] if found and done.returncode == 0 else ""


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), [Path(name) for name in sys.argv[2:]]))
