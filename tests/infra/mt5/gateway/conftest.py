"""A gateway's ledger, in memory and over Postgres; what it knows of a made-up market."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from infra.mt5.gateway import tables
from infra.mt5.gateway.ledger import Ledger
from infra.mt5.gateway.store import GatewayStore
from infra.mt5.gateway.warm import Warm
from infra.store import postgres as pg
from infra.store.event_store import EventStore
from tests.infra.mt5.desk import ACCOUNT
from tests.infra.mt5.gateway.quoting import Clock, Terminal, move
from tests.infra.mt5.memory_ledger import MemoryLedger


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
def clock() -> Clock:
    return Clock()


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


@pytest.fixture
def warm(terminal: Any, clock: Clock) -> Warm:
    """Both quotes have been seen to come, just now."""
    kept = Warm(terminal, clock, ("EURUSD", "GBPUSD"))
    kept.refresh()
    move(terminal, 1, "EURUSD", "GBPUSD")
    kept.refresh()
    terminal.asked.clear()
    return kept
