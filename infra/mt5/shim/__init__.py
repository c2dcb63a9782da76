"""The simulator in the place of the vendor's package: programs written for it run unchanged.

`tapedeck mt5 shim -- COMMAND…` runs one so, and its children; `simulated()` does it within a
`with`. Nothing is ever put in the vendor's place unasked.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import msgspec

from infra.mt5.shim.module import NAME, module_of
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.clock import Clock, RealClock
from infra.mt5.simulator.settings import BrokerSettings, MarketSettings, symbols_named
from infra.mt5.simulator.symbols import SYMBOLS
from infra.mt5.simulator.terminal import simulated_terminal

LOGIN = 90001
VARIABLE = "TAPEDECK_SHIM"
SITE = Path(__file__).parent / "site"
"""A folder with a package of the vendor's name, for the search path of a program."""
CODE = Path(__file__).parents[3]


class Options(msgspec.Struct, frozen=True):
    """The broker that a program meets. The first login is the one that its terminal has saved.

    `books`: a folder in which what was traded outlives the program; none: nothing does.
    """

    seed: int = 7
    symbols: tuple[str, ...] = tuple(symbol.name for symbol in SYMBOLS)
    logins: tuple[int, ...] = (LOGIN,)
    books: str = ""


def broker_of(options: Options, clock: Clock | None = None) -> Broker:
    """The broker; `ValueError` names a symbol that it does not quote."""
    market = MarketSettings(seed=options.seed, symbols=symbols_named(options.symbols))
    folder = Path(options.books) if options.books else None
    settings = BrokerSettings(logins=options.logins, market=market)
    return Broker(settings, clock or RealClock(), folder)


@contextmanager
def simulated(options: Options | None = None, clock: Clock | None = None) -> Iterator[ModuleType]:
    """Within, `import MetaTrader5` gives the simulator; afterwards what was there before."""
    chosen = options or Options()
    broker = broker_of(chosen, clock)
    before = sys.modules.get(NAME)
    module = sys.modules[NAME] = module_of(simulated_terminal(broker, chosen.logins[0]))
    try:
        yield module
    finally:
        del sys.modules[NAME]
        if before is not None:
            sys.modules[NAME] = before
        broker.close()


def environment(options: Options, environ: Mapping[str, str]) -> dict[str, str]:
    """Variables under which a program and its children find the simulator, and this Python."""
    path = os.pathsep.join(filter(None, (str(SITE), environ.get("PYTHONPATH", ""), str(CODE))))
    programs = os.pathsep.join((str(Path(sys.executable).parent), environ.get("PATH", "")))
    told = msgspec.json.encode(options).decode()
    return {**environ, "PYTHONPATH": path, "PATH": programs, VARIABLE: told}


def told(environ: Mapping[str, str]) -> Options:
    """The options of a program that was started with them."""
    return msgspec.json.decode(environ.get(VARIABLE, "{}"), type=Options)
