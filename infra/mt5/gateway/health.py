"""How far a terminal is from trading: a ladder, of which the first missing rung is named."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from infra.mt5.link import Called
from infra.mt5.terminal import Terminal


class Rung(IntEnum):
    """Where the ladder ends. Everything up to and including the rung holds."""

    DOWN = 0  # no terminal answers
    LINKED = 1  # it answers, and has no broker
    CONNECTED = 2  # it has a broker, and no account
    STRANGER = 3  # it is logged in to an account that is not ours
    AUTHORISED = 4  # our account, and the terminal does not have the broker's symbols yet
    SYNCHRONISED = 5  # it has them, and trading is off
    TRADING = 6


LOOKS: tuple[Called, ...] = (("terminal_info",), ("account_info",), ("symbols_total",))
"""What a look asks, in its order."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the terminal must be logged in as. An empty server is learnt from the first login."""

    login: int
    server: str


@dataclass(frozen=True, slots=True)
class Health:
    """One look at the ladder."""

    rung: Rung
    detail: str

    @property
    def readable(self) -> bool:
        """What the terminal shows is our account, as the broker knows it now."""
        return self.rung >= Rung.SYNCHRONISED


def look(terminal: Terminal, identity: Identity) -> Health:
    """The rung that the terminal stands on now."""
    info = terminal.terminal_info()
    if info is None:
        return Health(Rung.DOWN, f"the terminal does not answer: {terminal.last_error()}")
    if not info.connected:
        return Health(Rung.LINKED, "the terminal is not connected to its broker")
    account = terminal.account_info()
    if account is None:
        return Health(Rung.CONNECTED, f"no account is logged in: {terminal.last_error()}")
    if account.login != identity.login or identity.server not in ("", account.server):
        return Health(
            Rung.STRANGER,
            f"the terminal is logged in to {account.login} at {account.server}, "
            f"not {identity.login} at {identity.server or 'its server'}",
        )
    if not terminal.symbols_total():
        return Health(Rung.AUTHORISED, "the terminal has not synchronised with its broker yet")
    if not (info.trade_allowed and account.trade_allowed and account.trade_expert):
        return Health(
            Rung.SYNCHRONISED, "trading is switched off in the terminal or for the account"
        )
    return Health(Rung.TRADING, "")
