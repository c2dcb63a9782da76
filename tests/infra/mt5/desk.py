"""Orders, quotes and symbols for the gateway's tests, plain enough to be read at a glance."""

from __future__ import annotations

from typing import Any, get_type_hints

from msgspec.structs import replace

from commands.limits import SetLimits
from events.envelope import Message, first_cause
from events.orders import OrderAccepted
from events.values import Side, lots, price
from infra.mt5 import constants as mt5
from infra.mt5.tuples import SymbolInfo, Tick

ACCOUNT = "90001"
EMPTY: dict[type, Any] = {bool: False, int: 0, float: 0.0, str: ""}
EURUSD: dict[str, Any] = {
    "digits": 5,
    "point": 0.00001,
    "trade_tick_size": 0.00001,
    "trade_stops_level": 20,
    "filling_mode": 3,
    "trade_exemode": mt5.SYMBOL_TRADE_EXECUTION_MARKET,
    "volume_min": 0.01,
    "volume_max": 50.0,
    "volume_step": 0.01,
}


def symbol(**figures: Any) -> SymbolInfo:
    """EURUSD, but for these figures."""
    plain = {name: EMPTY[kind] for name, kind in get_type_hints(SymbolInfo).items()}
    return SymbolInfo(**{**plain, "name": "EURUSD", **EURUSD, **figures})


def quote(bid: float = 1.09998, ask: float = 1.10002) -> Tick:
    """A quote of this moment."""
    return Tick(0, bid, ask, 0.0, 0, 0, 6, 0.0)


ORDER = OrderAccepted(
    order_id="EURUSD-60-1/90001/open",
    execution_id="EURUSD-60-1",
    account=ACCOUNT,
    symbol="EURUSD",
    side=Side.BUY,
    volume_lots=lots("0.10"),
    price_reference=price("1.10"),
    stop_loss=price("1.09"),
    take_profit=price("1.12"),
    closes_position=None,
    limits_version=1,
    expires_at_us=1_700_000_060_000_000,
)

WIDE = SetLimits(
    account=ACCOUNT,
    volume_lots_max=lots("1"),
    open_lots_max=lots("9"),
    open_positions_max=9,
    confidence_min=0.5,
    signal_age_ms_max=60_000,
    symbols=("EURUSD", "GBPUSD", "AUDUSD"),
)
"""Limits that leave room for what a test does, unless it is about them."""


def order(**fields: Any) -> OrderAccepted:
    """A buy of 0.10 EURUSD, but for these fields."""
    return replace(ORDER, **fields)


def message(accepted: OrderAccepted, number: int = 1) -> Message[OrderAccepted]:
    """The order as the tape brings it."""
    return first_cause(
        accepted,
        source="event-store",
        sequence=f"{number:016d}",
        key=accepted.order_id,
        time_us=1_700_000_000_000_000,
    )
