"""What a trade server answers to an order, or the terminal leaves as its last error, says about it.

The code is not the outcome: `UNKNOWN` is the answer for every integer that is not listed, because
taking a dealt order for a refused one doubles it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from infra.mt5 import constants as mt5


class Outcome(Enum):
    """What is to be done about the order."""

    SUCCESS = "success"  # read the deals, record the fill
    PARTIAL = "partial"  # record what was dealt; the rest is never sent again
    ACCEPTED = "accepted"  # placed, not dealt: wait for the deal
    NEW_PRICE = "new price"  # refused: fresh tick, another attempt
    FIX = "fix"  # refused: build the request anew, one more attempt if it differs
    REREAD = "reread"  # refused: our picture of the venue is old, look before telling
    LATER = "later"  # refused for now: back off
    ABORT = "abort"  # refused for good
    HALT = "halt"  # refused: nothing more is sent on the account until an operator acts
    UNKNOWN = "unknown"  # dealt or not: reconcile
    BUG = "bug"  # refused because the request is senseless: ours to mend


_REFUSALS = frozenset(Outcome) - {
    Outcome.SUCCESS,
    Outcome.PARTIAL,
    Outcome.ACCEPTED,
    Outcome.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """One row of a table. `pending`: the venue is still at it, so the code refuses nothing yet.

    `halts`: no new risk on the account after this one.
    """

    name: str
    outcome: Outcome
    pending: bool = False
    halts: bool = False

    @property
    def refused(self) -> bool:
        """Nothing was dealt, and nothing will be: the one licence for another attempt."""
        return self.outcome in _REFUSALS and not self.pending


def of_retcode(code: int) -> Meaning:
    """The meaning of `OrderSendResult.retcode`; total over all integers."""
    return RETCODES.get(code) or Meaning(f"retcode {code}", Outcome.UNKNOWN)


def of_last_error(code: int) -> Meaning:
    """The meaning of `last_error()` after `order_send` gave `None`; total over all integers."""
    return LAST_ERRORS.get(code) or Meaning(f"error {code}", Outcome.UNKNOWN)


RETCODES: dict[int, Meaning] = {
    mt5.TRADE_RETCODE_REQUOTE: Meaning("REQUOTE", Outcome.NEW_PRICE),
    mt5.TRADE_RETCODE_REJECT: Meaning("REJECT", Outcome.ABORT),
    mt5.TRADE_RETCODE_CANCEL: Meaning("CANCEL", Outcome.ABORT),
    mt5.TRADE_RETCODE_PLACED: Meaning("PLACED", Outcome.ACCEPTED),
    mt5.TRADE_RETCODE_DONE: Meaning("DONE", Outcome.SUCCESS),
    mt5.TRADE_RETCODE_DONE_PARTIAL: Meaning("DONE_PARTIAL", Outcome.PARTIAL),
    mt5.TRADE_RETCODE_ERROR: Meaning("ERROR", Outcome.UNKNOWN),
    # Documented as "cancelled by timeout"; brokers have dealt such orders.
    mt5.TRADE_RETCODE_TIMEOUT: Meaning("TIMEOUT", Outcome.UNKNOWN),
    mt5.TRADE_RETCODE_INVALID: Meaning("INVALID", Outcome.BUG),
    mt5.TRADE_RETCODE_INVALID_VOLUME: Meaning("INVALID_VOLUME", Outcome.FIX),
    mt5.TRADE_RETCODE_INVALID_PRICE: Meaning("INVALID_PRICE", Outcome.FIX),
    mt5.TRADE_RETCODE_INVALID_STOPS: Meaning("INVALID_STOPS", Outcome.FIX),
    mt5.TRADE_RETCODE_TRADE_DISABLED: Meaning("TRADE_DISABLED", Outcome.ABORT),
    mt5.TRADE_RETCODE_MARKET_CLOSED: Meaning("MARKET_CLOSED", Outcome.ABORT),
    mt5.TRADE_RETCODE_NO_MONEY: Meaning("NO_MONEY", Outcome.ABORT, halts=True),
    mt5.TRADE_RETCODE_PRICE_CHANGED: Meaning("PRICE_CHANGED", Outcome.NEW_PRICE),
    mt5.TRADE_RETCODE_PRICE_OFF: Meaning("PRICE_OFF", Outcome.NEW_PRICE),
    mt5.TRADE_RETCODE_INVALID_EXPIRATION: Meaning("INVALID_EXPIRATION", Outcome.FIX),
    mt5.TRADE_RETCODE_ORDER_CHANGED: Meaning("ORDER_CHANGED", Outcome.REREAD),
    mt5.TRADE_RETCODE_TOO_MANY_REQUESTS: Meaning("TOO_MANY_REQUESTS", Outcome.LATER),
    mt5.TRADE_RETCODE_NO_CHANGES: Meaning("NO_CHANGES", Outcome.SUCCESS),
    mt5.TRADE_RETCODE_SERVER_DISABLES_AT: Meaning("SERVER_DISABLES_AT", Outcome.HALT, halts=True),
    mt5.TRADE_RETCODE_CLIENT_DISABLES_AT: Meaning("CLIENT_DISABLES_AT", Outcome.HALT, halts=True),
    mt5.TRADE_RETCODE_LOCKED: Meaning("LOCKED", Outcome.LATER, pending=True),
    mt5.TRADE_RETCODE_FROZEN: Meaning("FROZEN", Outcome.LATER),
    mt5.TRADE_RETCODE_INVALID_FILL: Meaning("INVALID_FILL", Outcome.FIX),
    mt5.TRADE_RETCODE_CONNECTION: Meaning("CONNECTION", Outcome.UNKNOWN),
    mt5.TRADE_RETCODE_ONLY_REAL: Meaning("ONLY_REAL", Outcome.ABORT),
    mt5.TRADE_RETCODE_LIMIT_ORDERS: Meaning("LIMIT_ORDERS", Outcome.ABORT),
    mt5.TRADE_RETCODE_LIMIT_VOLUME: Meaning("LIMIT_VOLUME", Outcome.ABORT),
    mt5.TRADE_RETCODE_INVALID_ORDER: Meaning("INVALID_ORDER", Outcome.REREAD),
    mt5.TRADE_RETCODE_POSITION_CLOSED: Meaning("POSITION_CLOSED", Outcome.REREAD),
    mt5.TRADE_RETCODE_INVALID_CLOSE_VOLUME: Meaning("INVALID_CLOSE_VOLUME", Outcome.FIX),
    mt5.TRADE_RETCODE_CLOSE_ORDER_EXIST: Meaning("CLOSE_ORDER_EXIST", Outcome.REREAD),
    mt5.TRADE_RETCODE_LIMIT_POSITIONS: Meaning("LIMIT_POSITIONS", Outcome.ABORT),
    mt5.TRADE_RETCODE_REJECT_CANCEL: Meaning("REJECT_CANCEL", Outcome.ABORT),
    mt5.TRADE_RETCODE_LONG_ONLY: Meaning("LONG_ONLY", Outcome.ABORT),
    mt5.TRADE_RETCODE_SHORT_ONLY: Meaning("SHORT_ONLY", Outcome.ABORT),
    mt5.TRADE_RETCODE_CLOSE_ONLY: Meaning("CLOSE_ONLY", Outcome.ABORT),
    mt5.TRADE_RETCODE_FIFO_CLOSE: Meaning("FIFO_CLOSE", Outcome.ABORT),
    10046: Meaning("HEDGE_PROHIBITED", Outcome.ABORT),  # sent by servers, not in the package
}

LAST_ERRORS: dict[int, Meaning] = {
    # `None` with "Success" left behind is an answer that never came.
    mt5.RES_S_OK: Meaning("OK", Outcome.UNKNOWN),
    mt5.RES_E_FAIL: Meaning("FAIL", Outcome.UNKNOWN),
    mt5.RES_E_INVALID_PARAMS: Meaning("INVALID_PARAMS", Outcome.BUG),  # refused by the package
    mt5.RES_E_NO_MEMORY: Meaning("NO_MEMORY", Outcome.UNKNOWN),
    mt5.RES_E_NOT_FOUND: Meaning("NOT_FOUND", Outcome.UNKNOWN),
    mt5.RES_E_INVALID_VERSION: Meaning("INVALID_VERSION", Outcome.HALT, halts=True),
    mt5.RES_E_AUTH_FAILED: Meaning("AUTH_FAILED", Outcome.HALT, halts=True),
    mt5.RES_E_UNSUPPORTED: Meaning("UNSUPPORTED", Outcome.HALT, halts=True),
    mt5.RES_E_AUTO_TRADING_DISABLED: Meaning("AUTO_TRADING_DISABLED", Outcome.HALT, halts=True),
    mt5.RES_E_INTERNAL_FAIL: Meaning("INTERNAL_FAIL", Outcome.UNKNOWN),
    mt5.RES_E_INTERNAL_FAIL_SEND: Meaning("INTERNAL_FAIL_SEND", Outcome.UNKNOWN),
    mt5.RES_E_INTERNAL_FAIL_RECEIVE: Meaning("INTERNAL_FAIL_RECEIVE", Outcome.UNKNOWN),
    mt5.RES_E_INTERNAL_FAIL_INIT: Meaning("INTERNAL_FAIL_INIT", Outcome.UNKNOWN),
    mt5.RES_E_INTERNAL_FAIL_CONNECT: Meaning("INTERNAL_FAIL_CONNECT", Outcome.UNKNOWN),
    mt5.RES_E_INTERNAL_FAIL_TIMEOUT: Meaning("INTERNAL_FAIL_TIMEOUT", Outcome.UNKNOWN),
}
