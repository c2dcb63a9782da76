"""Three accounts as they stand on the tape, for tests of what is shown of them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Any

from events.accounts import AccountOpened, AccountReported
from events.envelope import Event, Message, first_cause
from events.limits import LimitsSet
from events.values import lots, money
from schemas.catalog import key_of

REPORTED_AT_US = 1_700_000_040_000_000
ACCOUNTS = ("90001", "90002", "90003")
STORE = "event-store"


def accounts(entry_id: int = 1) -> list[Message[Any]]:
    """Three accounts, each with a report and limits."""
    events: list[Event] = []
    for account in ACCOUNTS:
        events += [
            AccountOpened(account=account, login=int(account), server="Demo", currency="USD"),
            AccountReported(
                account=account,
                balance=money("100000"),
                equity=money("100001.5"),
                margin=money("0"),
                open_lots=lots("0"),
                open_positions=0,
                reported_at_us=REPORTED_AT_US,
            ),
            LimitsSet(
                account=account,
                version=1,
                volume_lots_max=lots("1"),
                open_lots_max=lots("5"),
                open_positions_max=10,
                confidence_min=0.6,
                signal_age_ms_max=2_000,
                symbols=("EURUSD", "XAUUSD"),
            ),
        ]
    return told(events, entry_id)


def told(events: Iterable[Event], entry_id: int = 1) -> list[Message[Any]]:
    """Events as the event store tells them."""
    entries = count(entry_id)
    return [
        first_cause(
            event,
            source=STORE,
            sequence=f"{next(entries):016d}",
            key=key_of(event),
            time_us=REPORTED_AT_US,
        )
        for event in events
    ]
