"""The venue as a process: killed, lied to, kept waiting."""

from __future__ import annotations

import errno
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import msgspec
import pytest

from infra.mt5 import constants as mt5
from infra.mt5 import wire
from infra.mt5.accounts import login_of
from infra.mt5.remote import RemoteTerminal
from infra.mt5.simulator.broker import Broker
from infra.mt5.simulator.clock import RealClock, VirtualClock
from infra.mt5.simulator.faults import FaultRule
from infra.mt5.simulator.settings import BrokerSettings, symbols_named
from infra.mt5.tuples import TradeDeal
from infra.mt5.venue import VenueServer
from tests.infra.mt5 import worlds
from tests.infra.mt5.worlds import EVER, LOGIN, START_MS

ROLE = """
import os, threading
from infra.config import Config
from infra.run import venue
venue.run(Config.load(os.environ), threading.Event())
"""
START_LIMIT_S = 30.0


@pytest.fixture
def server() -> Iterator[VenueServer]:
    broker = Broker(worlds.settings(), VirtualClock(START_MS))
    made = VenueServer(broker, "127.0.0.1", 0)
    yield made
    made.close()
    assert made.failure is None


class Role:
    """The role in a process of its own, on a port of its own."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("TAPEDECK_")},
            "TAPEDECK_HOME": str(home),
            "TAPEDECK_PORT_VENUE": str(self.port),
            "TAPEDECK_ACCOUNTS": str(LOGIN),
        }
        self.process = self._started()
        self._made: list[RemoteTerminal] = []

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", ROLE], env=self.environment)

    def terminal(self) -> RemoteTerminal:
        """A terminal that is logged in, once the venue listens."""
        terminal = RemoteTerminal(f"127.0.0.1:{self.port}", str(LOGIN))
        self._made.append(terminal)
        until = time.monotonic() + START_LIMIT_S
        while not terminal.initialize():
            assert self.process.poll() is None
            assert time.monotonic() < until, terminal.last_error()
            time.sleep(0.05)
        return terminal

    def kill(self) -> None:
        """End it without a word."""
        for terminal in self._made:
            terminal.shutdown()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def restart(self) -> None:
        """Kill and start again on what is left."""
        self.kill()
        self.process = self._started()


def test_a_killed_venue_still_has_every_answered_order(tmp_path: Path) -> None:
    role = Role(tmp_path)
    try:
        answered: dict[int, int] = {}
        seen: tuple[TradeDeal, ...] = ()
        for _round in range(2):
            terminal = role.terminal()
            for _ in range(10):
                result = worlds.send(terminal, worlds.deal(terminal, deviation=500))
                assert result.retcode == mt5.TRADE_RETCODE_DONE
                answered[result.order] = result.deal
            seen = terminal.history_deals_get(*EVER) or ()
            role.restart()
            again = role.terminal().history_deals_get(*EVER) or ()
            assert again[: len(seen)] == seen
        positions = role.terminal().positions_get() or ()
        assert {position.ticket for position in positions} == set(answered)
        assert {deal.ticket for deal in seen} >= set(answered.values())
    finally:
        role.kill()


def test_answers_later_than_the_deadline_break_the_link(tmp_path: Path) -> None:
    broker = Broker(worlds.settings(), RealClock(), tmp_path)
    server = VenueServer(broker, "127.0.0.1", 0)
    terminal = RemoteTerminal(server.address, str(LOGIN), deadline_s=0.4)
    try:
        assert terminal.initialize()
        terminal.inject(FaultRule(kind="delay", delay_ms=1200))
        assert terminal.order_send(worlds.deal(terminal, deviation=500)) is None
        assert terminal.last_error()[0] == mt5.RES_E_INTERNAL_FAIL_RECEIVE
        assert terminal.account_info() is None
        assert terminal.last_error()[0] == mt5.RES_E_INTERNAL_FAIL_CONNECT
        until = time.monotonic() + START_LIMIT_S
        while terminal.positions_total() != 1:
            assert time.monotonic() < until, "the late order was never executed"
            terminal.initialize()
    finally:
        terminal.shutdown()
        server.close()
        broker.close()


def test_without_a_venue_a_link_cannot_be_made() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        terminal = RemoteTerminal(f"127.0.0.1:{probe.getsockname()[1]}", str(LOGIN))
        assert terminal.initialize() is False
    assert terminal.last_error()[0] == mt5.RES_E_INTERNAL_FAIL_INIT


HELLO = wire.asked(1, "hello", (wire.PROTOCOL, LOGIN))


@pytest.mark.parametrize(
    ("greeting", "nonsense"),
    [
        (b"", b"GET / HTTP/1.1\r\n\r\n"),
        (b"", struct.pack(">I", 1 << 31)),
        (b"", struct.pack(">I", 3) + b"\xc1\xc1\xc1"),
        (b"", wire.asked(1, "account_info", ())),
        (b"", wire.asked(1, "hello", (wire.PROTOCOL + 1, LOGIN))),
        (HELLO, wire.asked(2, "no_such_function", ())),
        (HELLO, wire.asked(2, "symbol_info", (5,))),
        (HELLO, wire.asked(2, "copy_ticks_from", ("EURUSD", -1, 1, -1))),
        (HELLO, wire.asked(2, "order_send", ([1, 2, 3],))),
        (HELLO, struct.pack(">I", 100) + b"half"),
    ],
)
def test_nonsense_ends_its_own_connection_only(
    server: VenueServer, greeting: bytes, nonsense: bytes
) -> None:
    terminal = RemoteTerminal(server.address, str(LOGIN))
    assert terminal.initialize()
    port = int(server.address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), 5) as liar:
        liar.sendall(greeting)
        if greeting:
            assert wire.receive(liar, 100) is not None
        liar.sendall(nonsense)
        assert said_before_the_end(liar) == b""
    assert terminal.account_info() is not None
    terminal.shutdown()


def said_before_the_end(connection: socket.socket) -> bytes:
    """What arrives until the other side closes, politely or not."""
    connection.settimeout(START_LIMIT_S)
    try:
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(4096), b""))
    except OSError as error:
        if error.errno not in (errno.ENOTCONN, errno.ECONNRESET):
            raise
        return b""


def test_a_venue_that_answers_nonsense_breaks_the_link() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        terminal = RemoteTerminal(f"127.0.0.1:{listener.getsockname()[1]}", str(LOGIN))
        body = msgspec.msgpack.encode((7, 1, "Success", True))

        def lie() -> None:
            connection, _ = listener.accept()
            with connection:
                wire.receive(connection, wire.REQUEST_BYTES_MAX)
                connection.sendall(struct.pack(">I", len(body)) + body)

        liar = Thread(target=lie)
        liar.start()
        assert terminal.initialize() is False
        assert terminal.last_error()[0] == mt5.RES_E_INTERNAL_FAIL
        liar.join()


def test_a_book_that_cannot_be_written_ends_the_venue(tmp_path: Path) -> None:
    broker = Broker(worlds.settings(), VirtualClock(START_MS), tmp_path)
    server = VenueServer(broker, "127.0.0.1", 0)
    terminal = RemoteTerminal(server.address, str(LOGIN))
    assert terminal.initialize()
    request = worlds.deal(terminal)
    broker.close()  # the file is gone from under the venue
    assert terminal.order_send(request) is None
    server.close()
    assert "the venue must stop" in str(server.failure)


def test_accounts_have_logins_of_their_own() -> None:
    assert login_of("90001") == 90001
    names = ("alpha", "beta", "gamma")
    assert len({login_of(name) for name in names}) == 3
    assert login_of("alpha") == login_of("alpha")
    with pytest.raises(ValueError, match="give each account its own"):
        BrokerSettings(logins=(1, 1))
    with pytest.raises(ValueError, match="BTCUSD is not quoted"):
        symbols_named(("EURUSD", "BTCUSD"))
