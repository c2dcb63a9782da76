"""A terminal of the venue, over TCP; where the link breaks, it fails as the package does."""

import socket
from time import monotonic
from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5 import wire
from infra.mt5.accounts import login_of
from infra.mt5.link import CallError, LinkLostError
from infra.mt5.package import Package
from infra.mt5.simulator.faults import FaultRule

DEADLINE_S = 5.0


class RemoteTerminal(Package):
    """The venue's terminal that remembers an account. `initialize()` connects and logs in.

    A call that is not answered before the deadline breaks the link, as does any failure on it:
    whatever was sent may have been executed, and nothing gets through until `initialize()`.
    """

    def __init__(self, address: str, account: str, deadline_s: float = DEADLINE_S) -> None:
        self._venue = _TcpLink(address, login_of(account), deadline_s)
        super().__init__(self._venue)

    def inject(self, *rules: FaultRule) -> None:
        """Have the venue spoil the account's next trade requests; without rules, stop spoiling."""
        self._venue.call("inject", rules)


class _TcpLink:
    """One connection, one request at a time."""

    def __init__(self, address: str, login: int, deadline_s: float) -> None:
        host, _, port = address.rpartition(":")
        self._address = (host, int(port))
        self._login = login
        self._deadline_s = deadline_s
        self._connection: socket.socket | None = None
        self._number = 0

    def open(self, timeout_ms: int) -> None:
        """Connect and say which account the terminal is of."""
        limit_s = min(self._deadline_s, timeout_ms / 1000) or self._deadline_s
        try:
            self._connection = socket.create_connection(self._address, limit_s)
        except OSError as error:
            raise CallError(
                mt5.RES_E_INTERNAL_FAIL_INIT, f"IPC initialize failed: {error}"
            ) from error
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.call("hello", wire.PROTOCOL, self._login)

    def call(self, function: str, *arguments: Any) -> Any:
        """Ask, and wait for the answer until the deadline."""
        if self._connection is None:
            raise CallError(mt5.RES_E_INTERNAL_FAIL_CONNECT, "No IPC connection")
        self._number += 1
        until = monotonic() + self._deadline_s
        self._send(self._connection, wire.asked(self._number, function, arguments), until)
        number, code, text, packed = self._receive(self._connection, until)
        if number == self._number and code != mt5.RES_S_OK:
            raise CallError(code, text)
        try:
            if number != self._number:
                raise wire.FrameError(f"answer {number} to request {self._number}")
            return wire.value_of(function, packed)
        except wire.FrameError as error:
            self.close()
            raise LinkLostError(mt5.RES_E_INTERNAL_FAIL, f"Internal fail: {error}") from error

    def close(self) -> None:
        """Give the connection up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _send(self, connection: socket.socket, frame: bytes, until: float) -> None:
        try:
            connection.settimeout(max(until - monotonic(), 0.001))
            connection.sendall(frame)
        except OSError as error:
            self.close()
            raise LinkLostError(
                mt5.RES_E_INTERNAL_FAIL_SEND, f"IPC send failed: {error}"
            ) from error

    def _receive(self, connection: socket.socket, until: float) -> wire.Answered:
        try:
            body = wire.receive(connection, wire.ANSWER_BYTES_MAX, until)
            if body is None:
                raise wire.FrameError("the venue closed the connection")
            return wire.read_answered(body)
        except OSError as error:
            self.close()
            raise LinkLostError(
                mt5.RES_E_INTERNAL_FAIL_RECEIVE, f"IPC recv failed: {error}"
            ) from error
