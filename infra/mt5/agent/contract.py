"""What an agent and its callers say to each other: one unary method per function of the port.

Messages are MessagePack arrays, with the arguments and values of `infra.mt5.wire`. A reply names
the call that it answers and carries that call's error; whatever an agent refuses it refuses in a
reply, so that a broken stream always means that nobody knows.
"""

from __future__ import annotations

import secrets
from typing import Any, NamedTuple

import msgspec

from infra.mt5 import constants as mt5
from infra.mt5 import wire

VERSION = 1
SERVICE = f"tapedeck.terminal.v{VERSION}.Terminal"
HELLO, PULSE, AHEAD = "Hello", "Pulse", "Ahead"
FUNCTIONS = tuple(name for name in wire.FUNCTIONS if name not in ("hello", "inject"))
"""Faults are scripted at the venue: nobody needs them behind an agent."""
READS = frozenset(FUNCTIONS) - {
    "login",
    "symbol_select",
    "market_book_add",
    "market_book_release",
    "order_send",
}
"""What may be asked ahead: it changes nothing."""

DEADLINE_MAX_S = 120.0
HANDSHAKE_LIMIT_MS = 3_000

OPTIONS = (
    ("grpc.enable_retries", 0),  # a call is sent once, whatever happens to it
    ("grpc.max_send_message_length", wire.ANSWER_BYTES_MAX),
    ("grpc.max_receive_message_length", wire.ANSWER_BYTES_MAX),
)
SERVED = (
    ("grpc.max_send_message_length", wire.ANSWER_BYTES_MAX),
    ("grpc.max_receive_message_length", wire.REQUEST_BYTES_MAX),
    ("grpc.so_reuseport", 0),
    ("grpc.server_handshake_timeout_ms", HANDSHAKE_LIMIT_MS),
)
"""The agent's side: requests are small, and it reads them before it knows who they are from.

Who has not shown a certificate in time is hung up on: idle strangers would leave no room for ours.
"""


class Identity(NamedTuple):
    """Which terminal it is, and who is logged in there."""

    login: int
    server: str
    path: str


class Hello(msgspec.Struct, frozen=True, array_like=True):
    """A caller's first words: the contract that it speaks and the account that it means."""

    version: int
    login: int


class Greeting(msgspec.Struct, frozen=True, array_like=True):
    """The agent's answer. `epoch` is drawn at its start; it stands in every call and reply."""

    version: int
    login: int
    epoch: str


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """A call. `identity` is what the caller expects of the terminal, given where it matters."""

    epoch: str
    number: int
    arguments: msgspec.Raw
    identity: Identity | None = None


class Answered(msgspec.Struct, frozen=True, array_like=True):
    """The reply to a call. `lost`: the caller must say hello again before anything else.

    `epoch` names the agent that replies, and with it the account.
    """

    number: int
    code: int
    text: str
    value: msgspec.Raw
    lost: bool = False
    epoch: str = ""


class Foreseen(msgspec.Struct, frozen=True, array_like=True):
    """Calls in one go, each with its own number; the replies stand in the same order."""

    epoch: str
    calls: tuple[tuple[int, str, msgspec.Raw], ...]


class Pulse(msgspec.Struct, frozen=True, array_like=True):
    """How an agent is, told without asking its terminal.

    `overdue_s` is how long the call in progress, `function`, has been running past its deadline.
    `spent`: nothing but another process helps. `sent` counts orders, `waited_s` is how long the
    calls of the trade lane have waited for their turn, all together.
    """

    epoch: str
    login: int
    function: str
    overdue_s: float
    waiting: int
    served: int
    identity: Identity | None
    trouble: str
    spent: bool
    sent: int = 0
    waited_s: float = 0.0


NOTHING = msgspec.Raw(msgspec.msgpack.encode(None))


def drawn_epoch(login: int) -> str:
    """A name for one life of an account's agent."""
    return f"{login}-{secrets.token_hex(8)}"


def method(name: str) -> str:
    """The path of a method."""
    return f"/{SERVICE}/{name}"


def done(number: int, value: Any) -> Answered:
    """The reply to a call that succeeded."""
    return Answered(number, mt5.RES_S_OK, "Success", msgspec.Raw(wire.packed(value)))


def failed(number: int, code: int, text: str, *, lost: bool = False) -> Answered:
    """The reply to a call that failed, or was refused."""
    return Answered(number, code, text, NOTHING, lost)
