"""What a saga's journal and the log hold, for tests."""

from __future__ import annotations

from typing import Any

from commands.orders import RequestOrder
from events.envelope import Event, Message
from events.orders import OrderAccepted
from infra.store.event_store import EventStore
from tests.orders import (
    SIGNAL_ID,
)

STREAM = f"saga:order_execution:{SIGNAL_ID}"


def commanded(store: EventStore, stream: str = STREAM) -> list[Event]:
    journal = store.journals({stream: 0})[stream]
    return [kept.message.event for kept in journal if not kept.heard]


def requests(store: EventStore) -> list[str]:
    return [c.account for c in commanded(store) if isinstance(c, RequestOrder)]


def log_of(store: EventStore) -> list[Message[Any]]:
    return [logged.message for logged in store.after(0, 1_000) if logged.message]


def accepted(store: EventStore) -> list[Message[Any]]:
    return [message for message in log_of(store) if isinstance(message.event, OrderAccepted)]
