"""What is known of an account, told when it changes."""

from __future__ import annotations

from msgspec.structs import asdict, replace

from commands.accounts import (
    ACCOUNTS,
    BreakerPosition,
    HaltAccount,
    OpenAccount,
    RecordExternalDeal,
    RecordRotation,
    ReportAccount,
    ReportHealth,
    ResumeAccount,
    TurnBreaker,
)
from events.accounts import (
    AccountHalted,
    AccountResumed,
    BreakerClosed,
    BreakerHalfOpened,
    BreakerOpened,
    CredentialRotated,
    ExternalDealFound,
    TerminalHealthChanged,
)
from events.values import lots, money
from tests.orders import opened, reported
from tests.spec import given

OPENED, REPORTED = opened("a"), reported("a")
REPORT = ReportAccount(**asdict(REPORTED))
HALT, HALTED = HaltAccount(account="a", reason="r"), AccountHalted(account="a", reason="r")
RESUME, RESUMED = ResumeAccount(account="a", reason="r"), AccountResumed(account="a", reason="r")
DEAL = RecordExternalDeal(
    account="a",
    deal_ticket=3,
    position_id=4,
    symbol="EURUSD",
    volume_lots=lots("0.10"),
    profit=money("1"),
    magic=0,
    dealt_at_us=5,
)


def test_an_account_is_opened_once_and_again_under_other_terms() -> None:
    moved = replace(OPENED, server="Other")
    given(ACCOUNTS).when(OpenAccount(**asdict(OPENED))).then(OPENED)
    given(ACCOUNTS, OPENED).when(OpenAccount(**asdict(moved))).then(moved)


def test_books_are_told_when_they_are_new() -> None:
    later = replace(REPORT, reported_at_us=REPORT.reported_at_us + 1)
    richer = replace(later, equity=money("10001"))
    older = replace(richer, reported_at_us=REPORT.reported_at_us)
    given(ACCOUNTS, OPENED).when(REPORT, later, older).then(REPORTED)
    told = replace(REPORTED, equity=richer.equity, reported_at_us=richer.reported_at_us)
    given(ACCOUNTS, OPENED, REPORTED).when(richer).then(told)


def test_an_account_that_was_not_opened_has_no_books_and_no_deals() -> None:
    given(ACCOUNTS).when(REPORT, DEAL).then()


def test_halts_and_resumes_alternate() -> None:
    given(ACCOUNTS, OPENED).when(RESUME).then()
    given(ACCOUNTS, OPENED, HALTED).when(HALT).then()
    given(ACCOUNTS, OPENED, HALTED).when(RESUME, RESUME, HALT).then(RESUMED, HALTED)


def test_a_fresh_reason_is_told_of_a_halted_account_too() -> None:
    other = replace(HALT, reason="another")
    told = replace(HALTED, reason="another")
    given(ACCOUNTS, OPENED, HALTED).when(other, HALT, other, RESUME).then(told, RESUMED)


def test_an_account_can_be_halted_before_it_is_opened() -> None:
    given(ACCOUNTS).when(HALT).then(HALTED)


def test_a_deal_of_others_is_found_once() -> None:
    given(ACCOUNTS, OPENED).when(DEAL, DEAL).then(ExternalDealFound(**asdict(DEAL)))


def test_each_turn_of_the_breaker_is_told_once() -> None:
    open_, asks, closed = (
        TurnBreaker(account="a", position=position, reason="r")
        for position in (BreakerPosition.OPEN, BreakerPosition.HALF_OPEN, BreakerPosition.CLOSED)
    )
    opened_, asked, closed_again = (
        BreakerOpened(account="a", reason="r"),
        BreakerHalfOpened(account="a"),
        BreakerClosed(account="a"),
    )
    given(ACCOUNTS, OPENED).when(closed).then()
    given(ACCOUNTS, OPENED).when(open_, open_, asks, open_).then(opened_, asked, opened_)
    given(ACCOUNTS, opened_, asked).when(asks, closed, closed).then(closed_again)


def test_a_terminals_health_is_told_when_a_part_of_it_changes() -> None:
    parts = ("connected", "broker_connected", "authorised", "synchronised")
    well = ReportHealth(account="a", **dict.fromkeys(parts, True), trading_allowed=True, detail="")
    off = replace(well, trading_allowed=False, detail="switched off")
    told, told_off = (TerminalHealthChanged(**asdict(each)) for each in (well, off))
    given(ACCOUNTS).when(well, well, off, replace(off, detail="and why")).then(told, told_off)
    given(ACCOUNTS, told, told_off).when(off, well).then(told)


def test_a_credential_is_rotated_towards_a_later_lease() -> None:
    rotation = RecordRotation(account="a", provider="file", lease_until_us=7)
    rotated = CredentialRotated(**asdict(rotation))
    given(ACCOUNTS).when(rotation, rotation, replace(rotation, lease_until_us=6)).then(rotated)
