"""Agents of one account, all made up: for tests of who gets which call."""

from __future__ import annotations

import random
from threading import Event
from time import monotonic
from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5.agent.contract import Pulse
from infra.mt5.agent.pool import Pool
from infra.mt5.agent.pooled import PoolLink
from infra.mt5.link import CallError, LinkLostError

DEADLINE_S = 0.5
LIMIT_S = 20.0


class Agents:
    """Agents of one account, all made up: what each is asked, and what it does about it."""

    def __init__(self, *names: str) -> None:
        self.listed = list(names)
        self.silent: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self.logins: list[str] = []
        self.breaks: dict[str, str] = {}
        self.let_go: list[str] = []
        self.asked_s = self.linked_s = 0.0
        self.refuses = ""
        self.hold_at = ""
        self.held, self.go_on = Event(), Event()
        self.pool = Pool(lambda: self.listed, self.feel, DEADLINE_S, random.Random(1))

    def feel(self, name: str) -> Feeling:
        return Feeling(self, name)

    def link(self) -> PoolLink:
        made = PoolLink(self.pool, lambda name: FakeLink(self, name))
        made.open(1000)
        made.call("login", 1, "", "")
        return made

    def where(self, function: str) -> list[str]:
        return [name for name, asked in self.asked if asked == function]


class Feeling:
    """Says how an agent is."""

    def __init__(self, agents: Agents, name: str) -> None:
        self._agents, self._name = agents, name

    def take(self, _limit_s: float) -> Pulse | None:
        if self._name in self._agents.silent:
            return None
        return Pulse(self._name, 1, "", 0.0, 0, 0, None, "", False)

    def close(self) -> None:
        self._agents.let_go.append(self._name)


class FakeLink:
    """A link to one of them."""

    def __init__(self, agents: Agents, name: str) -> None:
        self._agents, self._name = agents, name

    def open(self, timeout_ms: int) -> None:
        pass

    def ahead(self, *_calls: Any) -> None:
        self._agents.asked.append((self._name, "ahead"))

    def life(self) -> str:
        return ""

    def close(self) -> None:
        pass

    def call(self, function: str, *_arguments: Any) -> Any:
        agents = self._agents
        if function == "login":
            agents.logins.append(self._name)
            agents.linked_s = monotonic()
            if agents.refuses:
                raise CallError(mt5.RES_E_AUTH_FAILED, agents.refuses)
            return True
        agents.asked.append((self._name, function))
        agents.asked_s = monotonic()
        if function == agents.hold_at:
            agents.held.set()
            assert agents.go_on.wait(LIMIT_S)
        if agents.breaks.get(self._name) == function:
            raise LinkLostError(mt5.RES_E_INTERNAL_FAIL_RECEIVE, "gone")
        return self._name
