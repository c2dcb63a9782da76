"""What both ledgers know of the account itself: who it is, its halt, its breaker, its limits."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from commands.accounts import (
    ACCOUNTS,
    BreakerPosition,
    HaltAccount,
    OpenAccount,
    ResumeAccount,
)
from commands.limits import LIMITS
from events.envelope import Message, first_cause
from infra.mt5.gateway.health import Identity
from infra.mt5.gateway.ledger import Ledger
from infra.store.event_store import EventStore
from tests.infra.mt5.desk import ACCOUNT, WIDE

NOW_US = 1_700_000_000_000_000
IDENTITY = Identity(90001, "Venue")


def test_an_account_keeps_the_identity_it_was_opened_with(ledger: Ledger) -> None:
    assert ledger.known(NOW_US) is None
    opened = ledger.open(IDENTITY, "USD", NOW_US)
    assert ledger.known(NOW_US) == opened
    assert opened.identity == IDENTITY


def test_an_account_that_was_opened_before_is_who_it_was_opened_as(
    books: tuple[Ledger, EventStore],
) -> None:
    ledger, store = books
    opening = OpenAccount(account=ACCOUNT, login=90001, server="Elsewhere", currency="USD")
    halting = HaltAccount(account=ACCOUNT, reason="a test")
    for number, command in enumerate((opening, halting)):
        store.handle(
            ACCOUNTS,
            first_cause(command, source="test", sequence=str(number), key=ACCOUNT, time_us=NOW_US),
        )
    known = ledger.known(NOW_US)
    assert known is not None
    assert known.identity == Identity(90001, "Elsewhere")
    assert ledger.halted_for() == {"a test"}


def test_a_halt_holds_whoever_decided_it_until_it_is_lifted(
    books: tuple[Ledger, EventStore],
) -> None:
    ledger, store = books
    ledger.open(IDENTITY, "USD", NOW_US)
    assert ledger.halted_for() == frozenset()
    ledger.halt("a test", NOW_US)
    assert ledger.halted_for() == {"a test"}
    for kind, left in ((HaltAccount, {"a test", "news"}), (ResumeAccount, set())):
        wish: Any = kind(account=ACCOUNT, reason="news")
        command: Message[Any] = first_cause(
            wish, source="test", sequence=kind.__name__, key=ACCOUNT, time_us=NOW_US
        )
        store.handle(ACCOUNTS, command)
        assert ledger.halted_for() == left


def test_the_breaker_is_left_as_it_was_turned_last(books: tuple[Ledger, EventStore]) -> None:
    ledger, store = books
    assert ledger.breaker() is BreakerPosition.CLOSED
    for position in (BreakerPosition.OPEN, BreakerPosition.HALF_OPEN, BreakerPosition.HALF_OPEN):
        ledger.turn_breaker(position, "a test", NOW_US)
        assert ledger.breaker() is position
    told = [type(kept.event).__name__ for kept in store.load(f"accounts:{ACCOUNT}")[1]]
    assert told == ["BreakerOpened", "BreakerHalfOpened"]


def test_the_limits_in_force_are_those_set_last(books: tuple[Ledger, EventStore]) -> None:
    ledger, store = books
    assert ledger.limits() is None
    for number, positions_max in enumerate((3, 2)):
        wish = replace(WIDE, open_positions_max=positions_max)
        sequence = str(number)
        store.handle(
            LIMITS,
            first_cause(wish, source="test", sequence=sequence, key=ACCOUNT, time_us=NOW_US),
        )
    assert (limits := ledger.limits()) is not None
    assert (limits.version, limits.open_positions_max) == (2, 2)
