"""`tapedeck up`: everything on this machine, shown until Ctrl-C, or in the background."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from types import FrameType

from infra.config import Config
from infra.observe.progress import Telling
from infra.up import boot, detached, run_file
from infra.up.pulse import Pulse
from infra.up.run_file import Run, part
from infra.up.screen import Lines, Screen
from infra.up.supervisor import STOP_DEADLINE_S, Supervisor

LOOK_EVERY_S = 0.25


def configure(parser: argparse.ArgumentParser) -> None:
    """Two ways to come up, two ways to be shown."""
    parser.add_argument("--detach", action="store_true", help="return when all of it is healthy")
    parser.add_argument("--plain", action="store_true", help="lines instead of the live screen")


def main(config: Config, arguments: argparse.Namespace) -> int:
    """Come up, and stay until told to stop."""
    config.may_reach_terminals()
    if arguments.detach:
        return detached.start(config)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    with run_file.held(config.home), Telling() as say:
        return _attached(config, say, plain=arguments.plain or not sys.stdout.isatty())


def _attached(config: Config, say: Telling, *, plain: bool) -> int:
    began_s = time.time()
    supervisor = Supervisor(config, say)
    try:
        run_file.end_leftovers(config.home)
        _record(config, "starting", began_s, ())
        boot.check(config, say)
        config = boot.start_services(config, supervisor, say)
        services_s = time.time()
        _record(config, "starting", began_s, supervisor.parts())
        say("preparing the tape")
        boot.prepare_tape(config, supervisor)
        boot.start_roles(config, supervisor)
        _stay(config, supervisor, Pulse(config, services_s), began_s, plain=plain)
    except KeyboardInterrupt:
        say("stopping …")
    finally:
        _stop(config, supervisor, say, began_s)
    say("stopped")
    return 0


def _stay(
    config: Config, supervisor: Supervisor, pulse: Pulse, began_s: float, *, plain: bool
) -> None:
    """Watch until a signal interrupts; the view is drawn beside, in its own thread."""
    view = (Lines if plain else Screen)(pulse, boot.addresses(config))
    supervisor.tell(view.note)
    with view:
        shown: tuple[run_file.Part, ...] = ()
        while True:
            supervisor.look()
            parts = supervisor.parts()
            view.show(parts)
            if parts != shown:
                _record(config, "running", began_s, parts)
                shown = parts
            time.sleep(LOOK_EVERY_S)


def _stop(config: Config, supervisor: Supervisor, say: Telling, began_s: float) -> None:
    """Stop everything; a second signal does not interrupt that, it makes it impatient."""
    _record(config, "stopping", began_s, supervisor.parts())
    try:
        supervisor.stop(STOP_DEADLINE_S)
    except KeyboardInterrupt:
        say("stopping at once …")
        supervisor.stop(0.0)
    _record(config, "stopped", began_s, ())


def _record(config: Config, phase: str, began_s: float, parts: tuple[run_file.Part, ...]) -> None:
    us = part("supervisor", os.getpid(), phase)
    run = Run(us, phase, began_s, boot.addresses(config), parts, run_file.settings_of(config))
    run_file.write(config.home, run)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
