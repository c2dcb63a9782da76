"""A terminal of the venue, over TCP; where the link breaks, it fails as the package does."""

import socket
from collections import deque
from contextlib import suppress
from time import monotonic
from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5 import wire
from infra.mt5.accounts import login_of
from infra.mt5.link import Called, CallError, LinkLostError
from infra.mt5.package import Package
from infra.mt5.simulator.faults import FaultRule

DEADLINE_S = 5.0
AHEAD_S = 0.1
"""How old an answer may be that was asked for ahead; an older one is asked for anew."""


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
        self._ahead: deque[wire.Asked] = deque()
        self._ahead_until_s = 0.0
        self._unwanted: set[int] = set()

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

    def ahead(self, *calls: Called) -> None:
        """Ask all of this at once; the calls themselves then find their answers on their way.

        A link that breaks here is for the next call to notice.
        """
        self._forgo()
        if self._connection is None:
            return
        for function, *arguments in calls:
            self._number += 1
            self._ahead.append((self._number, function, tuple(arguments)))
        self._ahead_until_s = monotonic() + AHEAD_S
        frames = b"".join(wire.asked(*asked) for asked in self._ahead)
        with suppress(LinkLostError):
            self._send(self._connection, frames, monotonic() + self._deadline_s)

    def call(self, function: str, *arguments: Any) -> Any:
        """Ask, unless that was done ahead, and wait for the answer until the deadline."""
        if self._connection is None:
            raise CallError(mt5.RES_E_INTERNAL_FAIL_CONNECT, "No IPC connection")
        until = monotonic() + self._deadline_s
        wanted = self._requested(self._connection, function, arguments, until)
        number, code, text, packed = self._answer(self._connection, until)
        if number == wanted and code != mt5.RES_S_OK:
            raise CallError(code, text)
        try:
            if number != wanted:
                raise wire.FrameError(f"answer {number} to request {wanted}")
            return wire.value_of(function, packed)
        except wire.FrameError as error:
            self.close()
            raise LinkLostError(mt5.RES_E_INTERNAL_FAIL, f"Internal fail: {error}") from error

    def life(self) -> str:
        """There is no agent before it."""
        return ""

    def close(self) -> None:
        """Give the connection up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._ahead.clear()
        self._unwanted.clear()

    def _requested(
        self, connection: socket.socket, function: str, arguments: tuple[Any, ...], until: float
    ) -> int:
        """The number of the request, which has been sent."""
        foreseen = self._ahead[0][1:] == (function, arguments) if self._ahead else False
        if foreseen and monotonic() <= self._ahead_until_s:
            return self._ahead.popleft()[0]
        self._forgo()
        self._number += 1
        self._send(connection, wire.asked(self._number, function, arguments), until)
        return self._number

    def _forgo(self) -> None:
        """What was asked ahead and not called for will be answered all the same."""
        self._unwanted.update(number for number, *_ in self._ahead)
        self._ahead.clear()

    def _answer(self, connection: socket.socket, until: float) -> wire.Answered:
        """The next answer that is wanted."""
        while (answered := self._receive(connection, until))[0] in self._unwanted:
            self._unwanted.discard(answered[0])
        return answered

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
