"""What is done about each code that a trade server answers, or a terminal leaves behind.

`retcodes` says what a code means for the order; this says what becomes of the account's link,
breaker and pace. Every other integer is reconciled: nothing is known about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from infra.mt5 import constants as mt5


class Recovery(Enum):
    """From nothing at all to a person who must act."""

    CARRY_ON = "nothing stands in the way"
    ASK_AGAIN = "another attempt, with a new price or a mended request"
    WAIT = "another attempt, after a wait that grows; the account's pace is lowered"
    LOOK = "read the venue's books again before anything is told"
    END = "the order is over, the account goes on"
    RECONCILE = "look the order up; an unknown counts towards the breaker"
    RELINK = "make the link anew, after a wait that grows; failures count towards the breaker"
    RESTART = "end the agent's process, whose keeper starts another; then as for a broken link"
    HALT = "halt the account: a person acts in the terminal or at the broker"
    NEVER_AGAIN = "halt the account, and do not log in again before a person has resumed it"


def _each(recovery: Recovery, *codes: int) -> dict[int, Recovery]:
    return dict.fromkeys(codes, recovery)


OF_RETCODE: Mapping[int, Recovery] = {
    **_each(
        Recovery.CARRY_ON,
        mt5.TRADE_RETCODE_PLACED,
        mt5.TRADE_RETCODE_DONE,
        mt5.TRADE_RETCODE_DONE_PARTIAL,
        mt5.TRADE_RETCODE_NO_CHANGES,
    ),
    **_each(
        Recovery.ASK_AGAIN,
        mt5.TRADE_RETCODE_REQUOTE,
        mt5.TRADE_RETCODE_PRICE_CHANGED,
        mt5.TRADE_RETCODE_PRICE_OFF,
        mt5.TRADE_RETCODE_INVALID_PRICE,
        mt5.TRADE_RETCODE_INVALID_VOLUME,
        mt5.TRADE_RETCODE_INVALID_STOPS,
        mt5.TRADE_RETCODE_INVALID_EXPIRATION,
        mt5.TRADE_RETCODE_INVALID_FILL,
        mt5.TRADE_RETCODE_INVALID_CLOSE_VOLUME,
    ),
    **_each(Recovery.WAIT, mt5.TRADE_RETCODE_TOO_MANY_REQUESTS, mt5.TRADE_RETCODE_FROZEN),
    **_each(
        Recovery.LOOK,
        mt5.TRADE_RETCODE_INVALID_ORDER,
        mt5.TRADE_RETCODE_ORDER_CHANGED,
        mt5.TRADE_RETCODE_POSITION_CLOSED,
        mt5.TRADE_RETCODE_CLOSE_ORDER_EXIST,
    ),
    **_each(
        Recovery.END,
        mt5.TRADE_RETCODE_REJECT,
        mt5.TRADE_RETCODE_CANCEL,
        mt5.TRADE_RETCODE_INVALID,
        mt5.TRADE_RETCODE_TRADE_DISABLED,
        mt5.TRADE_RETCODE_MARKET_CLOSED,
        mt5.TRADE_RETCODE_ONLY_REAL,
        mt5.TRADE_RETCODE_LIMIT_ORDERS,
        mt5.TRADE_RETCODE_LIMIT_VOLUME,
        mt5.TRADE_RETCODE_LIMIT_POSITIONS,
        mt5.TRADE_RETCODE_REJECT_CANCEL,
        mt5.TRADE_RETCODE_LONG_ONLY,
        mt5.TRADE_RETCODE_SHORT_ONLY,
        mt5.TRADE_RETCODE_CLOSE_ONLY,
        mt5.TRADE_RETCODE_FIFO_CLOSE,
        10046,  # HEDGE_PROHIBITED: sent by servers, not in the package
    ),
    **_each(
        Recovery.RECONCILE,
        mt5.TRADE_RETCODE_ERROR,
        mt5.TRADE_RETCODE_TIMEOUT,
        mt5.TRADE_RETCODE_CONNECTION,
        mt5.TRADE_RETCODE_LOCKED,
    ),
    **_each(
        Recovery.HALT,
        mt5.TRADE_RETCODE_NO_MONEY,
        mt5.TRADE_RETCODE_SERVER_DISABLES_AT,
        mt5.TRADE_RETCODE_CLIENT_DISABLES_AT,
    ),
}

OF_ERROR: Mapping[int, Recovery] = {
    **_each(
        Recovery.RECONCILE,
        mt5.RES_S_OK,  # a call that gave nothing and left no cause
        mt5.RES_E_FAIL,  # also what ordinary refusals leave, as of a symbol in use
        mt5.RES_E_NOT_FOUND,
        mt5.RES_E_INTERNAL_FAIL_TIMEOUT,
    ),
    **_each(Recovery.END, mt5.RES_E_INVALID_PARAMS),
    **_each(
        Recovery.RELINK,
        mt5.RES_E_INTERNAL_FAIL,
        mt5.RES_E_INTERNAL_FAIL_SEND,
        mt5.RES_E_INTERNAL_FAIL_RECEIVE,
        mt5.RES_E_INTERNAL_FAIL_INIT,
        mt5.RES_E_INTERNAL_FAIL_CONNECT,
    ),
    **_each(Recovery.RESTART, mt5.RES_E_NO_MEMORY),
    **_each(Recovery.HALT, mt5.RES_E_AUTO_TRADING_DISABLED),
    **_each(
        Recovery.NEVER_AGAIN,
        mt5.RES_E_INVALID_VERSION,
        mt5.RES_E_AUTH_FAILED,
        mt5.RES_E_UNSUPPORTED,
    ),
}


def of_retcode(code: int) -> Recovery:
    """What is done about an answer to `order_send`."""
    return OF_RETCODE.get(code, Recovery.RECONCILE)


def of_error(code: int) -> Recovery:
    """What is done about a call that failed."""
    return OF_ERROR.get(code, Recovery.RECONCILE)
