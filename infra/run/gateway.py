"""The role `gateway ACCOUNT`: one process, one account, one terminal.

Whoever holds the account's lock is its gateway; a second one waits. Any trouble ends the session,
and the next one starts as the first did: by settling what is open.
"""

from __future__ import annotations

import logging
import threading
import time

from infra import collector
from infra.config import Config
from infra.mt5.accounts import login_of
from infra.mt5.gateway import tables
from infra.mt5.gateway.clock import Clock, SystemClock
from infra.mt5.gateway.connect import refusal_in, refusal_of
from infra.mt5.gateway.gateway import Gateway
from infra.mt5.gateway.health import Identity, look
from infra.mt5.gateway.ledger import Account, Ledger
from infra.mt5.gateway.store import GatewayStore
from infra.mt5.terminal import Terminal
from infra.observe import telemetry
from infra.observe.traces import traces
from infra.run.agent import terminal_of
from infra.run.loop import PASSING, loop
from infra.run.patience import patiently
from infra.store import postgres
from infra.store.event_store import EventStore
from infra.store.postgres import Connection
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds

TOPICS = ("order-events", "account-events", "limit-events")
LOCK_EVERY_S = 0.2
PROVE_EVERY_S = 1.0

log = logging.getLogger(__name__)


def run(config: Config, stop: threading.Event, account: str) -> None:
    """Execute the account's orders until told to stop."""
    collector.relax()
    terminal = terminal_of(config, account)
    spans = traces(config, _consumer(account))
    ids = SchemaIds(config)
    conninfo = postgres.address(config.postgres, config.namespace)

    def life() -> None:
        postgres.migrate(conninfo, *tables.DDL)
        with EventStore.open(conninfo) as store, postgres.connect(conninfo) as connection:
            if _locked(connection, conninfo, account, stop):
                ledger = GatewayStore(store, connection, account, _consumer(account), spans)
                _session(config, ids, stop, account, terminal, ledger, connection)

    patiently(_consumer(account), life, stop, PASSING)
    terminal.shutdown()


def _consumer(account: str) -> str:
    return f"gateway-{account}"


def _locked(connection: Connection, conninfo: str, account: str, stop: threading.Event) -> bool:
    """Hold the account's lock for as long as the connection lives; False: told to stop first."""
    while not postgres.try_lock(connection, conninfo, f"gateway/{account}"):
        if stop.wait(LOCK_EVERY_S):
            return False
    return not stop.is_set()


def _session(
    config: Config,
    ids: SchemaIds,
    stop: threading.Event,
    account: str,
    terminal: Terminal,
    ledger: Ledger,
    lock: Connection,
) -> None:
    clock = SystemClock()
    known = ledger.known(clock.now_us()) or _opened(
        terminal, ledger, login_of(account), clock, stop
    )
    if known is None:
        return
    gateway = Gateway(terminal, ledger, account, known, clock, config.symbols)
    due_s = time.monotonic()

    def beat() -> None:
        nonlocal due_s
        gateway.beat()
        if time.monotonic() >= due_s:
            due_s = time.monotonic() + PROVE_EVERY_S
            lock.execute("select 1")  # raises if the lock went with its connection
            away = telemetry.AWAY.labels(_consumer(account), "terminal")
            away.set(0 if gateway.health.readable else 1)

    loop(
        config,
        ids,
        _consumer(account),
        TOPICS,
        gateway.handle,
        stop,
        between=beat,
        concerns=gateway.concerns,
        held=gateway.held,
    )


def _opened(
    terminal: Terminal, ledger: Ledger, login: int, clock: Clock, stop: threading.Event
) -> Account | None:
    """The account, opened under the name that its terminal gives; waits until there is one.

    A refused login is not repeated until somebody has resumed the account.
    """
    waits = kafka.backoff_s()
    while not stop.is_set():
        if refusal := refusal_in(ledger.halted_for()):
            log.critical("account %d cannot be opened: %s", login, refusal)
        elif (opened := _attempted(terminal, ledger, login, clock)) is not None:
            return opened
        stop.wait(next(waits))
    return None


def _attempted(terminal: Terminal, ledger: Ledger, login: int, clock: Clock) -> Account | None:
    """The account, if the terminal shows it; a refused login halts it."""
    if terminal.initialize(login=login):
        health = look(terminal, Identity(login, ""))
        info = terminal.account_info()
        if health.readable and info is not None:
            return ledger.open(Identity(login, info.server), info.currency, clock.now_us())
    code, text = terminal.last_error()
    log.warning("account %d cannot be opened yet: %s %s", login, code, text)
    if refusal := refusal_of(code, text):
        ledger.halt(refusal, clock.now_us())
    return None
