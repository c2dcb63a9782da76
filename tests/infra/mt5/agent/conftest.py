"""An agent, its terminal, and one who calls it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.mt5.agent.client import AgentTerminal
from infra.mt5.agent.server import AgentServer
from tests.infra.mt5.agent.stand import Stage, agent, caller, stage


@pytest.fixture
def terminal() -> Iterator[Stage]:
    with stage() as made:
        yield made


@pytest.fixture
def server(terminal: Stage) -> Iterator[AgentServer]:
    with agent(terminal) as made:
        yield made


@pytest.fixture
def client(server: AgentServer) -> Iterator[AgentTerminal]:
    with caller(server) as made:
        assert made.initialize(), made.last_error()
        yield made
