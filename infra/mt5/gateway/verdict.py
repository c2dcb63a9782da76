"""The one place where an order is judged before it is sent, as a pure function of what is known.

The gateway asks it right before each `order_send`; whoever wants to know beforehand asks the same
of as many orders as he likes. What is not known, or too old, lets no order go that takes risk.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from math import inf, isfinite

from events.orders import OrderAccepted
from events.values import Side
from infra.mt5 import constants as mt5
from infra.mt5.gateway.health import Health, Rung
from infra.mt5.gateway.room import Missing, Room
from infra.mt5.requests import Request, Unsendable, filling_of, request_of, senseless
from infra.mt5.tuples import SymbolInfo, Tick

SPEC_AGE_S_MAX = 120.0
"""A broker changes a symbol's figures now and then, most often at night."""
ORDER_MODE_MARKET_BIT = 1
LATE = "its time was over before it could be sent"


@dataclass(frozen=True, slots=True)
class Market:
    """A symbol's figures and quote, each with its age at the moment of judging."""

    spec: SymbolInfo
    spec_age_s: float
    tick: Tick
    tick_age_s: float


@dataclass(frozen=True, slots=True)
class Known:
    """What is known when orders are judged.

    `room` is of the account, and not needed for closes. `login_refused`: a person must act.
    """

    now_us: int
    health: Health
    room: Room
    markets: Mapping[str, Market | Missing]
    halted_for: frozenset[str] = frozenset()
    login_refused: bool = False
    left_lots: Mapping[int, Decimal] = field(default_factory=dict)
    """What a position still has, where the venue said that less is left than was thought."""


@dataclass(frozen=True, slots=True)
class Sendable:
    """The order may go, as this request."""

    request: Request


@dataclass(frozen=True, slots=True)
class Withheld:
    """The order must not leave this process. `halts`: a person must look at what is wrong."""

    detail: str
    halts: bool = False


Verdict = Sendable | Unsendable | Withheld


def verdict(order: OrderAccepted, known: Known) -> Verdict:
    """Whether the order may be sent now, and as what; the first objection otherwise."""
    if why := halted(order, known.halted_for):
        return Withheld(why)
    health, opens = known.health, order.closes_position is None
    if health.rung is not Rung.TRADING:
        ours = health.readable or health.rung is Rung.STRANGER
        return Withheld(health.detail, halts=ours or known.login_refused)
    if opens and (why := known.room.objection(order)):
        return Withheld(why)
    market = known.markets.get(order.symbol, Missing(f"nothing is known of {order.symbol}"))
    if isinstance(market, Missing):
        return Withheld(market.reason)
    if wrong := _unworkable(order.symbol, market):
        return Withheld(wrong)
    if opens and (old := _unusable(order.symbol, market, known.room)):
        return Withheld(old)
    if opens and (refused := _refused_by_mode(order, market.spec)):
        return refused
    left = None if opens else known.left_lots.get(order.closes_position or 0)
    request = request_of(order, market.spec, market.tick, left)
    if isinstance(request, Unsendable):
        return request
    if opens and (full := _full(order, request, market.spec, known.room)):
        return full
    if known.now_us > order.expires_at_us:
        return Withheld(LATE)
    return Sendable(request)


def verdicts(orders: Iterable[OrderAccepted], known: Known) -> tuple[Verdict, ...]:
    """A verdict on each order, in their order.

    Each is judged by itself, as if it were the only one: no order takes room from the next. Of
    two that fit singly and not together both may go here; the gateway sends one at a time, asks
    what is known anew before each, and then refuses the second.
    """
    return tuple(verdict(order, known) for order in orders)


def halted(order: OrderAccepted, reasons: Collection[str]) -> str:
    """Why a halt keeps the order back, or nothing: a close always may go."""
    barred = reasons and order.closes_position is None
    return f"the account is halted: {'; '.join(sorted(reasons))}" if barred else ""


def _unworkable(symbol: str, market: Market) -> str:
    """Why no request can be made of the market at all, not even for a close; or nothing."""
    if wrong := senseless(market.spec):
        return f"figures of {symbol} make no sense: {wrong}"
    if isfinite(market.tick.bid) and isfinite(market.tick.ask):
        return ""
    return _no_prices(symbol, market.tick)


def _no_prices(symbol: str, tick: Tick) -> str:
    return f"quote of {symbol}: bid {tick.bid} and ask {tick.ask} are no prices"


def _unusable(symbol: str, market: Market, room: Room) -> str:
    """What of the market is no price, or too old to take risk by; or nothing."""
    if not 0.0 < market.tick.bid <= market.tick.ask < inf:
        return _no_prices(symbol, market.tick)
    if not market.spec_age_s <= SPEC_AGE_S_MAX:
        return _too_old(f"figures of {symbol}", market.spec_age_s, SPEC_AGE_S_MAX)
    if market.tick_age_s == inf:
        return f"quote of {symbol}: none has come since the gateway looks; the market may be closed"
    quote_age_s_max = 0.0 if room.limits is None else room.limits.quote_age_ms_max / 1_000
    if not market.tick_age_s <= quote_age_s_max:
        return _too_old(f"quote of {symbol}", market.tick_age_s, quote_age_s_max)
    return ""


def _too_old(what: str, age_s: float, age_s_max: float) -> str:
    return f"{what}: {age_s:.1f} s old, at most {age_s_max:g} s are allowed"


def _refused_by_mode(order: OrderAccepted, spec: SymbolInfo) -> Unsendable | None:
    """What the symbol's trade mode forbids to an order that opens."""
    buys = order.side is Side.BUY
    if not spec.order_mode & ORDER_MODE_MARKET_BIT:
        return _never(mt5.TRADE_RETCODE_INVALID, order, "takes no market orders")
    returns = filling_of(spec) == mt5.ORDER_FILLING_RETURN
    if returns and spec.trade_exemode != mt5.SYMBOL_TRADE_EXECUTION_EXCHANGE:
        return _never(mt5.TRADE_RETCODE_INVALID_FILL, order, "has no filling for market orders")
    match spec.trade_mode:
        case mt5.SYMBOL_TRADE_MODE_DISABLED:
            return _never(mt5.TRADE_RETCODE_TRADE_DISABLED, order, "is not traded")
        case mt5.SYMBOL_TRADE_MODE_CLOSEONLY:
            return _never(mt5.TRADE_RETCODE_CLOSE_ONLY, order, "can only be closed")
        case mt5.SYMBOL_TRADE_MODE_LONGONLY if not buys:
            return _never(mt5.TRADE_RETCODE_LONG_ONLY, order, "can only be bought")
        case mt5.SYMBOL_TRADE_MODE_SHORTONLY if buys:
            return _never(mt5.TRADE_RETCODE_SHORT_ONLY, order, "can only be sold")
    return None


def _full(
    order: OrderAccepted, request: Request, spec: SymbolInfo, room: Room
) -> Unsendable | None:
    """Whether the symbol has a volume limit in the order's direction, and it would be passed."""
    kind = mt5.POSITION_TYPE_BUY if order.side is Side.BUY else mt5.POSITION_TYPE_SELL
    held, limit = room.held_lots(order.symbol, kind), Decimal(str(spec.volume_limit))
    asked = Decimal(str(request["volume"]))
    if not limit or held + asked <= limit:
        return None
    figures = f"may be held for {limit} lots that way: {held} are, {asked} more asked for"
    return _never(mt5.TRADE_RETCODE_LIMIT_VOLUME, order, figures)


def _never(retcode: int, order: OrderAccepted, why: str) -> Unsendable:
    return Unsendable(retcode, f"not sent: {order.symbol} {why}")
