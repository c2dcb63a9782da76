"""An account: open, halted or trading, and what the venue says of it."""

from __future__ import annotations

from commands.command import Command
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


AccountCommand = OpenAccount | ReportAccount | HaltAccount | ResumeAccount | RecordExternalDeal
COMMANDS = (OpenAccount, ReportAccount, HaltAccount, ResumeAccount, RecordExternalDeal)
