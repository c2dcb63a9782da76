"""Named places where a test may kill this process: `TAPEDECK_FAULT=name`, or `name:3` for visit 3.

Inert unless the variable names the place. It is no setting of a platform, so it is read here.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

VARIABLE = "TAPEDECK_FAULT"

_passed: Counter[str] = Counter()


def point(name: str) -> None:
    """Die here, as by `kill -9`, if this place and this visit were named."""
    wanted = os.environ.get(VARIABLE)
    if wanted is None:
        return
    place, _, visit = wanted.partition(":")
    if place != name:
        return
    _passed[name] += 1
    if _passed[name] == int(visit or 1):
        os.kill(os.getpid(), signal.SIGKILL)
