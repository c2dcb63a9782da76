"""An account: open, halted or trading, and what the venue says of it."""

from __future__ import annotations

from enum import Enum
from typing import assert_never

from msgspec import Struct
from msgspec.structs import asdict, replace

from commands.command import Command
from commands.decider import Decider
from events.accounts import (
    AccountHalted,
    AccountOpened,
    AccountReported,
    AccountResumed,
    BreakerClosed,
    BreakerHalfOpened,
    BreakerOpened,
    CredentialRotated,
    ExternalDealFound,
    TerminalHealthChanged,
)
from events.values import Lots, Money


class OpenAccount(Command, frozen=True, kw_only=True):
    """The account is to be traded."""

    account: str
    login: int
    server: str
    currency: str


class ReportAccount(Command, frozen=True, kw_only=True):
    """The venue stated the account's books."""

    account: str
    balance: Money
    equity: Money
    margin: Money
    open_lots: Lots
    open_positions: int
    reported_at_us: int


class HaltAccount(Command, frozen=True, kw_only=True):
    """No new risk on the account."""

    account: str
    reason: str


class ResumeAccount(Command, frozen=True, kw_only=True):
    """Risk is allowed again."""

    account: str
    reason: str


class BreakerPosition(Enum):
    """Whether the account's terminal is relied on: half open while it is asked."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class TurnBreaker(Command, frozen=True, kw_only=True):
    """The account's gateway has turned its breaker."""

    account: str
    position: BreakerPosition
    reason: str


class ReportHealth(Command, frozen=True, kw_only=True):
    """The account's gateway has looked at its terminal."""

    account: str
    connected: bool
    broker_connected: bool
    authorised: bool
    synchronised: bool
    trading_allowed: bool
    detail: str


class RecordRotation(Command, frozen=True, kw_only=True):
    """The account's credential was sealed anew."""

    account: str
    provider: str
    lease_until_us: int


class RecordExternalDeal(Command, frozen=True, kw_only=True):
    """The venue shows a deal that none of our orders explains."""

    account: str
    deal_ticket: int
    position_id: int
    symbol: str
    volume_lots: Lots
    profit: Money
    magic: int
    dealt_at_us: int


AccountCommand = (
    OpenAccount
    | ReportAccount
    | HaltAccount
    | ResumeAccount
    | TurnBreaker
    | ReportHealth
    | RecordRotation
    | RecordExternalDeal
)
COMMANDS = (
    OpenAccount,
    ReportAccount,
    HaltAccount,
    ResumeAccount,
    TurnBreaker,
    ReportHealth,
    RecordRotation,
    RecordExternalDeal,
)

BreakerEvent = BreakerOpened | BreakerHalfOpened | BreakerClosed
AccountEvent = (
    AccountOpened
    | AccountReported
    | AccountHalted
    | AccountResumed
    | BreakerEvent
    | TerminalHealthChanged
    | CredentialRotated
    | ExternalDealFound
)
EVENTS = (
    AccountOpened,
    AccountReported,
    AccountHalted,
    AccountResumed,
    BreakerOpened,
    BreakerHalfOpened,
    BreakerClosed,
    TerminalHealthChanged,
    CredentialRotated,
    ExternalDealFound,
)


class Account(Struct, frozen=True):
    """What has to be remembered in order to decide."""

    opened: AccountOpened | None = None
    reported: AccountReported | None = None
    halted_for: frozenset[str] = frozenset()
    """Every reason told since the account last traded; none while it trades."""
    breaker: BreakerPosition = BreakerPosition.CLOSED
    health: TerminalHealthChanged | None = None
    lease_until_us: int = 0
    external_deals: frozenset[int] = frozenset()

    @property
    def halted(self) -> bool:
        """Whether no new risk may be taken."""
        return bool(self.halted_for)


def decide(command: AccountCommand, account: Account) -> tuple[AccountEvent, ...]:
    """An account can be halted before it is opened; everything else it must first exist for."""
    match command:
        case HaltAccount():
            known = command.reason in account.halted_for
            return () if known else (AccountHalted(**asdict(command)),)
        case ResumeAccount():
            return (AccountResumed(**asdict(command)),) if account.halted else ()
        case OpenAccount():
            opened = AccountOpened(**asdict(command))
            return () if opened == account.opened else (opened,)
        case ReportAccount():
            return _reported(AccountReported(**asdict(command)), account)
        case TurnBreaker():
            return () if command.position is account.breaker else (_turned(command),)
        case ReportHealth():
            return _health(TerminalHealthChanged(**asdict(command)), account.health)
        case RecordRotation():
            known = command.lease_until_us <= account.lease_until_us
            return () if known else (CredentialRotated(**asdict(command)),)
        case RecordExternalDeal():
            known = account.opened is None or command.deal_ticket in account.external_deals
            return () if known else (ExternalDealFound(**asdict(command)),)
        case _:
            assert_never(command)


def evolve(account: Account, event: AccountEvent) -> Account:
    """The account after the event."""
    match event:
        case AccountOpened():
            return replace(account, opened=event)
        case AccountReported():
            return replace(account, reported=event)
        case AccountHalted():
            return replace(account, halted_for=account.halted_for | {event.reason})
        case AccountResumed():
            return replace(account, halted_for=frozenset())
        case BreakerOpened():
            return replace(account, breaker=BreakerPosition.OPEN)
        case BreakerHalfOpened():
            return replace(account, breaker=BreakerPosition.HALF_OPEN)
        case BreakerClosed():
            return replace(account, breaker=BreakerPosition.CLOSED)
        case TerminalHealthChanged():
            return replace(account, health=event)
        case CredentialRotated():
            return replace(account, lease_until_us=event.lease_until_us)
        case ExternalDealFound():
            deals = account.external_deals | {event.deal_ticket}
            return replace(account, external_deals=deals)
        case _:
            assert_never(event)


def _turned(command: TurnBreaker) -> BreakerEvent:
    match command.position:
        case BreakerPosition.OPEN:
            return BreakerOpened(account=command.account, reason=command.reason)
        case BreakerPosition.HALF_OPEN:
            return BreakerHalfOpened(account=command.account)
        case BreakerPosition.CLOSED:
            return BreakerClosed(account=command.account)
        case _:
            assert_never(command.position)


def _health(
    seen: TerminalHealthChanged, last: TerminalHealthChanged | None
) -> tuple[AccountEvent, ...]:
    """Another reason for the same parts is no change."""
    same = last is not None and seen == replace(last, detail=seen.detail)
    return () if same else (seen,)


def _reported(report: AccountReported, account: Account) -> tuple[AccountEvent, ...]:
    """Books that are older than those known, or the same, tell nothing."""
    last = account.reported
    if account.opened is None:
        return ()
    if last is None:
        return (report,)
    same = report == replace(last, reported_at_us=report.reported_at_us)
    return () if same or report.reported_at_us <= last.reported_at_us else (report,)


ACCOUNTS: Decider[AccountCommand, Account, AccountEvent] = Decider(
    name="accounts",
    commands=COMMANDS,
    events=EVENTS,
    stream=lambda command: command.account,
    initial=Account(),
    decide=decide,
    evolve=evolve,
)
