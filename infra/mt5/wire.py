"""Frames between the venue and its terminals: a length, then MessagePack.

A request is `[id, function, arguments]`, an answer `[id, code, text, value]`; arrays travel as
their bytes. Both sides bound what they read. The first request of a connection is `hello`.
"""

import socket
import struct
from time import monotonic
from typing import Annotated, Any

import msgspec
import numpy as np

from infra.mt5.simulator.faults import FaultRule
from infra.mt5.tuples import (
    RATE_DTYPE,
    TICK_DTYPE,
    AccountInfo,
    BookInfo,
    OrderCheckResult,
    OrderSendResult,
    SymbolInfo,
    TerminalInfo,
    Tick,
    TradeDeal,
    TradeOrder,
    TradePosition,
    TradeRequest,
)

PROTOCOL = 1
REQUEST_BYTES_MAX = 64 * 1024
ANSWER_BYTES_MAX = 80 * 1024 * 1024
_LENGTH = struct.Struct(">I")

Asked = tuple[int, str, tuple[Any, ...]]
Answered = tuple[int, int, str, msgspec.Raw]

_Seconds = Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]
_Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)]
_Ticket = Annotated[int, msgspec.Meta(ge=0)]
_Flags = Annotated[int, msgspec.Meta(ge=-(1 << 31), lt=1 << 31)]
_Rows = bytes

# What each function takes and returns.
FUNCTIONS: dict[str, tuple[Any, Any]] = {
    "hello": (tuple[int, _Ticket], bool),
    "inject": (tuple[tuple[FaultRule, ...]], bool),
    "login": (tuple[_Ticket, str, str], bool),
    "version": (tuple[()], tuple[int, int, str]),
    "terminal_info": (tuple[()], TerminalInfo),
    "account_info": (tuple[()], AccountInfo),
    "symbols_total": (tuple[()], int),
    "symbols_get": (tuple[()], tuple[SymbolInfo, ...]),
    "symbol_info": (tuple[str], SymbolInfo),
    "symbol_info_tick": (tuple[str], Tick),
    "symbol_select": (tuple[str, bool], bool),
    "market_book_add": (tuple[str], bool),
    "market_book_get": (tuple[str], tuple[BookInfo, ...]),
    "market_book_release": (tuple[str], bool),
    "copy_ticks_from": (tuple[str, _Seconds, _Count, _Flags], _Rows),
    "copy_ticks_range": (tuple[str, _Seconds, _Seconds, _Flags], _Rows),
    "copy_rates_from": (tuple[str, _Count, _Seconds, _Count], _Rows),
    "copy_rates_from_pos": (tuple[str, _Count, _Count, _Count], _Rows),
    "copy_rates_range": (tuple[str, _Count, _Seconds, _Seconds], _Rows),
    "order_calc_margin": (tuple[_Count, str, float, float], float),
    "order_calc_profit": (tuple[_Count, str, float, float, float], float),
    "order_check": (tuple[TradeRequest], OrderCheckResult),
    "order_send": (tuple[TradeRequest], OrderSendResult),
    "orders_get": (tuple[()], tuple[TradeOrder, ...]),
    "positions_get": (tuple[()], tuple[TradePosition, ...]),
    "history_orders_between": (tuple[_Seconds, _Seconds], tuple[TradeOrder, ...]),
    "history_orders_of_ticket": (tuple[_Ticket], tuple[TradeOrder, ...]),
    "history_orders_of_position": (tuple[_Ticket], tuple[TradeOrder, ...]),
    "history_deals_between": (tuple[_Seconds, _Seconds], tuple[TradeDeal, ...]),
    "history_deals_of_ticket": (tuple[_Ticket], tuple[TradeDeal, ...]),
    "history_deals_of_position": (tuple[_Ticket], tuple[TradeDeal, ...]),
}
_ARGUMENTS = {name: msgspec.msgpack.Decoder(kinds[0]) for name, kinds in FUNCTIONS.items()}
_VALUES = {name: msgspec.msgpack.Decoder(kinds[1]) for name, kinds in FUNCTIONS.items()}
_ASKED: msgspec.msgpack.Decoder[tuple[int, str, msgspec.Raw]] = msgspec.msgpack.Decoder(
    tuple[int, str, msgspec.Raw]
)
_ANSWERED: msgspec.msgpack.Decoder[Answered] = msgspec.msgpack.Decoder(Answered)


class FrameError(ConnectionError):
    """The other side sent what is no frame, or none within the deadline, or went away."""


def asked(number: int, function: str, arguments: tuple[Any, ...]) -> bytes:
    """A request, ready to send."""
    return _framed(msgspec.msgpack.encode((number, function, arguments)))


def answered(number: int, code: int, text: str, value: Any) -> bytes:
    """An answer, ready to send."""
    return _framed(packed((number, code, text, value)))


def packed(value: Any) -> bytes:
    """A value as it travels."""
    return msgspec.msgpack.encode(value, enc_hook=_array_bytes)


def read_asked(body: bytes) -> Asked:
    """A request as it arrived, its arguments checked to be of the function's kinds."""
    try:
        number, function, given = _ASKED.decode(body)
    except msgspec.MsgspecError as error:
        raise FrameError(f"not a request: {error}") from error
    return number, function, arguments_of(function, given)


def arguments_of(function: str, given: msgspec.Raw) -> tuple[Any, ...]:
    """The arguments of a request, checked to be of the function's kinds."""
    if function not in _ARGUMENTS:
        raise FrameError(f"there is no function {function[:40]!r}")
    try:
        arguments: tuple[Any, ...] = _ARGUMENTS[function].decode(given)
    except msgspec.MsgspecError as error:
        raise FrameError(f"not a request: {error}") from error
    return arguments


def read_answered(body: bytes) -> Answered:
    """An answer as it arrived, its value still packed."""
    try:
        return _ANSWERED.decode(body)
    except msgspec.MsgspecError as error:
        raise FrameError(f"not an answer: {error}") from error


def value_of(function: str, answer: msgspec.Raw) -> Any:
    """The value of an answer, of the kind that the function returns."""
    try:
        value = _VALUES[function].decode(answer)
        if function.startswith("copy_ticks"):
            return np.frombuffer(value, TICK_DTYPE).copy()
        if function.startswith("copy_rates"):
            return np.frombuffer(value, RATE_DTYPE).copy()
    except (msgspec.MsgspecError, ValueError) as error:
        raise FrameError(f"not an answer to {function}: {error}") from error
    return value


def receive(connection: socket.socket, bytes_max: int, until: float | None = None) -> bytes | None:
    """The next frame's body, `None` where the other side closed between frames."""
    head = _exactly(connection, _LENGTH.size, until, may_end=True)
    if head is None:
        return None
    (size,) = _LENGTH.unpack(head)
    if size > bytes_max:
        raise FrameError(f"a frame of {size} bytes; at most {bytes_max} are taken")
    return _exactly(connection, size, until, may_end=False)


def _exactly(
    connection: socket.socket, size: int, until: float | None, may_end: bool
) -> bytes | None:
    data = bytearray()
    while len(data) < size:
        connection.settimeout(None if until is None else _left(until))
        part = connection.recv(min(size - len(data), 1 << 20))
        if not part:
            if may_end and not data:
                return None
            raise FrameError("the connection ended inside a frame")
        data += part
    return bytes(data)


def _left(until: float) -> float:
    left = until - monotonic()
    if left <= 0.0:
        raise FrameError("the deadline passed")
    return left


def _framed(body: bytes) -> bytes:
    return _LENGTH.pack(len(body)) + body


def _array_bytes(value: object) -> bytes:
    if isinstance(value, np.ndarray):
        return value.tobytes()
    raise NotImplementedError(f"{type(value).__name__} does not travel")
