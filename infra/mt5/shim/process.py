"""What a program that `tapedeck mt5 shim` runs finds under the vendor's name."""

from __future__ import annotations

import os
import time
from typing import Any, SupportsIndex

from infra.mt5.shim import CALL_MS, broker_of, terminal_of, told
from infra.mt5.shim.module import contents
from infra.mt5.simulator.clock import Clock


def names() -> dict[str, Any]:
    """Every name of the package, over a terminal of this process."""
    options = told(os.environ)
    clock = options.clock()
    broker = broker_of(options, clock)
    if not options.virtual:
        return contents(terminal_of(options, broker))
    pass_at_once(clock)
    return contents(terminal_of(options, broker, CALL_MS))


def pass_at_once(clock: Clock) -> None:
    """Have `time.sleep` move the clock instead of waiting: a program's day is over in a moment."""

    def sleep(seconds: float | SupportsIndex, /) -> None:
        if (duration_s := float(seconds)) < 0:
            raise ValueError("sleep length must be non-negative")
        clock.wait_ms(round(duration_s * 1_000))

    time.sleep = sleep
