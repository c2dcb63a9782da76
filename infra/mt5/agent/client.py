"""A terminal behind an agent; where the link breaks, it fails as the package does."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import count
from time import monotonic
from typing import Any

import msgspec

from infra.mt5 import constants as mt5
from infra.mt5 import wire
from infra.mt5.agent import contract
from infra.mt5.agent.contract import Answered, Asked, Foreseen, Greeting, Hello, Identity, Pulse
from infra.mt5.agent.keys import Keys
from infra.mt5.agent.tls import channel, grpc
from infra.mt5.link import Called, CallError, LinkLostError
from infra.mt5.package import Package
from infra.mt5.remote import AHEAD_S, DEADLINE_S

AT_HELLO = {
    grpc.StatusCode.FAILED_PRECONDITION: mt5.RES_E_INVALID_VERSION,
    grpc.StatusCode.UNIMPLEMENTED: mt5.RES_E_INVALID_VERSION,
    grpc.StatusCode.PERMISSION_DENIED: mt5.RES_E_AUTH_FAILED,
}
LIFE_EVERY_S, LIFE_LIMIT_S = 1.0, 0.5
_GREETING = msgspec.msgpack.Decoder(Greeting)
_ANSWERED = msgspec.msgpack.Decoder(Answered)
_ALL_ANSWERED = msgspec.msgpack.Decoder(tuple[Answered, ...])
_IDENTITY = msgspec.msgpack.Decoder(Identity)
_PULSE = msgspec.msgpack.Decoder(Pulse)

Foresaid = tuple[int, str, tuple[Any, ...]]


class AgentTerminal(Package):
    """The terminal that the agent of an account owns. `initialize()` connects and logs in.

    A call that is not answered before the deadline breaks the link, as does any failure on it:
    whatever was sent may have been executed, and nothing gets through until `initialize()`.
    `address` is asked for at each connecting: an agent that was replaced may have another.
    """

    def __init__(
        self, address: Callable[[], str], login: int, keys: Keys, deadline_s: float = DEADLINE_S
    ) -> None:
        self._agent = AgentLink(address, login, keys, deadline_s)
        super().__init__(self._agent)

    @property
    def epoch(self) -> str:
        """The life of the agent that was greeted last."""
        return self._agent.epoch


class AgentPulse:
    """How an agent is, as its keeper asks: the terminal itself is never asked."""

    def __init__(self, address: str, login: int, keys: Keys) -> None:
        self._channel = channel(address, login, keys, contract.OPTIONS)
        self._ask = self._channel.unary_unary(contract.method(contract.PULSE))

    def take(self, limit_s: float) -> Pulse | None:
        """The pulse, or nothing if the agent does not give it in time."""
        try:
            return _PULSE.decode(self._ask(b"", timeout=limit_s))
        except (grpc.RpcError, msgspec.MsgspecError):
            return None

    def close(self) -> None:
        """Ask no more."""
        self._channel.close()


class _Return:
    """Which life of an agent is well, asked so rarely and briefly that a caller can wait for it.

    Each time on a channel of its own: one that has failed for long tries again late.
    """

    def __init__(self, address: Callable[[], str], login: int, keys: Keys) -> None:
        self._address, self._login, self._keys = address, login, keys
        self._next_s = 0.0
        self._seen = ""

    def life(self) -> str:
        """Its epoch, a second old at most; nothing while it is silent or hangs."""
        if monotonic() >= self._next_s:
            asked = AgentPulse(self._address(), self._login, self._keys)
            pulse = asked.take(LIFE_LIMIT_S)
            asked.close()
            self._seen = pulse.epoch if pulse is not None and pulse.overdue_s <= 0 else ""
            self._next_s = monotonic() + LIFE_EVERY_S
        return self._seen


class AgentLink:
    """One channel. What is sent on it is bound to the agent that was greeted, and to no other."""

    def __init__(
        self, address: Callable[[], str], login: int, keys: Keys, deadline_s: float
    ) -> None:
        self._address = address
        self._login = login
        self._keys = keys
        self._deadline_s = self._login_s = deadline_s
        self._channel: grpc.Channel | None = None
        self._methods: dict[str, Any] = {}
        self.epoch = ""
        self._identity: Identity | None = None
        self._numbers = count(1)
        self._ahead: deque[Foresaid] = deque()
        self._ahead_until_s = 0.0
        self._replies: _Replies | None = None
        self._return = _Return(address, login, keys)

    def life(self) -> str:
        """The agent's epoch, if it is well."""
        return self._return.life()

    def open(self, timeout_ms: int) -> None:
        """Connect and agree on contract and account. Only the login waits for the terminal."""
        self._login_s = min(contract.DEADLINE_MAX_S, max(self._deadline_s, timeout_ms / 1000))
        limit_s = min(self._deadline_s, timeout_ms / 1000) or self._deadline_s
        self._channel = channel(self._address(), self._login, self._keys, contract.OPTIONS)
        hello = msgspec.msgpack.encode(Hello(contract.VERSION, self._login))
        try:
            greeting = _GREETING.decode(self._method(contract.HELLO)(hello, timeout=limit_s))
        except grpc.RpcError as error:
            self.close()
            code = AT_HELLO.get(error.code(), mt5.RES_E_INTERNAL_FAIL_INIT)
            raise CallError(code, f"IPC initialize failed: {error.details()}") from error
        except msgspec.MsgspecError as error:
            self.close()
            raise CallError(mt5.RES_E_INVALID_VERSION, f"not a greeting: {error}") from error
        self.epoch = greeting.epoch

    def ahead(self, *calls: Called) -> None:
        """Ask these reads in one go; the calls themselves then find their answers on their way."""
        self._forgo()
        reads = all(function in contract.READS for function, *_ in calls)
        if self._channel is None or not calls or not reads:
            return
        for function, *arguments in calls:
            self._ahead.append((next(self._numbers), function, tuple(arguments)))
        packed = tuple((n, f, msgspec.Raw(wire.packed(given))) for n, f, given in self._ahead)
        request = msgspec.msgpack.encode(Foreseen(self.epoch, packed))
        sent = self._method(contract.AHEAD).future(request, timeout=self._deadline_s)
        self._replies = _Replies(sent)
        self._ahead_until_s = monotonic() + AHEAD_S

    def call(self, function: str, *arguments: Any) -> Any:
        """Ask, unless that was done ahead, and wait for the answer until the deadline."""
        if self._channel is None:
            raise CallError(mt5.RES_E_INTERNAL_FAIL_CONNECT, "No IPC connection")
        try:
            number, answered = self._foreseen(function, arguments) or self._asked(
                function, arguments
            )
            ours = answered.lost or answered.epoch == self.epoch  # lost: a successor refuses
            if answered.number != number or not ours:
                theirs = f"answer {answered.number} of {answered.epoch or 'nobody'}"
                raise wire.FrameError(f"{theirs} to request {number} to {self.epoch}")
            return self._value(function, answered)
        except grpc.RpcError as error:
            text = f"IPC recv failed: {error.code().name}: {error.details()}"
            raise self._broken(mt5.RES_E_INTERNAL_FAIL_RECEIVE, text) from error
        except (wire.FrameError, msgspec.MsgspecError) as error:
            raise self._broken(mt5.RES_E_INTERNAL_FAIL, f"Internal fail: {error}") from error

    def close(self) -> None:
        """Give the channel up."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        self._methods.clear()
        self._forgo()

    def _foreseen(self, function: str, arguments: tuple[Any, ...]) -> tuple[int, Answered] | None:
        """The answer to a call that was asked ahead, if this is the next of them."""
        wanted = self._ahead[0][1:] == (function, arguments) if self._ahead else False
        if not wanted or self._replies is None or monotonic() > self._ahead_until_s:
            self._forgo()
            return None
        return self._ahead.popleft()[0], self._replies.next()

    def _asked(self, function: str, arguments: tuple[Any, ...]) -> tuple[int, Answered]:
        number = next(self._numbers)
        expected = self._identity if function == "order_send" else None
        asked = Asked(self.epoch, number, msgspec.Raw(wire.packed(arguments)), expected)
        limit_s = self._login_s if function == "login" else self._deadline_s
        packed = self._method(function)(msgspec.msgpack.encode(asked), timeout=limit_s)
        return number, _ANSWERED.decode(packed)

    def _value(self, function: str, answered: Answered) -> Any:
        if answered.lost:
            raise self._broken(answered.code, answered.text)
        if answered.code != mt5.RES_S_OK:
            raise CallError(answered.code, answered.text)
        if function == "login":
            return self._identified(_IDENTITY.decode(answered.value))
        return wire.value_of(function, answered.value)

    def _identified(self, seen: Identity) -> bool:
        """The first login says which terminal it is; it must be the same ever after."""
        if seen.login != self._login or self._identity not in (None, seen):
            raise CallError(
                mt5.RES_E_AUTH_FAILED,
                f"Terminal: Authorization failed: the agent's terminal is {tuple(seen)}, "
                f"not {tuple(self._identity) if self._identity else self._login}",
            )
        self._identity = seen
        return True

    def _method(self, name: str) -> Any:
        if name not in self._methods and self._channel is not None:
            self._methods[name] = self._channel.unary_unary(contract.method(name))
        return self._methods[name]

    def _forgo(self) -> None:
        self._ahead.clear()
        self._replies = None

    def _broken(self, code: int, text: str) -> LinkLostError:
        self.close()
        return LinkLostError(code, text)


class _Replies:
    """The replies to calls asked in one go, read when the first of them is wanted."""

    def __init__(self, sent: Any) -> None:
        self._sent = sent
        self._replies: deque[Answered] | None = None

    def next(self) -> Answered:
        """The next reply, waited for if need be."""
        if self._replies is None:
            self._replies = deque(_ALL_ANSWERED.decode(self._sent.result()))
        if not self._replies:
            raise wire.FrameError("fewer answers than requests")
        return self._replies.popleft()
