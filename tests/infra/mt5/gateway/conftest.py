"""The two ledgers of a gateway, which keep one contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from events.envelope import Message
from events.orders import (
    OrderAccepted,
)
from infra.mt5.gateway import tables
from infra.mt5.gateway.ledger import Ledger
from infra.mt5.gateway.store import GatewayStore
from infra.store import postgres as pg
from infra.store.event_store import EventStore
from tests.infra.mt5.desk import ACCOUNT, message, order
from tests.infra.mt5.memory_ledger import MemoryLedger

Accept = Callable[..., Message[OrderAccepted]]


@pytest.fixture(params=["memory", "postgres"])
def books(request: pytest.FixtureRequest) -> Iterator[tuple[Ledger, EventStore]]:
    if request.param == "memory":
        ledger = MemoryLedger(ACCOUNT)
        yield ledger, ledger.store
        return
    conninfo = pg.address(request.getfixturevalue("postgres"))
    store = EventStore.open(conninfo)
    pg.migrate(conninfo, *tables.DDL)
    with pg.connect(conninfo) as connection:
        connection.execute("insert into offsets values ('gateway', 'order-events', 0, 0)")
        yield GatewayStore(store, connection, ACCOUNT, "gateway"), store


@pytest.fixture
def ledger(books: tuple[Ledger, EventStore]) -> Ledger:
    return books[0]


@pytest.fixture
def accept(books: tuple[Ledger, EventStore]) -> Accept:
    """Put an accepted order into its stream, as the decider did before the gateway reads of it."""

    def accepted(**fields: Any) -> Message[OrderAccepted]:
        each = message(order(**fields))
        books[1].append(f"orders:{each.event.order_id}", 0, [each])
        return each

    return accepted
