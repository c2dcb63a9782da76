"""The package's constants, by their enumerations."""

from __future__ import annotations

from itertools import chain

from infra.mt5.certify.expect import same
from infra.mt5.certify.rule import Check, Rule
from infra.mt5.certify.scene import Scene

# Page, prefix, and the names from 0 on.
COUNTED: tuple[tuple[str, str, str], ...] = (
    (
        "Order Properties",
        "ORDER_TYPE_",
        "BUY SELL BUY_LIMIT SELL_LIMIT BUY_STOP SELL_STOP BUY_STOP_LIMIT SELL_STOP_LIMIT CLOSE_BY",
    ),
    (
        "Order Properties",
        "ORDER_STATE_",
        "STARTED PLACED CANCELED PARTIAL FILLED REJECTED EXPIRED REQUEST_ADD REQUEST_MODIFY "
        "REQUEST_CANCEL",
    ),
    ("Order Properties", "ORDER_FILLING_", "FOK IOC RETURN BOC"),
    ("Order Properties", "ORDER_TIME_", "GTC DAY SPECIFIED SPECIFIED_DAY"),
    ("Order Properties", "ORDER_REASON_", "CLIENT MOBILE WEB EXPERT SL TP SO"),
    ("Deal Properties", "DEAL_ENTRY_", "IN OUT INOUT OUT_BY"),
    (
        "Deal Properties",
        "DEAL_TYPE_",
        "BUY SELL BALANCE CREDIT CHARGE CORRECTION BONUS COMMISSION COMMISSION_DAILY "
        "COMMISSION_MONTHLY COMMISSION_AGENT_DAILY COMMISSION_AGENT_MONTHLY INTEREST BUY_CANCELED "
        "SELL_CANCELED",
    ),
    ("Deal Properties", "DEAL_REASON_", "CLIENT MOBILE WEB EXPERT SL TP SO ROLLOVER VMARGIN SPLIT"),
    ("Position Properties", "POSITION_TYPE_", "BUY SELL"),
    ("Position Properties", "POSITION_REASON_", "CLIENT MOBILE WEB EXPERT"),
    ("Symbol Properties", "SYMBOL_TRADE_EXECUTION_", "REQUEST INSTANT MARKET EXCHANGE"),
    ("Symbol Properties", "SYMBOL_TRADE_MODE_", "DISABLED LONGONLY SHORTONLY CLOSEONLY FULL"),
    (
        "Symbol Properties",
        "DAY_OF_WEEK_",
        "SUNDAY MONDAY TUESDAY WEDNESDAY THURSDAY FRIDAY SATURDAY",
    ),
    ("Account Properties", "ACCOUNT_TRADE_MODE_", "DEMO CONTEST REAL"),
    ("Account Properties", "ACCOUNT_MARGIN_MODE_", "RETAIL_NETTING EXCHANGE RETAIL_HEDGING"),
    ("Account Properties", "ACCOUNT_STOPOUT_MODE_", "PERCENT MONEY"),
)
MINUTES, HOURS = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30), (1, 2, 3, 4, 6, 8, 12, 24)
H1, W1, MN1 = 0x4001, 0x8001, 0xC001
ACTIONS = {"DEAL": 1, "PENDING": 5, "SLTP": 6, "MODIFY": 7, "REMOVE": 8, "CLOSE_BY": 10}
TICK_FLAGS = {"BID": 2, "ASK": 4, "LAST": 8, "VOLUME": 16, "BUY": 32, "SELL": 64}
COPIED = {"ALL": -1, "INFO": 1, "TRADE": 2}
BOOK = {"SELL": 1, "BUY": 2, "SELL_MARKET": 3, "BUY_MARKET": 4}
RETCODES_WITHOUT = (10005, 10037)


def _values(prefix: str, wanted: dict[str, int]) -> Check:
    def check(scene: Scene) -> None:
        found = {name: scene.names.get(f"{prefix}{name}") for name in wanted}
        same(f"the values of {prefix}*", found, wanted)

    return check


def _counted(prefix: str, names: str) -> Check:
    return _values(prefix, {name: index for index, name in enumerate(names.split())})


def _timeframes(scene: Scene) -> None:
    wanted = {
        **{f"M{n}": n for n in MINUTES},
        **{f"H{n}": H1 - 1 + n for n in HOURS if n != HOURS[-1]},
        "D1": H1 - 1 + HOURS[-1],
        "W1": W1,
        "MN1": MN1,
    }
    _values("TIMEFRAME_", wanted)(scene)


def _retcodes(scene: Scene) -> None:
    found = {value for name, value in scene.names.items() if name.startswith("TRADE_RETCODE_")}
    wanted = set(chain(range(10004, 10046))) - set(RETCODES_WITHOUT)
    same("the codes", sorted(found), sorted(wanted))


def _errors(scene: Scene) -> None:
    found = {value for name, value in scene.names.items() if name.startswith("RES_")}
    wanted = {1, *range(-8, 0), *range(-10005, -9999)}
    same("the codes", sorted(found), sorted(wanted))


RULES = (
    *(
        Rule(2001 + index, f"{prefix}* count from 0", page, _counted(prefix, names))
        for index, (page, prefix, names) in enumerate(COUNTED)
    ),
    Rule(
        2021,
        "TRADE_ACTION_* are 1, 5 to 8 and 10",
        "Trade Request Structure",
        _values("TRADE_ACTION_", ACTIONS),
    ),
    Rule(2022, "TICK_FLAG_* are bits", "copy_ticks_from", _values("TICK_FLAG_", TICK_FLAGS)),
    Rule(
        2023,
        "COPY_TICKS_* choose all, quotes or trades",
        "copy_ticks_from",
        _values("COPY_TICKS_", COPIED),
    ),
    Rule(2024, "BOOK_TYPE_* count from 1", "market_book_get", _values("BOOK_TYPE_", BOOK)),
    Rule(2025, "TIMEFRAME_* are minutes, then hours, then longer", "TIMEFRAME", _timeframes),
    Rule(
        2026,
        "TRADE_RETCODE_* are 10004 to 10045 without two",
        "Return Codes of the Trade Server",
        _retcodes,
    ),
    Rule(2027, "RES_* are 1, -1 to -8, -10000 to -10005", "last_error", _errors),
)
