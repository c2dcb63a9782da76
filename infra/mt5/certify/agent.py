"""A terminal put behind an agent of its own, over gRPC with mutual TLS, in this process."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from infra.mt5.agent import keys
from infra.mt5.agent.client import AgentTerminal
from infra.mt5.agent.keys import PLATFORM, Keys, agent_name
from infra.mt5.agent.owner import Account, Owner
from infra.mt5.agent.server import AgentServer
from infra.mt5.terminal import Terminal

DEADLINE_S = 60.0


@lru_cache(1)
def _issued(login: int) -> tuple[Keys, Keys]:
    """What the agent of an account and its callers show: issued for this process alone."""
    with tempfile.TemporaryDirectory(prefix="tapedeck-keys-") as folder:
        names = (agent_name(login), PLATFORM)
        theirs, ours = (keys.load(keys.ensure(Path(folder), name)) for name in names)
    return theirs, ours


@contextmanager
def behind_agent(terminal: Terminal, login: int) -> Iterator[Terminal]:
    """The terminal as its agent's callers have it."""
    theirs, ours = _issued(login)
    server = AgentServer(Owner(terminal, Account(login)), login, theirs)
    far = AgentTerminal(lambda: server.address, login, ours, DEADLINE_S)
    try:
        yield far
    finally:
        far.shutdown()
        server.close()
