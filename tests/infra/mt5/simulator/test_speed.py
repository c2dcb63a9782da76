"""The figures of the simulator's speed are of work that was really done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.bench import simulator
from infra.config import Config
from infra.mt5.simulator import symbols
from infra.mt5.simulator.settings import AccountSettings


def config() -> Config:
    return Config.from_environment({})
