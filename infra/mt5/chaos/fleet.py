"""A venue and the agents of its accounts, all processes of their own; and who kills them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread

from infra.bench.ground import started, stopped
from infra.config import Config
from infra.embedded.process import free_ports
from infra.mt5.accounts import login_of
from infra.mt5.agent.client import AgentLink
from infra.mt5.agent.crew import Crew
from infra.mt5.agent.keeper import Keeper
from infra.mt5.agent.pool import Pool
from infra.mt5.agent.pooled import PoolLink
from infra.mt5.agent.scaling import Bounds, Rules
from infra.mt5.link import Link
from infra.mt5.remote import DEADLINE_S, RemoteTerminal
from infra.mt5.simulator.faults import FaultRule
from infra.mt5.tuples import TradeDeal
from infra.observe.gauges import memory_mib
from infra.run.agent import address_of, agent_link, keeper_of, platform_keys, pool_of
from infra.settings import LOCAL

LOOK_EVERY_S = 0.25
START_S, POLL_S = 60.0, 0.1
ALWAYS = 1_000_000_000
EVER_S = (1 << 32) - 1
HANG_SHARE = 1 / 3


@dataclass(slots=True)
class Strike:
    """An agent, in this life of it, was killed or stopped in its tracks.

    `recovered_s` is until its account had an answer again, which can only be of another.
    """

    login: int
    epoch: str
    hang: bool
    at_s: float
    recovered_s: float | None = None


@dataclass(slots=True)
class Fleet:
    """A venue with an agent for each account of the configuration. `home` must be empty."""

    config: Config
    rules: Rules = field(default_factory=Rules)
    strikes: list[Strike] = field(default_factory=list)
    memory_mib_max: int = 0
    _crews: dict[int, Crew] = field(default_factory=dict)
    _epochs: dict[int, set[str]] = field(default_factory=dict)
    _pools: dict[str, Pool] = field(default_factory=dict)
    _threads: list[Thread] = field(default_factory=list)
    _venue: subprocess.Popen[bytes] | None = None
    _over: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)

    def begin(self, delay_ms: int) -> None:
        """Start all of it. Each send takes the venue so long: agents die with sends in flight."""
        self._venue = started(self.config, self.config.home / "venue.log", "run", "venue")
        for account in self.config.accounts:
            self._slowed(account, delay_ms)
            crew = Crew(partial(self._keeper, account), Bounds(*self.config.terminals), self.rules)
            self._crews[login_of(account)] = crew
            self._epochs[login_of(account)] = set()
            self._threads.append(Thread(target=self._keep, args=(crew,), name=f"keep-{account}"))
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Stop all of it."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        for pool in self._pools.values():
            pool.close()
        if self._venue is not None:
            stopped(self._venue)

    def line(self, account: str) -> tuple[Link, Callable[[], str]]:
        """A way to the account's agents, and which life of which of them answered last."""
        if self.config.terminals == (1, 1):
            address, mine = address_of(self.config, account), platform_keys(self.config)
            only = AgentLink(address, login_of(account), mine, DEADLINE_S)
            return only, lambda: only.epoch
        if account not in self._pools:
            self._pools[account] = pool_of(self.config, account)
        pooled = PoolLink(self._pools[account], partial(agent_link, self.config, account))
        return pooled, lambda: getattr(pooled.answered, "epoch", "")

    def seen(self, login: int, epoch: str) -> None:
        """A life of the account's agent answers: what was struck down before has recovered."""
        with self._lock:
            self._epochs[login].add(epoch)
            for strike in self._struck(login):
                if strike.epoch != epoch:
                    strike.recovered_s = time.monotonic() - strike.at_s

    @property
    def whole(self) -> bool:
        """Whether all agents are there, and every account has had an answer since it was struck."""
        agents = [keeper for crew in self._crews.values() for keeper in crew.keepers]
        with self._lock:
            answers = all(e and not self._struck(login) for login, e in self._epochs.items())
        return answers and all(keeper.pulse is not None for keeper in agents)

    def crew(self, account: str) -> Crew:
        """The agents of an account."""
        return self._crews[login_of(account)]

    def lives(self, account: str) -> frozenset[str]:
        """Every life of the account's agents that has answered."""
        with self._lock:
            return frozenset(self._epochs[login_of(account)])

    def strike(self, luck: random.Random) -> Strike | None:
        """Kill or hang the agent of an account that is well."""
        with self._lock:
            well = [login for login, e in self._epochs.items() if e and not self._struck(login)]
            login = luck.choice(sorted(well) or [0])
            hang = luck.random() < HANG_SHARE
            keeper = luck.choice(self._crews[login].keepers) if login else None
            pulse = keeper.pulse if keeper else None
            if keeper is None or keeper.pid is None or pulse is None:
                return None
            if pulse.epoch not in self._epochs[login]:
                return None
            os.kill(keeper.pid, signal.SIGSTOP if hang else signal.SIGKILL)
            self.strikes.append(Strike(login, pulse.epoch, hang, time.monotonic()))
            return self.strikes[-1]

    def weigh(self) -> None:
        """Remember the most memory that the agents took together."""
        pids = [keeper.pid for crew in self._crews.values() for keeper in crew.keepers]
        mib = sum(memory_mib(pid) for pid in pids if pid is not None)
        self.memory_mib_max = max(self.memory_mib_max, mib)

    def deals(self, account: str) -> tuple[TradeDeal, ...]:
        """The account's deals as the venue itself has them."""
        terminal = self._at_venue(account)
        deals = terminal.history_deals_get(0, EVER_S)
        terminal.shutdown()
        if deals is None:
            raise RuntimeError(f"the deals of {account} cannot be read: {terminal.last_error()}")
        return deals

    def _struck(self, login: int) -> list[Strike]:
        return [s for s in self.strikes if s.login == login and s.recovered_s is None]

    def _keep(self, crew: Crew) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            crew.look()
        crew.stop()

    def _keeper(self, account: str, number: int) -> Keeper:
        errors = self.config.home / f"agent-{account}-{number}.log"
        return keeper_of(self.config, account, "127.0.0.1:0", errors=errors, number=number)

    def _slowed(self, account: str, delay_ms: int) -> None:
        terminal = self._at_venue(account)
        terminal.inject(FaultRule(kind="delay", delay_ms=delay_ms, times=ALWAYS))
        terminal.shutdown()

    def _at_venue(self, account: str) -> RemoteTerminal:
        terminal = RemoteTerminal(self.config.venue, account, START_S)
        until_s = time.monotonic() + START_S
        while not terminal.initialize():
            if time.monotonic() > until_s:
                raise TimeoutError(f"no venue within {START_S:g} s: {terminal.last_error()}")
            time.sleep(POLL_S)
        return terminal


def isolated(
    config: Config,
    home: Path,
    accounts: int,
    symbols: tuple[str, ...],
    terminals: tuple[int, int] = (1, 1),
) -> Config:
    """A venue of its own with so many accounts, and nobody else's home."""
    return replace(
        config,
        home=home,
        ports=replace(config.ports, venue=free_ports(1)[0]),
        accounts=tuple(str(91_001 + number) for number in range(accounts)),
        agents=(LOCAL,),
        terminals=terminals,
        symbols=symbols,
    )
