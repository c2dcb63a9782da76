"""The state of one account: positions, active orders, and everything that has happened to it."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from operator import attrgetter

from infra.mt5.constants import (
    DEAL_ENTRY_IN,
    DEAL_REASON_CLIENT,
    DEAL_TYPE_BALANCE,
    ORDER_REASON_EXPERT,
    ORDER_STATE_PLACED,
    ORDER_TYPE_BUY,
)
from infra.mt5.simulator.settings import AccountSettings
from infra.mt5.simulator.work import Work
from infra.mt5.tuples import TradeDeal, TradeOrder

_TICKETS_PER_LOGIN = 1_000_000_000


@dataclass(slots=True, kw_only=True)
class Position:
    """An open position. `lot_margin` is what a lot bound when it opened, in account currency;
    `identifier` names the position for ever, its ticket changes when it is turned around."""

    ticket: int
    symbol: str
    side: int
    volume: float
    price_open: float
    sl: float
    tp: float
    opened_ms: int
    updated_ms: int
    magic: int
    comment: str
    lot_margin: float
    identifier: int = 0
    reason: int = ORDER_REASON_EXPERT
    swap: float = 0.0


@dataclass(slots=True, kw_only=True)
class Order:
    """An order, from when it is accepted until it is done. `left` is what is not dealt yet."""

    ticket: int
    symbol: str
    type: int
    volume: float
    price: float
    setup_ms: int
    filling: int
    time_type: int
    magic: int
    comment: str
    left: float
    stop_limit: float = 0.0
    sl: float = 0.0
    tp: float = 0.0
    expires_ms: int = 0
    expiration_s: int = 0
    position: int = 0
    position_by: int = 0
    reason: int = ORDER_REASON_EXPERT
    state: int = ORDER_STATE_PLACED


@dataclass(slots=True)
class Ledger:
    """An account's book. Deals and done orders are kept in the order of their times."""

    login: int
    terms: AccountSettings
    now_ms: int
    next_order: int
    next_deal: int
    balance: float = 0.0
    positions: dict[int, Position] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    works: dict[int, Work] = field(default_factory=dict)
    deals: list[TradeDeal] = field(default_factory=list)
    done: list[TradeOrder] = field(default_factory=list)
    taken: dict[tuple[str, int], tuple[int, float]] = field(default_factory=dict)
    """Of a symbol's book, by side: the last quote dealt at, and the lots taken out of it."""
    _deals_of: dict[int, list[TradeDeal]] = field(default_factory=dict)
    _deals_by: dict[int, list[TradeDeal]] = field(default_factory=dict)
    _done_of: dict[int, list[TradeOrder]] = field(default_factory=dict)
    _done_by_ticket: dict[int, TradeOrder] = field(default_factory=dict)

    def order_ticket(self) -> int:
        """A ticket that no order had before."""
        self.next_order += 1
        return self.next_order - 1

    def deal_ticket(self) -> int:
        """A ticket that no deal had before."""
        self.next_deal += 1
        return self.next_deal - 1

    def position_of(self, symbol: str) -> Position | None:
        """A symbol's position, of which a netting account has at most one."""
        return next((p for p in self.positions.values() if p.symbol == symbol), None)

    def book(self, deal: TradeDeal) -> None:
        """Keep a deal and move the balance by it."""
        self.deals.append(deal)
        self._deals_of.setdefault(deal.position_id, []).append(deal)
        self._deals_by.setdefault(deal.order, []).append(deal)
        moved = deal.profit + deal.commission + deal.swap + deal.fee
        self.balance = round(self.balance + moved, 2)

    def finish(self, order: TradeOrder) -> None:
        """Keep an order that is done."""
        self.done.append(order)
        self._done_by_ticket[order.ticket] = order
        for position in {order.position_id, order.position_by_id} - {0}:
            self._done_of.setdefault(position, []).append(order)

    def deals_between(self, from_s: int, to_s: int) -> list[TradeDeal]:
        """Deals of a range of seconds, both ends included."""
        key = attrgetter("time")
        return self.deals[
            bisect_left(self.deals, from_s, key=key) : bisect_right(self.deals, to_s, key=key)
        ]

    def done_between(self, from_s: int, to_s: int) -> list[TradeOrder]:
        """Orders done in a range of seconds, both ends included."""
        key = attrgetter("time_done")
        return self.done[
            bisect_left(self.done, from_s, key=key) : bisect_right(self.done, to_s, key=key)
        ]

    def deals_of_position(self, position: int) -> list[TradeDeal]:
        """The deals that made and unmade a position."""
        return list(self._deals_of.get(position, ()))

    def deals_of_order(self, ticket: int) -> list[TradeDeal]:
        """The deals that an order has led to."""
        return list(self._deals_by.get(ticket, ()))

    def done_of_position(self, position: int) -> list[TradeOrder]:
        """The done orders that made and unmade a position."""
        return list(self._done_of.get(position, ()))

    def done_order(self, ticket: int) -> TradeOrder | None:
        """A done order by its ticket."""
        return self._done_by_ticket.get(ticket)


def opened(login: int, terms: AccountSettings, at_ms: int) -> Ledger:
    """An account that has just been given its deposit. Tickets do not repeat between accounts."""
    first = login % 1_000_000 * _TICKETS_PER_LOGIN + 1
    ledger = Ledger(login, terms, at_ms, next_order=first, next_deal=first)
    ledger.book(_deposit(ledger.deal_ticket(), terms.deposit, at_ms))
    return ledger


def _deposit(ticket: int, amount: float, at_ms: int) -> TradeDeal:
    return TradeDeal(
        ticket=ticket,
        order=0,
        time=at_ms // 1000,
        time_msc=at_ms,
        type=DEAL_TYPE_BALANCE,
        entry=DEAL_ENTRY_IN,
        magic=0,
        position_id=0,
        reason=DEAL_REASON_CLIENT,
        volume=0.0,
        price=0.0,
        commission=0.0,
        swap=0.0,
        profit=amount,
        fee=0.0,
        symbol="",
        comment="Deposit",
        external_id="",
    )


def is_buy(side: int) -> bool:
    """Whether a position or a market order is a buy."""
    return side == ORDER_TYPE_BUY
