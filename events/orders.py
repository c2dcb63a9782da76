"""What became of an order: from the verdict to the venue's deals."""

from __future__ import annotations

import hashlib

from events.envelope import Event
from events.values import Lots, Money, Price, Side


class OrderAccepted(Event, frozen=True, kw_only=True):
    """The order passed every limit in force and may be sent, once, before it expires."""

    order_id: str
    execution_id: str
    account: str
    symbol: str
    side: Side
    volume_lots: Lots
    price_reference: Price
    stop_loss: Price | None
    take_profit: Price | None
    closes_position: int | None
    limits_version: int
    expires_at_us: int


class OrderDenied(Event, frozen=True, kw_only=True):
    """The order broke a limit. Nothing was sent."""

    order_id: str
    execution_id: str
    account: str
    symbol: str
    limit: str
    allowed: str
    observed: str
    limits_version: int


class OrderIntended(Event, frozen=True, kw_only=True):
    """The gateway is about to send the order, under this magic number, this once."""

    order_id: str
    execution_id: str
    account: str
    symbol: str
    magic: int
    attempt: int


class OrderFilled(Event, frozen=True, kw_only=True):
    """The venue dealt for the order. `volume_left_lots` is what it did not fill, and will not."""

    order_id: str
    execution_id: str
    account: str
    symbol: str
    side: Side
    volume_lots: Lots
    volume_left_lots: Lots
    price: Price
    commission: Money
    profit: Money
    deal_ticket: int
    position_id: int
    dealt_at_us: int


class OrderRejected(Event, frozen=True, kw_only=True):
    """The venue refused the order with a return code. Nothing was dealt."""

    order_id: str
    execution_id: str
    account: str
    symbol: str
    retcode: int
    detail: str


class OrderUnresolved(Event, frozen=True, kw_only=True):
    """The answer of the venue was lost: the order may or may not have been dealt."""

    order_id: str
    execution_id: str
    account: str
    symbol: str
    detail: str


class OrderNotExecuted(Event, frozen=True, kw_only=True):
    """The venue was asked until it was certain that the order had never been dealt."""

    order_id: str
    execution_id: str
    account: str
    symbol: str
    evidence: str


class OrderExpired(Event, frozen=True, kw_only=True):
    """The order was not sent in time, and never will be."""

    order_id: str
    execution_id: str
    account: str
    symbol: str
    expired_at_us: int


class PositionClosed(Event, frozen=True, kw_only=True):
    """The venue closed a position that the order had opened, or a part of it (stop, target …)."""

    order_id: str
    execution_id: str
    account: str
    symbol: str
    position_id: int
    deal_ticket: int
    side: Side
    volume_lots: Lots
    price: Price
    commission: Money
    swap: Money
    profit: Money
    reason: str
    dealt_at_us: int


class DealDisputed(Event, frozen=True, kw_only=True):
    """The venue shows a deal for the order that the order cannot explain: a person must look."""

    order_id: str
    execution_id: str
    account: str
    symbol: str
    deal_ticket: int
    position_id: int
    volume_lots: Lots
    reason: str
    dealt_at_us: int


def magic_of(order_id: str) -> int:
    """The 63 bits by which the venue knows the order, in its `magic` field: part of a SHA-256."""
    return int.from_bytes(hashlib.sha256(order_id.encode()).digest()[:8], "big") >> 1
