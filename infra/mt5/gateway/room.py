"""The room that an account has for an order that opens: its limits held against what it holds.

What was known when the order was accepted is old by the time it is sent, and orders of the same
second were accepted without knowing of each other. They are sent one at a time, and counted here.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from math import isfinite

from events.limits import LimitsSet
from events.orders import OrderAccepted, magic_of
from events.values import lots
from infra.mt5.tuples import TradePosition


@dataclass(frozen=True, slots=True)
class Missing:
    """What could not be had, in words that say why."""

    reason: str


@dataclass(frozen=True)
class Room:
    """`doubtful`: orders that may be at the venue, whether it shows their positions or not."""

    limits: LimitsSet | None
    positions: tuple[TradePosition, ...] | Missing
    doubtful: tuple[OrderAccepted, ...] = ()

    def objection(self, order: OrderAccepted) -> str:
        """Why the order must not go, with the figures; or nothing."""
        limits = self.limits
        if limits is None or limits.version < order.limits_version:
            return f"version {order.limits_version} of the account's limits is not known"
        if isinstance(self.positions, Missing):
            return f"the open positions cannot be read: {self.positions.reason}"
        if any(not isfinite(position.volume) for position in self.positions):
            return "the open positions cannot be read: one has no finite volume"
        return _alone(limits, order) or self._beyond(limits, order, len(self.positions))

    def held_lots(self, symbol: str, kind: int) -> Decimal:
        """What is open on a symbol in one direction, a `POSITION_TYPE_*`."""
        return self._held_lots_by.get((symbol, kind), Decimal(0))

    def _beyond(self, limits: LimitsSet, order: OrderAccepted, shown: int) -> str:
        count, risked_lots = self._unshown
        more = f", {count} more may be" if count else ""
        if shown + count >= limits.open_positions_max:
            return f"open_positions_max {limits.open_positions_max}: {shown} are open{more}"
        held = sum(self._held_lots_by.values(), Decimal(0))
        if held + risked_lots + order.volume_lots > limits.open_lots_max:
            more = f", {risked_lots} more may be" if count else ""
            asked = f"{order.volume_lots} more asked for"
            return f"open_lots_max {limits.open_lots_max}: {lots(held)} are open{more}, {asked}"
        return ""

    @cached_property
    def _unshown(self) -> tuple[int, Decimal]:
        """How many positions may be open that the venue does not show, and of how many lots."""
        shown = {position.magic for position in self._shown}
        unshown = [
            each
            for each in self.doubtful
            if each.closes_position is None and magic_of(each.order_id) not in shown
        ]
        return len(unshown), sum((each.volume_lots for each in unshown), Decimal(0))

    @cached_property
    def _held_lots_by(self) -> dict[tuple[str, int], Decimal]:
        held: dict[tuple[str, int], Decimal] = {}
        for position in self._shown:
            each = (position.symbol, position.type)
            held[each] = held.get(each, Decimal(0)) + lots(position.volume)
        return held

    @property
    def _shown(self) -> tuple[TradePosition, ...]:
        return () if isinstance(self.positions, Missing) else self.positions


def _alone(limits: LimitsSet, order: OrderAccepted) -> str:
    """The limit that the order breaks by itself: it may have been set after it was accepted."""
    if order.symbol not in limits.symbols:
        return f"symbols {','.join(limits.symbols)}: {order.symbol} asked for"
    if order.volume_lots > limits.volume_lots_max:
        return f"volume_lots_max {limits.volume_lots_max}: {order.volume_lots} asked for"
    return ""
