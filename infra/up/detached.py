"""`tapedeck up` in the background: started, watched until it is healthy, then left alone."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from infra.config import Config
from infra.embedded.process import ServiceError
from infra.up import run_file
from infra.up.children import CODE, bound_log, command, last_line
from infra.up.health import faults

HEALTHY_DEADLINE_S = 600.0  # the first start fetches Kafka and trains a model
LOOK_EVERY_S = 0.25


def start(config: Config) -> int:
    """Return 0 when nothing is wrong with it any more; meanwhile repeat what it says."""
    with run_file.held(config.home):
        pass  # nobody runs here: a second copy would say so in the log of the first
    log = config.logs / "up.log"
    child = _begin(config, log)
    told = 0
    deadline_s = time.monotonic() + HEALTHY_DEADLINE_S
    while child.poll() is None and time.monotonic() < deadline_s:
        wrong = faults(config.home)
        told = _repeat(log, told)
        if not wrong:
            print(f"all of it runs and writes to {log}; `tapedeck down` stops it")
            return 0
        time.sleep(LOOK_EVERY_S)
    if child.poll() is not None:
        raise ServiceError(last_line(log).removeprefix("tapedeck: "))
    print(f"not healthy after {HEALTHY_DEADLINE_S:.0f} s: {'; '.join(faults(config.home))}")
    return 1


def _begin(config: Config, log: Path) -> subprocess.Popen[bytes]:
    """It is to outlive us, so it gets a session of its own and no tie to this process."""
    bound_log(log)
    places = {"TAPEDECK_HOME": str(config.home), "TAPEDECK_CACHE": str(config.cache)}
    with log.open("wb") as output:
        return subprocess.Popen(
            command("up", "--plain"),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **places},
            cwd=CODE,
            start_new_session=True,
        )


def _repeat(log: Path, told: int) -> int:
    lines = log.read_text().splitlines()
    for line in lines[told:]:
        if not line.startswith("tapedeck: "):  # how it ends is said once, by us
            print(line, flush=True)
    return len(lines)
