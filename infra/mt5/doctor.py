"""Why a terminal does not trade: the rungs that hold, the first that is missing, its cure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from infra.mt5 import constants as mt5
from infra.mt5.gateway.health import Health, Identity, Rung, look
from infra.mt5.terminal import Terminal

LADDER: Mapping[Rung, str] = {
    Rung.LINKED: "a terminal answers",
    Rung.CONNECTED: "it is connected to its broker",
    Rung.STRANGER: "an account is logged in",
    Rung.AUTHORISED: "it is the right account",
    Rung.SYNCHRONISED: "the broker's symbols are there",
    Rung.TRADING: "trading is allowed",
}
REACHED: Mapping[int, Rung] = {
    mt5.RES_E_AUTH_FAILED: Rung.CONNECTED,
    mt5.RES_E_UNSUPPORTED: Rung.CONNECTED,
    mt5.RES_E_INTERNAL_FAIL_TIMEOUT: Rung.LINKED,
}
"""How far a terminal must have come to fail with a code; with any other it may not be there."""
ADVICE: Mapping[Rung, str] = {
    Rung.DOWN: "see that terminal and agent run and do not hang: `tapedeck status`, then the logs",
    Rung.LINKED: "look at the connection in the terminal's status line: network, and server's name",
    Rung.CONNECTED: "log the terminal in to the account by hand, and have it save the password",
    Rung.STRANGER: "give each account a terminal in a folder of its own; never share one",
    Rung.AUTHORISED: "wait for the terminal to synchronise; show a symbol in its market watch",
    Rung.SYNCHRONISED: "allow trading in the terminal and for the account",
}
ADVICE_BY_ERROR: Mapping[int, str] = {
    mt5.RES_E_AUTH_FAILED: "do not try again as it is, the broker may lock the account: mend "
    "login, password or server, then `tapedeck account ACCOUNT resume REASON`",
    mt5.RES_E_UNSUPPORTED: "accounts with one-time passwords or certificates cannot log in this "
    "way: have the broker switch that off, or take another account",
    mt5.RES_E_INVALID_VERSION: "bring terminal, package and agent to versions that fit together",
    mt5.RES_E_AUTO_TRADING_DISABLED: "allow algorithmic trading through the API in the terminal's "
    "options (Tools, Options, Expert Advisors)",
    mt5.RES_E_INTERNAL_FAIL_INIT: "start what should listen there: `tapedeck up`, or the terminal "
    "at its path; see its address or path for a slip",
    mt5.RES_E_INTERNAL_FAIL_CONNECT: "start the terminal: it has gone, or was never there",
    mt5.RES_E_INTERNAL_FAIL_TIMEOUT: "the broker does not answer the login: network, firewall, or "
    "the server's name as the broker writes it",
    mt5.RES_E_INVALID_PARAMS: "this is a mistake of ours: report it, with the line above",
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """How far a terminal is and what is wrong; what to do next, or nothing where it trades."""

    health: Health
    advice: str

    def lines(self) -> Iterator[str]:
        """The ladder up to its first missing rung, and what to do about that."""
        for rung, what in LADDER.items():
            if rung > self.health.rung:
                yield f"  no   {what}: {self.health.detail}"
                yield f"       next: {self.advice}"
                return
            yield f"  yes  {what}"


def examined(terminal: Terminal, login: int) -> Diagnosis:
    """One look, after one attempt to link and to log in. Nothing is ever sent."""
    if not terminal.initialize(login=login):
        code, text = terminal.last_error()
        rung = REACHED.get(code, Rung.DOWN)
        return Diagnosis(Health(rung, f"{code} {text}"), ADVICE_BY_ERROR.get(code, ADVICE[rung]))
    health = look(terminal, Identity(login, ""))
    if health.rung is Rung.SYNCHRONISED:
        return _switched_off(terminal, health)
    return Diagnosis(health, ADVICE.get(health.rung, ""))


def _switched_off(terminal: Terminal, health: Health) -> Diagnosis:
    """Which of the three switches is off, from the nearest to the farthest."""
    info, account = terminal.terminal_info(), terminal.account_info()
    if info is not None and not info.trade_allowed:
        detail = "algorithmic trading is off in the terminal"
        return Diagnosis(Health(health.rung, detail), "press its Algo Trading button")
    if account is not None and not account.trade_allowed:
        detail = "the broker lets this login look, not trade"
        advice = "log in with the trader's password, not the investor's; else ask the broker"
        return Diagnosis(Health(health.rung, detail), advice)
    detail = "the broker lets no programs trade on this account"
    return Diagnosis(Health(health.rung, detail), "ask the broker to allow them")
