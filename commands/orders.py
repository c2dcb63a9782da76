"""An order's commands, from the wish to the venue's deals. What they decide: `order_life.py`."""

from __future__ import annotations

from commands.command import Command
from events.values import Lots, Money, Price, Side


class RequestOrder(Command, frozen=True, kw_only=True):
    """A leg is wanted on an account, under the limits that came with the wish."""

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
    confidence: float
    requested_at_us: int
    signal_at_us: int
    expires_at_us: int
    limits_version: int
    volume_lots_max: Lots
    open_lots_max: Lots
    open_lots: Lots
    open_positions_max: int
    open_positions: int
    confidence_min: float
    signal_age_ms_max: int
    symbols_allowed: tuple[str, ...]
    halted: bool


class IntendOrder(Command, frozen=True, kw_only=True):
    """The gateway is ready to send the order: first, or again after a refusal that is certain."""

    order_id: str
    magic: int
    attempt: int
    intended_at_us: int


class ExpireOrder(Command, frozen=True, kw_only=True):
    """No gateway has taken the order up, and its time is over."""

    order_id: str
    expired_at_us: int


class RecordFill(Command, frozen=True, kw_only=True):
    """The venue reports a deal for the order."""

    order_id: str
    volume_lots: Lots
    volume_left_lots: Lots
    price: Price
    commission: Money
    profit: Money
    deal_ticket: int
    position_id: int
    dealt_at_us: int


class RecordReject(Command, frozen=True, kw_only=True):
    """The venue refused the order."""

    order_id: str
    retcode: int
    detail: str


class RecordUnknown(Command, frozen=True, kw_only=True):
    """No answer came, or one that proves nothing."""

    order_id: str
    detail: str


class RecordNotExecuted(Command, frozen=True, kw_only=True):
    """Consistent reads of the venue show that the order was never dealt."""

    order_id: str
    evidence: str


class RecordPositionClosed(Command, frozen=True, kw_only=True):
    """The venue closed what the order had opened."""

    order_id: str
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


OrderCommand = (
    RequestOrder
    | IntendOrder
    | ExpireOrder
    | RecordFill
    | RecordReject
    | RecordUnknown
    | RecordNotExecuted
    | RecordPositionClosed
)
COMMANDS = (
    RequestOrder,
    IntendOrder,
    ExpireOrder,
    RecordFill,
    RecordReject,
    RecordUnknown,
    RecordNotExecuted,
    RecordPositionClosed,
)
