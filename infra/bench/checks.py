"""100 signals checked on 50 accounts in one call, beside a call for each signal and account."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from commands.accounts import Account
from events.limits import LimitsSet
from events.signals import SignalRaised
from events.values import Side
from infra.bench.figures import Figure, paired
from infra.bench.signals import account_of, limits_of, signal
from infra.bench.terminals import ready, roles
from infra.config import Config
from infra.mt5.gateway.checks import Books, checked, known_of
from infra.mt5.gateway.clock import SystemClock
from infra.mt5.gateway.health import Identity
from infra.mt5.gateway.verdict import Sendable, Verdict
from infra.mt5.gateway.warm import Warm
from infra.mt5.remote import RemoteTerminal
from infra.mt5.simulator.settings import SERVER
from infra.mt5.terminal import Terminal

SIGNALS, ACCOUNTS = 100, 50
FIRST_LOGIN = 91_001
WANTED = 5.0
"""How many times as fast a batch must be: it asks each terminal once, not once for each signal."""


@dataclass(frozen=True, slots=True)
class Desk:
    """An account with its terminal at hand."""

    name: str
    terminal: Terminal
    warm: Warm
    account: Account
    limits: LimitsSet

    def books(self, symbols: Sequence[str]) -> Books:
        """What is known of the account now, asked of its terminal."""
        identity = Identity(int(self.name), SERVER)
        known = known_of(
            self.terminal, self.warm, identity, SystemClock(), symbols, self.account, self.limits
        )
        return Books(self.name, self.account, self.limits, known)


def batch(config: Config, repeat: int) -> list[Figure]:
    """Milliseconds for all verdicts, both ways; they must be the same verdicts."""
    accounts = tuple(str(FIRST_LOGIN + number) for number in range(ACCOUNTS))
    with roles(replace(config, accounts=accounts, agents=()), ("venue",)) as bound:
        desks = [_desk(bound, account) for account in accounts]
        try:
            signals = tuple(_signals(bound, desks[0].terminal))
            pairs = [_timed(desks, signals, bound.symbols) for _ in range(repeat)]
        finally:
            for desk in desks:
                desk.terminal.shutdown()
    name = f"check {SIGNALS} signals on {ACCOUNTS} accounts in one call"
    figure = paired(name, f"{SIGNALS * ACCOUNTS} single calls", pairs, "ms", 1 / WANTED)
    return [replace(figure, ceiling=True)]


def _timed(
    desks: Sequence[Desk], signals: Sequence[SignalRaised], symbols: Sequence[str]
) -> tuple[float, float]:
    began_s = time.perf_counter()
    together = checked(signals, [desk.books(symbols) for desk in desks])
    between_s = time.perf_counter()
    singly = tuple(
        tuple(checked((each,), (desk.books((each.symbol,)),))[0][0] for desk in desks)
        for each in signals
    )
    ended_s = time.perf_counter()
    if _kinds(together) != _kinds(singly):
        raise RuntimeError("a batch does not say what single calls say")
    return (between_s - began_s) * 1_000, (ended_s - between_s) * 1_000


def _kinds(found: Iterable[Iterable[Verdict]]) -> list[list[bool]]:
    """Who goes. The prices of what goes are those of the moment, and have moved in between."""
    return [[isinstance(each, Sendable) for each in row] for row in found]


def _desk(config: Config, account: str) -> Desk:
    terminal = RemoteTerminal(config.venue, account)
    ready(terminal)
    warm = Warm(terminal, SystemClock(), config.symbols)
    warm.refresh()
    warm.see_one_come()
    return Desk(
        account, terminal, warm, account_of(account), limits_of(account, config.symbols[1:])
    )


def _signals(config: Config, terminal: Terminal) -> Iterable[SignalRaised]:
    """On all symbols in turn; a limit forbids the first, and every tenth is not sure enough."""
    for number in range(SIGNALS):
        symbol = config.symbols[number % len(config.symbols)]
        tick = terminal.symbol_info_tick(symbol)
        if tick is None:
            raise RuntimeError(f"no quote of {symbol}: {terminal.last_error()}")
        side = Side.BUY if number % 2 else Side.SELL
        confidence = 0.4 if number % 10 == 0 else 0.8
        yield signal(number, symbol, tick.ask, side=side, confidence=confidence)
