"""`tapedeck down`: stop the copy that runs in this home and wait until all of it is gone."""

from __future__ import annotations

import argparse
import os
import signal
import time

from infra.config import Config
from infra.up import run_file

STOP_DEADLINE_S = 90.0


def configure(parser: argparse.ArgumentParser) -> None:
    """It takes no options: the home says what to stop."""
    del parser


def main(config: Config, arguments: argparse.Namespace) -> int:
    """Ask the supervisor, wait; kill what is left when the deadline passes."""
    del arguments
    run = run_file.read(config.home)
    if run is None or not run.supervisor.alive():
        run_file.end_leftovers(config.home)
        print(f"nothing runs in {config.home}")
        return 0
    assert run.supervisor.pid is not None
    os.kill(run.supervisor.pid, signal.SIGTERM)
    deadline_s = time.monotonic() + STOP_DEADLINE_S
    while run.supervisor.alive():
        if time.monotonic() > deadline_s:
            os.kill(run.supervisor.pid, signal.SIGKILL)
            print(f"it did not stop within {STOP_DEADLINE_S:.0f} s and was killed")
            break
        time.sleep(0.1)
    run_file.end_leftovers(config.home)
    print("stopped")
    return 0
