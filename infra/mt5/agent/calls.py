"""A function of the contract, asked of a `Terminal`, whichever it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from infra.mt5.constants import RES_E_FAIL, RES_S_OK
from infra.mt5.link import CallError
from infra.mt5.terminal import Terminal

Call = Callable[..., Any]

# The port's functions with keywords, as the contract cuts them up; all others have the same names.
_APART: Mapping[str, Callable[[Terminal], Call]] = {
    "order_check": lambda terminal: lambda request: terminal.order_check(request._asdict()),
    "order_send": lambda terminal: lambda request: terminal.order_send(request._asdict()),
    "history_orders_between": lambda terminal: terminal.history_orders_get,
    "history_orders_of_ticket": lambda t: lambda number: t.history_orders_get(ticket=number),
    "history_orders_of_position": lambda t: lambda number: t.history_orders_get(position=number),
    "history_deals_between": lambda terminal: terminal.history_deals_get,
    "history_deals_of_ticket": lambda t: lambda number: t.history_deals_get(ticket=number),
    "history_deals_of_position": lambda t: lambda number: t.history_deals_get(position=number),
}


def called(terminal: Terminal, function: str, *arguments: Any) -> Any:
    """What the terminal answers; a failure value is raised with what the call itself left."""
    apart = _APART.get(function)
    call: Call = apart(terminal) if apart else getattr(terminal, function)
    value = call(*arguments)
    if value is None or value is False:
        raise left_by(terminal)
    return value


def left_by(terminal: Terminal) -> CallError:
    """The cause that the call just made left behind."""
    code, text = terminal.last_error()
    if code == RES_S_OK:
        return CallError(RES_E_FAIL, "the terminal gave nothing and named no cause")
    return CallError(code, text)
