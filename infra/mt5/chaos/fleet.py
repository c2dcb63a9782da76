"""A venue and the agents of its accounts, all processes of their own; and who kills them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Lock, Thread

from infra.bench.ground import started, stopped
from infra.config import Config
from infra.embedded.process import free_ports
from infra.mt5.accounts import login_of
from infra.mt5.agent.client import AgentLink
from infra.mt5.agent.keeper import Keeper
from infra.mt5.remote import DEADLINE_S, RemoteTerminal
from infra.mt5.simulator.faults import FaultRule
from infra.mt5.tuples import TradeDeal
from infra.observe.gauges import memory_mib
from infra.run.agent import address_of, keeper_of, platform_keys

LOOK_EVERY_S = 0.25
START_S, POLL_S = 60.0, 0.1
ALWAYS = 1_000_000_000
EVER_S = (1 << 32) - 1
HANG_SHARE = 1 / 3


@dataclass(slots=True)
class Strike:
    """An agent was killed, or stopped in its tracks; `recovered_s` is until another answered."""

    login: int
    hang: bool
    at_s: float
    recovered_s: float | None = None


@dataclass(slots=True)
class Fleet:
    """A venue with an agent for each account of the configuration. `home` must be empty."""

    config: Config
    strikes: list[Strike] = field(default_factory=list)
    memory_mib_max: int = 0
    _keepers: dict[int, Keeper] = field(default_factory=dict)
    _epochs: dict[int, set[str]] = field(default_factory=dict)
    _threads: list[Thread] = field(default_factory=list)
    _venue: subprocess.Popen[bytes] | None = None
    _over: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)

    def begin(self, delay_ms: int) -> None:
        """Start all of it. Each send takes the venue so long: agents die with sends in flight."""
        self._venue = started(self.config, self.config.home / "venue.log", "run", "venue")
        for account in self.config.accounts:
            self._slowed(account, delay_ms)
            errors = self.config.home / f"agent-{account}.log"
            keeper = keeper_of(self.config, account, "127.0.0.1:0", errors=errors)
            self._keepers[login_of(account)] = keeper
            self._epochs[login_of(account)] = set()
            self._threads.append(Thread(target=self._keep, args=(keeper,), name=f"keep-{account}"))
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Stop all of it."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        if self._venue is not None:
            stopped(self._venue)

    def link(self, account: str) -> AgentLink:
        """A way to the account's agent, whichever lives."""
        address, mine = address_of(self.config, account), platform_keys(self.config)
        return AgentLink(address, login_of(account), mine, DEADLINE_S)

    def seen(self, login: int, epoch: str) -> None:
        """A life of the account's agent answers: what was struck down before has recovered."""
        with self._lock:
            if epoch in self._epochs[login]:
                return
            self._epochs[login].add(epoch)
            for strike in self._struck(login):
                strike.recovered_s = time.monotonic() - strike.at_s

    @property
    def whole(self) -> bool:
        """Whether every account has had an answer since its agent was struck last."""
        with self._lock:
            return all(e and not self._struck(login) for login, e in self._epochs.items())

    def strike(self, luck: random.Random) -> Strike | None:
        """Kill or hang the agent of an account that is well."""
        with self._lock:
            well = [login for login, e in self._epochs.items() if e and not self._struck(login)]
            login = luck.choice(sorted(well) or [0])
            hang = luck.random() < HANG_SHARE
            pid = self._keepers[login].pid if login else None
            if pid is None:
                return None
            os.kill(pid, signal.SIGSTOP if hang else signal.SIGKILL)
            self.strikes.append(Strike(login, hang, time.monotonic()))
            return self.strikes[-1]

    def weigh(self) -> None:
        """Remember the most memory that the agents took together."""
        pids = [keeper.pid for keeper in self._keepers.values()]
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

    def _keep(self, keeper: Keeper) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            keeper.look()
        keeper.stop()

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


def isolated(config: Config, home: Path, accounts: int, symbols: tuple[str, ...]) -> Config:
    """A venue of its own with so many accounts, and nobody else's home."""
    return replace(
        config,
        home=home,
        ports=replace(config.ports, venue=free_ports(1)[0]),
        accounts=tuple(str(91_001 + number) for number in range(accounts)),
        agents=(),
        symbols=symbols,
    )
