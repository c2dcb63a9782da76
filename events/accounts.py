"""What is known of the accounts we trade."""

from __future__ import annotations

from events.envelope import Event
from events.values import Lots, Money


class AccountOpened(Event, frozen=True, kw_only=True):
    """An account may be traded from now on."""

    account: str
    login: int
    server: str
    currency: str


class AccountReported(Event, frozen=True, kw_only=True):
    """The venue stated the account's books at a moment."""

    account: str
    balance: Money
    equity: Money
    margin: Money
    open_lots: Lots
    open_positions: int
    reported_at_us: int


class AccountHalted(Event, frozen=True, kw_only=True):
    """No new risk may be taken on the account."""

    account: str
    reason: str


class AccountResumed(Event, frozen=True, kw_only=True):
    """The account may take risk again."""

    account: str
    reason: str


class BreakerOpened(Event, frozen=True, kw_only=True):
    """The account's terminal cannot be relied on: only orders that reduce risk are sent."""

    account: str
    reason: str


class BreakerHalfOpened(Event, frozen=True, kw_only=True):
    """The account's terminal is asked one read, to see whether it can be relied on again."""

    account: str


class BreakerClosed(Event, frozen=True, kw_only=True):
    """The account's terminal has answered again: all orders are sent."""

    account: str


class TerminalHealthChanged(Event, frozen=True, kw_only=True):
    """How far the account's terminal is from trading is another than before; why, if it cannot.

    Each part needs those before it: a terminal that answers, that has its broker, in which our
    account is logged in, that has the broker's symbols, and in which trading is allowed.
    """

    account: str
    connected: bool
    broker_connected: bool
    authorised: bool
    synchronised: bool
    trading_allowed: bool
    detail: str


class CredentialRotated(Event, frozen=True, kw_only=True):
    """The account's credential was sealed anew. It is of use until its lease is over."""

    account: str
    provider: str
    lease_until_us: int


class ExternalDealFound(Event, frozen=True, kw_only=True):
    """The venue shows a deal that none of our orders explains. It is counted, never adopted."""

    account: str
    deal_ticket: int
    position_id: int
    symbol: str
    volume_lots: Lots
    profit: Money
    magic: int
    dealt_at_us: int
