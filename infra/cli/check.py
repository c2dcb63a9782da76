"""`tapedeck account NAME check FILE`: what would become of signals, and nothing is done about them.

One JSON object a line, with the fields of a signal; those of `/signals` will do as they are.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from commands.accounts import ACCOUNTS
from commands.limits import LIMITS
from events.signals import SignalRaised
from events.values import Side
from infra.config import Config, ConfigError
from infra.mt5.accounts import login_of
from infra.mt5.gateway import tables
from infra.mt5.gateway.checks import Books, checked, in_words, known_of, margin_asked
from infra.mt5.gateway.clock import SystemClock
from infra.mt5.gateway.health import Identity
from infra.mt5.gateway.store import GatewayStore
from infra.mt5.gateway.verdict import Sendable, Verdict
from infra.mt5.gateway.warm import Warm
from infra.mt5.terminal import Terminal
from infra.run.agent import terminal_of
from infra.secrets.provider import SecretsError
from infra.store import postgres
from infra.store.event_store import EventStore

LIFE_US = 60_000_000
"""How long a signal that does not say so may be acted on."""


class Asked(msgspec.Struct, frozen=True):
    """A signal as it is written down. What is left out is taken from now, or is none."""

    symbol: str
    side: Side
    confidence: float
    price_reference: float
    stop_distance: float = 0.0
    take_distance: float = 0.0
    signal_id: str = ""
    raised_at_us: int = 0
    expires_at_us: int = 0


def configure(parser: argparse.ArgumentParser) -> None:
    """Which signals, and whether the broker is asked about each."""
    parser.add_argument("file", help="one signal a line, as JSON; - is standard input")
    parser.add_argument(
        "--margin", action="store_true", help="ask the broker too whether the margin is there"
    )


def main(config: Config, arguments: argparse.Namespace) -> int:
    """Print a verdict for each signal; 1 if one of them does not go."""
    signals = tuple(_read(arguments.file, time.time_ns() // 1_000))
    try:
        terminal = terminal_of(config, arguments.account)
    except SecretsError as wrong:
        raise ConfigError(str(wrong)) from wrong
    try:
        found = _judged(config, arguments.account, terminal, signals)
        if arguments.margin:
            found = [margin_asked(terminal, each) for each in found]
    finally:
        terminal.shutdown()
    for signal, each in zip(signals, found, strict=True):
        print(f"{signal.signal_id} {signal.symbol} {signal.side.value}: {in_words(each)}")
    return 0 if all(isinstance(each, Sendable) for each in found) else 1


def _judged(
    config: Config, account: str, terminal: Terminal, signals: tuple[SignalRaised, ...]
) -> list[Verdict]:
    """All of them in one call, by the account's streams and by one look at its terminal."""
    conninfo = postgres.address(config.postgres, config.namespace)
    postgres.migrate(conninfo, *tables.DDL)
    with EventStore.open(conninfo) as store, postgres.connect(conninfo) as connection:
        state, limits = store.state(ACCOUNTS, account), store.state(LIMITS, account).latest
        entries = GatewayStore(store, connection, account, f"gateway-{account}").unsettled()
    unresolved = [entry.order.event for entry in entries if entry.sent]
    identity = Identity(login_of(account), state.opened.server if state.opened else "")
    terminal.initialize(login=identity.login)
    symbols, clock = tuple(dict.fromkeys(signal.symbol for signal in signals)), SystemClock()
    warm = Warm(terminal, clock, symbols)
    warm.see_one_come()
    known = known_of(terminal, warm, identity, clock, symbols, state, limits, unresolved)
    books = Books(account, state, limits, known)
    return [verdict for (verdict,) in checked(signals, (books,))]


def _read(file: str, now_us: int) -> Iterator[SignalRaised]:
    """The signals of a file; `ConfigError` names the line that is none."""
    try:
        lines = (sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()).splitlines()
    except OSError as wrong:
        raise ConfigError(f"{file} cannot be read: {wrong.strerror}") from wrong
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _signal(file, number, line, now_us)


def _signal(file: str, number: int, line: bytes, now_us: int) -> SignalRaised:
    try:
        asked = msgspec.json.decode(line, type=Asked)
    except msgspec.MsgspecError as wrong:
        raise ConfigError(f"{file}, line {number}: {wrong}") from wrong
    raised_at_us = asked.raised_at_us or now_us
    return SignalRaised(
        signal_id=asked.signal_id or str(number),
        symbol=asked.symbol,
        side=asked.side,
        confidence=asked.confidence,
        horizon_s=0,
        raised_at_us=raised_at_us,
        expires_at_us=asked.expires_at_us or raised_at_us + LIFE_US,
        price_reference=asked.price_reference,
        stop_distance=asked.stop_distance,
        take_distance=asked.take_distance,
        model_digest="",
    )
