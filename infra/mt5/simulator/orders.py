"""Answers to `order_check`, `order_send` and the two calculators."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from infra.mt5 import constants as mt5
from infra.mt5.link import CallError
from infra.mt5.simulator.account import Account
from infra.mt5.simulator.case import Case
from infra.mt5.simulator.judge import ACCEPTED
from infra.mt5.simulator.judge_terms import HEDGE_PROHIBITED
from infra.mt5.simulator.moment import NoPriceError
from infra.mt5.simulator.money import Worth, lot_margin, margin, profit, worth, would_open
from infra.mt5.simulator.specification import Specification
from infra.mt5.simulator.work import Outcome
from infra.mt5.tuples import OrderCheckResult, OrderSendResult, TradeRequest

TEXTS = {
    mt5.TRADE_RETCODE_REQUOTE: "Requote",
    mt5.TRADE_RETCODE_REJECT: "Request rejected",
    mt5.TRADE_RETCODE_CANCEL: "Request canceled",
    mt5.TRADE_RETCODE_PLACED: "Request placed",
    mt5.TRADE_RETCODE_DONE: "Request executed",
    mt5.TRADE_RETCODE_DONE_PARTIAL: "Request executed partially",
    mt5.TRADE_RETCODE_ERROR: "Common error",
    mt5.TRADE_RETCODE_TIMEOUT: "Request timeout",
    mt5.TRADE_RETCODE_INVALID: "Invalid request",
    mt5.TRADE_RETCODE_INVALID_VOLUME: "Invalid volume",
    mt5.TRADE_RETCODE_INVALID_PRICE: "Invalid price",
    mt5.TRADE_RETCODE_INVALID_STOPS: "Invalid stops",
    mt5.TRADE_RETCODE_TRADE_DISABLED: "Trade disabled",
    mt5.TRADE_RETCODE_MARKET_CLOSED: "Market closed",
    mt5.TRADE_RETCODE_NO_MONEY: "No money",
    mt5.TRADE_RETCODE_PRICE_CHANGED: "Price changed",
    mt5.TRADE_RETCODE_PRICE_OFF: "No prices",
    mt5.TRADE_RETCODE_INVALID_EXPIRATION: "Invalid expiration",
    mt5.TRADE_RETCODE_ORDER_CHANGED: "Order was changed",
    mt5.TRADE_RETCODE_TOO_MANY_REQUESTS: "Too many requests",
    mt5.TRADE_RETCODE_NO_CHANGES: "No changes",
    mt5.TRADE_RETCODE_SERVER_DISABLES_AT: "AutoTrading disabled by server",
    mt5.TRADE_RETCODE_CLIENT_DISABLES_AT: "AutoTrading disabled by client",
    mt5.TRADE_RETCODE_LOCKED: "Order locked",
    mt5.TRADE_RETCODE_FROZEN: "Modification disabled",
    mt5.TRADE_RETCODE_INVALID_FILL: "Unsupported filling mode",
    mt5.TRADE_RETCODE_CONNECTION: "No connection",
    mt5.TRADE_RETCODE_ONLY_REAL: "Only real accounts",
    mt5.TRADE_RETCODE_LIMIT_ORDERS: "Orders limit reached",
    mt5.TRADE_RETCODE_LIMIT_VOLUME: "Volume limit reached",
    mt5.TRADE_RETCODE_INVALID_ORDER: "Invalid order",
    mt5.TRADE_RETCODE_POSITION_CLOSED: "Position doesn't exist",
    mt5.TRADE_RETCODE_INVALID_CLOSE_VOLUME: "Invalid close volume",
    mt5.TRADE_RETCODE_CLOSE_ORDER_EXIST: "Close order already exists",
    mt5.TRADE_RETCODE_LIMIT_POSITIONS: "Positions limit reached",
    mt5.TRADE_RETCODE_REJECT_CANCEL: "Activation rejected, canceled",
    mt5.TRADE_RETCODE_LONG_ONLY: "Only long positions allowed",
    mt5.TRADE_RETCODE_SHORT_ONLY: "Only short positions allowed",
    mt5.TRADE_RETCODE_CLOSE_ONLY: "Only position closing allowed",
    mt5.TRADE_RETCODE_FIFO_CLOSE: "Only FIFO closing allowed",
    HEDGE_PROHIBITED: "Hedge positions are prohibited",
}


def answer(outcome: Outcome, request: TradeRequest, request_id: int) -> OrderSendResult:
    """What the package shows of what became of a request."""
    fill, quote = outcome.fill, outcome.quote
    return OrderSendResult(
        retcode=outcome.retcode,
        deal=fill.deal,
        order=fill.order,
        volume=fill.volume,
        price=fill.price,
        bid=quote.bid if quote else 0.0,
        ask=quote.ask if quote else 0.0,
        comment=TEXTS.get(outcome.retcode, ""),
        request_id=request_id,
        retcode_external=0 if outcome.retcode in TEXTS else outcome.retcode,
        request=request,
    )


def checked(account: Account, request: TradeRequest) -> OrderCheckResult:
    """What the account would be if the request were carried out now."""
    code, case = account.judged(request)
    after = account.worth()
    if code == ACCEPTED and case is not None and request.action == mt5.TRADE_ACTION_DEAL:
        after = _dealt(case, after)
    return OrderCheckResult(
        retcode=code,
        balance=account.ledger.balance,
        equity=after.equity,
        profit=after.profit,
        margin=after.margin,
        margin_free=after.free,
        margin_level=round(after.level_percent, 2),
        comment="Done" if code == ACCEPTED else TEXTS.get(code, ""),
        request=request,
    )


def margin_needed(account: Account, kind: int, name: str, volume: float, price: float) -> float:
    """What a deal at this price would bind."""
    symbol = _symbol(account, name)
    _market_kind(kind, volume, price)
    terms = account.ledger.terms
    with _priced():
        return round(volume * lot_margin(account.moment(), symbol, terms, kind, price), 2)


def profit_between(
    account: Account, kind: int, name: str, volume: float, opened: float, closed: float
) -> float:
    """What a deal from one price to the other would bring."""
    symbol = _symbol(account, name)
    _market_kind(kind, volume, min(opened, closed))
    currency = account.ledger.terms.currency
    with _priced():
        return profit(account.moment(), symbol, currency, kind, volume, opened, closed)


@contextmanager
def _priced() -> Iterator[None]:
    """What cannot be converted yet cannot be worked out."""
    try:
        yield
    except NoPriceError as error:
        raise CallError(mt5.RES_E_FAIL, f"Terminal: {error} has no price") from error


def _dealt(case: Case, before: Worth) -> Worth:
    """The account after a deal. One that only takes from a netted position sets margin free."""
    if case.opens <= 0.0 and case.ledger.terms.hedges:
        return before
    lots, price = case.request.volume, case.offer.price
    opened = would_open(case.moment, case.symbol, case.ledger, case.side, lots, price)
    if case.opens > 0.0:
        return worth(case.moment, case.ledger, (opened,))
    return replace(before, margin=margin(case.market.symbols, case.ledger, (opened,)))


def _symbol(account: Account, name: str) -> Specification:
    symbol = account.market.symbols.get(name)
    if symbol is None:
        raise CallError(mt5.RES_E_NOT_FOUND, "Terminal: Not found")
    return symbol


def _market_kind(kind: int, volume: float, price: float) -> None:
    wrong = kind not in (mt5.ORDER_TYPE_BUY, mt5.ORDER_TYPE_SELL)
    if wrong or not volume > 0.0 or not price > 0.0:
        raise CallError(mt5.RES_E_INVALID_PARAMS, "Terminal: Invalid params")
