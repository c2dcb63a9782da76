"""Keys for tests: one issuer, and whatever it is asked to issue."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path

from infra.mt5.agent import keys
from infra.mt5.agent.keys import PLATFORM, Keys, agent_name

LOGINS_MAX = 64


@lru_cache(1)
def folder() -> tempfile.TemporaryDirectory[str]:
    """A folder of keys that lives as long as the tests."""
    return tempfile.TemporaryDirectory(prefix="tapedeck-keys-")


@lru_cache(LOGINS_MAX)
def agent_keys(login: int) -> Keys:
    """What the agent of an account shows."""
    return keys.load(keys.ensure(Path(folder().name), agent_name(login)))


@lru_cache(1)
def platform_keys() -> Keys:
    """What its callers show."""
    return keys.load(keys.ensure(Path(folder().name), PLATFORM))
