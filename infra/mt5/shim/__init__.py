"""The simulator in the place of the vendor's package: programs written for it run unchanged.

`tapedeck mt5 shim -- COMMAND…` runs one so, and its children; `simulated()` does it within a
`with`. Nothing is ever put in the vendor's place unasked.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType

import msgspec

from infra.mt5.package import Package
from infra.mt5.shim.link import ShimLink
from infra.mt5.shim.module import NAME, module_of
from infra.mt5.shim.options import Options
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.clock import Clock
from infra.mt5.simulator.terminal import DirectLink

__all__ = ["Options", "broker_of", "environment", "simulated", "terminal_of", "told"]

VARIABLE = "MT5_SHIM_OPTIONS"
SITE = Path(__file__).parent / "site"
"""A folder with a package of the vendor's name, for the search path of a program."""
CODE = Path(__file__).parents[3]
ENVIRONMENTS = {"VIRTUAL_ENV", "CONDA_PREFIX"}
"""What tells that the caller has chosen a Python."""
CALL_MS = 10
"""What a call takes where time is virtual, so that a program that only looks gets on."""


def broker_of(options: Options, clock: Clock | None = None) -> Broker:
    """The broker; `ValueError` or `JournalError` says why there can be none."""
    return options.broker(clock or options.clock())


def terminal_of(options: Options, broker: Broker, call_ms: int = 0) -> Package:
    """A terminal that has the first login saved; each of its calls takes `call_ms`."""
    pace = partial(broker.clock.wait_ms, call_ms)
    return Package(ShimLink(DirectLink(broker, options.logins[0]), options, pace))


@contextmanager
def simulated(options: Options | None = None, clock: Clock | None = None) -> Iterator[ModuleType]:
    """Within, `import MetaTrader5` gives the simulator; afterwards what was there before.

    Whatever has imported the vendor's package before still has that one: import it within.
    """
    chosen = options or Options()
    broker = broker_of(chosen, clock or chosen.clock())
    before = sys.modules.get(NAME)
    call_ms = CALL_MS if clock is None and chosen.virtual else 0
    module = sys.modules[NAME] = module_of(terminal_of(chosen, broker, call_ms))
    try:
        yield module
    finally:
        del sys.modules[NAME]
        if before is not None:
            sys.modules[NAME] = before
        broker.close()


def environment(options: Options, environ: Mapping[str, str]) -> dict[str, str]:
    """Variables under which a program and its children find the simulator, and a Python for it.

    `python` is this one, unless the caller is in a virtual environment: then it is that one's,
    which has what the program needs.
    """
    path = os.pathsep.join(filter(None, (str(SITE), environ.get("PYTHONPATH", ""), str(CODE))))
    ours, found = str(Path(sys.executable).parent), environ.get("PATH", "")
    order = (found, ours) if ENVIRONMENTS & environ.keys() else (ours, found)
    programs = os.pathsep.join(filter(None, order))
    told = msgspec.json.encode(options).decode()
    return {**environ, "PYTHONPATH": path, "PATH": programs, VARIABLE: told}


def told(environ: Mapping[str, str]) -> Options:
    """The options of a program that was started with them."""
    return msgspec.json.decode(environ.get(VARIABLE, "{}"), type=Options)
