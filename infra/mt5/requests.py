"""From an accepted order to the dictionary that `order_send` takes: floats, steps, masks, stops.

Nothing here widens what was accepted: volume is rounded down, and a stop that was demanded is
always in the request. What cannot be sent like that is `Unsendable`, with the figures.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from math import inf
from typing import Any

from events.orders import OrderAccepted, magic_of
from events.values import Side
from infra.mt5 import constants as mt5
from infra.mt5.tuples import SymbolInfo, Tick

DEVIATION_POINTS = 20
"""How far the venue may move the price of an instant execution."""
COLLAR_FRACTION = Decimal("0.005")
"""How far the market may have left the reference price of an order that takes risk."""
FILL_FOK_BIT, FILL_IOC_BIT = 1, 2
"""Bits of `SymbolInfo.filling_mode`; they are not the `ORDER_FILLING_*` values."""

Request = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unsendable:
    """Why the order was not sent. `retcode` is what the venue would have answered."""

    retcode: int
    detail: str


def comment_of(order_id: str) -> str:
    """27 ASCII characters that name the order where the venue keeps only a comment."""
    digest = hashlib.sha256(order_id.encode()).digest()[8:24]
    return "c" + base64.b32encode(digest).decode()[:26]


def senseless(spec: SymbolInfo) -> str:
    """Which of a symbol's figures no order can be made by, or nothing.

    A terminal that has not got a symbol's specification yet shows zeros.
    """
    grid = spec.trade_tick_size or spec.point
    positive = {
        "volume_step": spec.volume_step,
        "volume_min": spec.volume_min,
        "volume_max": spec.volume_max,
        "trade_tick_size": grid,
        "point": spec.point,
    }
    wrong = [f"{name} {figure:g}" for name, figure in positive.items() if not 0.0 < figure < inf]
    if not 0.0 <= spec.volume_limit < inf:
        wrong.append(f"volume_limit {spec.volume_limit:g}")
    if spec.digits < 0:
        wrong.append(f"digits {spec.digits}")
    return ", ".join(wrong)


def request_of(
    order: OrderAccepted, spec: SymbolInfo, tick: Tick, volume_lots_max: Decimal | None = None
) -> Request | Unsendable:
    """The request for the order at this quote, or why there is none.

    `volume_lots_max` is what a position still has, where the venue said that less is left.
    """
    volume = _volume(min(order.volume_lots, volume_lots_max or order.volume_lots), spec)
    if isinstance(volume, Unsendable):
        return volume
    price = tick.ask if order.side is Side.BUY else tick.bid
    if (outside := _outside_collar(order, price)) is not None:
        return outside
    stops = _stops(order, spec, tick)
    if isinstance(stops, Unsendable):
        return stops
    request: Request = {
        "action": mt5.TRADE_ACTION_DEAL,
        "symbol": order.symbol,
        "type": mt5.ORDER_TYPE_BUY if order.side is Side.BUY else mt5.ORDER_TYPE_SELL,
        "volume": volume,
        "price": float(_on_grid(price, spec)),
        "deviation": DEVIATION_POINTS,
        "magic": magic_of(order.order_id),
        "comment": comment_of(order.order_id),
        "type_filling": filling_of(spec),
        "type_time": mt5.ORDER_TIME_GTC,
        **stops,
    }
    if order.closes_position is not None:
        request["position"] = order.closes_position
    return request


def filling_of(spec: SymbolInfo) -> int:
    """The filling mode of a market order: all or nothing where the symbol has it."""
    immediate = (mt5.SYMBOL_TRADE_EXECUTION_REQUEST, mt5.SYMBOL_TRADE_EXECUTION_INSTANT)
    if spec.trade_exemode in immediate or spec.filling_mode & FILL_FOK_BIT:
        return mt5.ORDER_FILLING_FOK
    if spec.filling_mode & FILL_IOC_BIT:
        return mt5.ORDER_FILLING_IOC
    return mt5.ORDER_FILLING_RETURN


def _volume(wanted: Decimal, spec: SymbolInfo) -> float | Unsendable:
    step, least, most = (
        Decimal(str(figure)) for figure in (spec.volume_step, spec.volume_min, spec.volume_max)
    )
    volume = (min(wanted, most) / step).to_integral_value(ROUND_DOWN) * step
    if volume < least or volume <= 0:
        return Unsendable(
            mt5.TRADE_RETCODE_INVALID_VOLUME,
            f"not sent: {wanted} lots in steps of {step} is {volume}, under the least of {least}",
        )
    return float(volume)


def _outside_collar(order: OrderAccepted, price: float) -> Unsendable | None:
    """A close is never held back by the collar: it takes risk away."""
    if order.closes_position is not None:
        return None
    away = abs(Decimal(str(price)) - order.price_reference) / order.price_reference
    if away <= COLLAR_FRACTION:
        return None
    return Unsendable(
        mt5.TRADE_RETCODE_PRICE_OFF,
        f"not sent: price {price} is {away:.4f} away from {order.price_reference}, "
        f"more than {COLLAR_FRACTION}",
    )


def _stops(order: OrderAccepted, spec: SymbolInfo, tick: Tick) -> Request | Unsendable:
    """Both stops on the symbol's grid and no nearer than its stops level and its freeze level,
    inside which the venue would not let us close.

    A position is closed at the other side of the quote, so that is what distances count from.
    """
    below, above = order.stop_loss, order.take_profit
    closing, names = tick.bid, ("sl", "tp")
    if order.side is Side.SELL:
        below, above, closing, names = above, below, tick.ask, ("tp", "sl")
    market = Decimal(str(closing))
    points = max(spec.trade_stops_level, spec.trade_freeze_level)
    level = points * Decimal(str(spec.point))
    stops: Request = {}
    for stop, name, sign in ((below, names[0], -1), (above, names[1], 1)):
        if stop is None:
            continue
        if (stop - market) * sign <= 0:
            return Unsendable(
                mt5.TRADE_RETCODE_INVALID_STOPS,
                f"not sent: the market at {closing} has passed {name} {stop}",
            )
        far = market + sign * max((stop - market) * sign, level)
        stops[name] = float(_on_grid(far, spec, sign))
        if stops[name] <= 0.0:  # which would say that there is none
            return Unsendable(
                mt5.TRADE_RETCODE_INVALID_STOPS,
                f"not sent: {name} {stop} is none in steps of {spec.trade_tick_size or spec.point}",
            )
    return stops


def _on_grid(price: Decimal | float, spec: SymbolInfo, away: int = 0) -> Decimal:
    """The nearest multiple of the tick size; `away` forbids rounding towards the market."""
    grid = Decimal(str(spec.trade_tick_size or spec.point))
    exact = Decimal(str(price)) / grid
    rounding = {-1: "ROUND_FLOOR", 0: "ROUND_HALF_EVEN", 1: "ROUND_CEILING"}[away]
    return round(exact.to_integral_value(rounding) * grid, spec.digits)
