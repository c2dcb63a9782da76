"""Agents in this process over a terminal that a test can stop, swap and look into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

from infra.mt5.agent.client import AgentPulse, AgentTerminal
from infra.mt5.agent.contract import Pulse
from infra.mt5.agent.keys import Keys
from infra.mt5.agent.owner import Account, Owner
from infra.mt5.agent.server import AgentServer
from infra.mt5.package import Package
from infra.mt5.simulator.clock import VirtualClock
from infra.mt5.simulator.terminal import simulated_terminal
from tests.infra.mt5 import worlds
from tests.infra.mt5.agent.issued import agent_keys, platform_keys
from tests.infra.mt5.worlds import LOGIN, START_MS


class Stage:
    """A terminal before whose calls a test can put something."""

    def __init__(self, terminal: Package) -> None:
        self.terminal = terminal
        self.called: list[str] = []
        self.hold_at = ""
        self.held, self.go_on = Event(), Event()
        self.answers: dict[str, Any] = {}
        self.refuses: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        function = getattr(self.terminal, name)

        def call(*arguments: Any, **keywords: Any) -> Any:
            self.called.append(name)
            if name == self.hold_at:
                self.held.set()
                assert self.go_on.wait(60.0)
            value = name not in self.refuses and function(*arguments, **keywords)
            return self.answers[name](value) if name in self.answers else value

        return call


@contextmanager
def stage() -> Iterator[Stage]:
    """A simulated terminal of `LOGIN`; whatever it holds up goes on at the end."""
    broker = worlds.broker_of(worlds.settings(), VirtualClock(START_MS))
    made = Stage(simulated_terminal(broker, LOGIN))
    try:
        yield made
    finally:
        made.go_on.set()


@contextmanager
def agent(
    stage: Stage, keys: Keys | None = None, account: Account | None = None, **settings: Any
) -> Iterator[AgentServer]:
    """An agent that owns the terminal."""
    terminal: Any = stage
    owner = Owner(terminal, account or Account(LOGIN))
    server = AgentServer(owner, LOGIN, keys or agent_keys(LOGIN), **settings)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def caller(
    server: AgentServer, deadline_s: float = 30.0, keys: Keys | None = None, login: int = LOGIN
) -> Iterator[AgentTerminal]:
    """A terminal behind the agent, not initialised."""
    made = AgentTerminal(lambda: server.address, login, keys or platform_keys(), deadline_s)
    try:
        yield made
    finally:
        made.shutdown()


def pulse(server: AgentServer) -> Pulse:
    """How the agent is, which it must say at once."""
    asking = AgentPulse(server.address, LOGIN, platform_keys())
    try:
        taken = asking.take(5.0)
    finally:
        asking.close()
    assert taken is not None
    return taken
