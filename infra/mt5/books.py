"""The venue's books beside the tape's: positions, deals and balance must be the same. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from events.accounts import ExternalDealFound
from events.envelope import Event
from events.orders import OrderFilled, PositionClosed
from events.values import Side, lots, money
from infra.mt5 import constants as mt5
from infra.mt5.reconcile import TRADES
from infra.mt5.tuples import TradeDeal, TradePosition

CENT = Decimal("0.01")
"""Venues round every deal to it; sums of them are compared by it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the tape and the venue tell differently."""

    what: str
    tape: str
    venue: str

    def __str__(self) -> str:
        return f"{self.what}: the tape says {self.tape}, the venue {self.venue}"


@dataclass(slots=True)
class TapeBook:
    """One account's book as its events tell it. Volumes are signed: buys are positive."""

    positions: dict[int, Decimal] = field(default_factory=dict)
    deals: dict[int, Decimal] = field(default_factory=dict)
    moved: Decimal = Decimal(0)
    doubled: list[int] = field(default_factory=list)

    def take(self, event: OrderFilled | PositionClosed) -> None:
        """Book a deal of one of our orders."""
        signed = event.volume_lots if event.side is Side.BUY else -event.volume_lots
        swap = event.swap if isinstance(event, PositionClosed) else Decimal(0)
        self._deal(event.deal_ticket, signed, event.profit + event.commission + swap)
        left = self.positions.get(event.position_id, Decimal(0)) + signed
        self.positions[event.position_id] = left
        if not left:
            del self.positions[event.position_id]

    def take_external(self, event: ExternalDealFound) -> None:
        """Count a deal that is not ours. It moves the balance, and its position is not ours."""
        self._deal(event.deal_ticket, event.volume_lots, event.profit)

    def _deal(self, ticket: int, volume: Decimal, moved: Decimal) -> None:
        if ticket in self.deals:
            self.doubled.append(ticket)
        self.deals[ticket] = volume
        self.moved += moved


def tape_book(account: str, events: Iterable[Event]) -> TapeBook:
    """The book that these events make of an account."""
    book = TapeBook()
    for event in events:
        match event:
            case OrderFilled() | PositionClosed() if event.account == account:
                book.take(event)
            case ExternalDealFound() if event.account == account:
                book.take_external(event)
    return book


def differences(
    account: str,
    events: Iterable[Event],
    positions: Sequence[TradePosition],
    deals: Sequence[TradeDeal],
    balance: float,
) -> tuple[Difference, ...]:
    """What differs; nothing if every deal, position and cent is explained.

    `deals` are all of the account's since it was opened: deposits and the like, which no event
    tells, are taken from the venue as they are.
    """
    events = tuple(events)
    book = tape_book(account, events)
    external = {e.position_id for e in events if isinstance(e, ExternalDealFound)}
    traded = {deal.ticket: deal for deal in deals if deal.type in TRADES}
    granted = sum((money(d.profit) for d in deals if d.type not in TRADES), Decimal(0))
    return (
        *(_doubled(ticket) for ticket in book.doubled),
        *_deals(book, traded),
        *_positions(book, {p.ticket: p for p in positions if p.ticket not in external}),
        *_balance(granted + book.moved, money(balance)),
    )


def _doubled(ticket: int) -> Difference:
    return Difference(f"deal {ticket}", "it more than once", "it once")


def _deals(book: TapeBook, traded: dict[int, TradeDeal]) -> Iterable[Difference]:
    for ticket in sorted(book.deals.keys() | traded.keys()):
        told, seen = book.deals.get(ticket), traded.get(ticket)
        ours = "nothing" if told is None else f"{abs(told)} lots"
        theirs = "nothing" if seen is None else f"{lots(seen.volume)} lots"
        if ours != theirs:
            yield Difference(f"deal {ticket}", ours, theirs)


def _positions(book: TapeBook, held: dict[int, TradePosition]) -> Iterable[Difference]:
    for ticket in sorted(book.positions.keys() | held.keys()):
        told = book.positions.get(ticket, Decimal(0))
        seen = _signed(held[ticket]) if ticket in held else Decimal(0)
        if told != seen:
            yield Difference(f"position {ticket}", f"{told} lots", f"{seen} lots")


def _signed(position: TradePosition) -> Decimal:
    volume = lots(position.volume)
    return volume if position.type == mt5.POSITION_TYPE_BUY else -volume


def _balance(told: Decimal, seen: Decimal) -> Iterable[Difference]:
    if abs(told - seen) >= CENT:
        yield Difference("balance", str(told), str(seen))
