"""What became of an order whose answer was lost: a judgement over four reads of the terminal.

The reads may contradict each other, fail, or come before the venue has written everything down, so
only two findings are final: the order's deals, and an order that ended without any. `Absent` is
evidence, not proof: whoever asks must find it twice, with time between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from events.orders import OrderAccepted, magic_of
from events.values import Side, lots
from infra.mt5 import constants as mt5
from infra.mt5.requests import comment_of
from infra.mt5.tuples import TradeDeal, TradeOrder, TradePosition

EVER_S = (1 << 32) - 1
"""Later than anything that a venue shows: our own clock is not asked where history ends."""
SKEW_US = 60_000_000
"""How far the venue's clock may be behind ours."""
COMMENT_CHARACTERS_MIN = 12
"""A comment that a broker has cut to less than this names no order."""

TRADES = (mt5.DEAL_TYPE_BUY, mt5.DEAL_TYPE_SELL)
OPENS = (mt5.DEAL_ENTRY_IN, mt5.DEAL_ENTRY_INOUT)
CLOSES = (mt5.DEAL_ENTRY_OUT, mt5.DEAL_ENTRY_OUT_BY, mt5.DEAL_ENTRY_INOUT)
ENDED_UNDEALT = (mt5.ORDER_STATE_CANCELED, mt5.ORDER_STATE_REJECTED, mt5.ORDER_STATE_EXPIRED)


@dataclass(frozen=True, slots=True)
class Books:
    """Four reads of one terminal, with a day's margin around the order; None where one failed."""

    positions: tuple[TradePosition, ...] | None
    orders: tuple[TradeOrder, ...] | None
    orders_done: tuple[TradeOrder, ...] | None
    deals: tuple[TradeDeal, ...] | None


@dataclass(frozen=True, slots=True)
class Found:
    """The venue dealt for the order: these deals, oldest first."""

    deals: tuple[TradeDeal, ...]


@dataclass(frozen=True, slots=True)
class Undealt:
    """The venue shows the order, ended, without a deal."""

    evidence: str


@dataclass(frozen=True, slots=True)
class Absent:
    """All four reads succeeded and none knows the order."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """A read failed, or the venue is not done with the order."""

    why: str


Finding = Found | Undealt | Absent | Undecided


def judge(
    order: OrderAccepted,
    books: Books,
    explained: Callable[[int], bool],
    since_us: int,
    venue_order: int = 0,
) -> Finding:
    """What the reads say about `order`.

    `explained` knows the tickets of deals that were accounted for before. Before `since_us` it was
    not sent: a nameless deal of before is not taken for its own. `venue_order` is the ticket that
    the venue gave it, if an answer came: such an order exists, and is never `Absent`.
    """
    positions, active, done, deals = books.positions, books.orders, books.orders_done, books.deals
    if positions is None or active is None or done is None or deals is None:
        return Undecided("a read of the terminal failed")
    if any(is_ours(order, each, venue_order) for each in active):
        return Undecided("the order is still active at the venue")
    fills = [deal for deal in deals if is_fill(order, deal)]
    named = [deal for deal in fills if is_ours(order, deal, venue_order)]
    # A name is proof whatever the venue's clock says; without one, time must speak for it too.
    twins = _anonymous_twin(order, [deal for deal in fills if not explained(deal.ticket)], done)
    if not named and any(deal.time_msc * 1_000 < since_us - SKEW_US for deal in twins):
        return Undecided("a deal without a name is like the order's, and older than the order")
    found = tuple(sorted(named or twins, key=lambda deal: deal.ticket))
    ended = [each for each in done if is_ours(order, each, venue_order)]
    if missing := _missing_lots(order, found, {*ended, *_orders_of(found, done)}):
        return Undecided(f"deals of {missing} lots are not written down yet")
    if found:
        return Found(found)
    refused = [each for each in ended if each.state in ENDED_UNDEALT]
    if refused:
        return Undealt(f"history order {refused[0].ticket} ended in state {refused[0].state}")
    if ended or venue_order or any(_named(order, p.magic, p.comment) for p in positions):
        return Undecided("the venue knows the order but shows no deal of it yet")
    return Absent()


def _orders_of(
    deals: tuple[TradeDeal, ...], done: tuple[TradeOrder, ...]
) -> tuple[TradeOrder, ...]:
    tickets = {deal.order for deal in deals}
    return tuple(each for each in done if each.ticket in tickets)


def _missing_lots(
    order: OrderAccepted, deals: tuple[TradeDeal, ...], ended: set[TradeOrder]
) -> Decimal:
    """What the venue dealt by the word of its order, and shows no deal of.

    Where there are deals and no order that has ended, all of it must have been dealt: what else
    became of it is not written down.
    """
    if ended:
        dealt = sum((lots(o.volume_initial) - lots(o.volume_current) for o in ended), Decimal(0))
    else:
        dealt = order.volume_lots if deals else Decimal(0)
    return max(Decimal(0), dealt - sum((lots(deal.volume) for deal in deals), Decimal(0)))


def is_ours(order: OrderAccepted, seen: TradeOrder | TradeDeal, venue_order: int = 0) -> bool:
    """Whether the venue's record names this order: by ticket, magic number or comment."""
    ticket = seen.order if isinstance(seen, TradeDeal) else seen.ticket
    return (venue_order != 0 and ticket == venue_order) or _named(order, seen.magic, seen.comment)


def is_fill(order: OrderAccepted, deal: TradeDeal) -> bool:
    """Whether a deal is what the order asked for, not the later end of what it opened.

    A stop or target that closes a position carries the magic of the order that opened it.
    """
    if deal.type not in TRADES:
        return False
    if order.closes_position is None:
        return deal.entry in OPENS
    return deal.entry in CLOSES and deal.position_id == order.closes_position


def _named(order: OrderAccepted, magic: int, comment: str) -> bool:
    if magic == magic_of(order.order_id):
        return True
    if magic != 0 or len(comment) < COMMENT_CHARACTERS_MIN:
        return False
    ours = comment_of(order.order_id)
    return comment.startswith(ours) or ours.startswith(comment)


def _anonymous_twin(
    order: OrderAccepted, deals: list[TradeDeal], done: tuple[TradeOrder, ...]
) -> list[TradeDeal]:
    """Deals whose name the broker took away, of an order that asked for just what was ordered.

    They count only if there is one such order and nobody has accounted for them, as the sweep does
    for every deal on a symbol that has no order in flight. A part is told from a stranger's deal by
    the volume that its order had asked for; a venue that does not show it must have dealt it all.
    """
    wanted_lots = float(order.volume_lots)
    asked_lots = {each.ticket: each.volume_initial for each in done}
    twins: dict[int, list[TradeDeal]] = {}
    for deal in deals:
        if _is_nameless(order, deal) and asked_lots.get(deal.order, deal.volume) == wanted_lots:
            twins.setdefault(deal.order, []).append(deal)
    (parts,) = twins.values() if len(twins) == 1 else ([],)
    return parts if lots(sum(deal.volume for deal in parts)) <= order.volume_lots else []


def _is_nameless(order: OrderAccepted, deal: TradeDeal) -> bool:
    side = mt5.DEAL_TYPE_BUY if order.side is Side.BUY else mt5.DEAL_TYPE_SELL
    nameless = deal.magic == 0 and len(deal.comment) < COMMENT_CHARACTERS_MIN
    return nameless and deal.symbol == order.symbol and deal.type == side
