"""The package, simulated, on a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest

from infra.mt5.shim import simulated
from infra.mt5.simulator.clock import VirtualClock
from tests.infra.mt5.worlds import START_MS


@pytest.fixture
def mt5() -> Iterator[ModuleType]:
    with simulated(clock=VirtualClock(START_MS)) as module:
        assert module.initialize()
        yield module
