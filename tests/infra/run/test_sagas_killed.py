"""A signal becomes an execution, whenever the saga is killed; on a real tape."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from commands.executions import CompleteExecution, OpenExecution
from commands.order_life import ORDERS
from events.envelope import Message
from events.execution import ExecutionCompleted
from events.orders import OrderAccepted
from events.signals import SignalRaised
from infra.config import Config
from infra.run import commands, relay
from infra.run import sagas as role
from infra.run.loop import PASSING, loop
from infra.run.patience import patiently
from infra.store import postgres as database
from infra.store.event_store import EventStore
from infra.store.offsets import Advance
from infra.store.recorders import Effects
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from tests.infra.at_work import Process, process, running, until
from tests.infra.journal import STREAM, commanded, requests
from tests.infra.tape_writer import write
from tests.orders import (
    account_commands,
    fill,
    intent,
    said,
    signal,
)

ROLE = ("infra.cli.main", "run", "sagas")


def gateway(config: Config, stop: threading.Event) -> None:
    """Every order is intended and filled at once."""
    address = database.address(config.postgres, config.namespace)

    def handle(messages: Sequence[Message[Any]], steps: tuple[Advance, ...]) -> None:
        work: list[Any] = []
        for message in messages:
            if isinstance(message.event, OrderAccepted):
                order = message.event.order_id
                ticket = int(message.envelope.sequence)
                deal = fill(order, str(message.event.volume_lots), ticket=ticket)
                work += [(ORDERS, said(intent(order), 0, order)), (ORDERS, said(deal, 1, order))]
        own.handle_all(work, Effects("gateway", steps))

    def life() -> None:
        loop(config, SchemaIds(config), "gateway", ("order-events",), handle, stop)

    with EventStore.open(address) as own:
        patiently("gateway", life, stop, PASSING)


@pytest.mark.parametrize("fault", ["saga_before_commit", "saga_after_commit"])
def test_a_signal_becomes_an_execution_though_the_saga_is_killed(
    config: Config, fault: str
) -> None:
    kafka.ensure_topics(config)
    ids = SchemaIds(config)
    tell_accounts(config, ids)
    address = database.address(config.postgres, config.namespace)
    with (
        EventStore.open(address) as store,
        running(relay.run, config),
        running(commands.run, config),
        running(gateway, config),
    ):
        with process(config, *ROLE) as learning:
            until(partial(knows, address, 9))
            learning.kill()
        write(config, ids, [said(signal(), 0, "processors/signals/0")])
        for visit in (1, 2):
            died(config, f"{fault}:{visit}")
        with running(role.run, config):
            until(lambda: version(store) > 0 and completed(store))
        accounts = requests(store)
        kinds = [type(command) for command in commanded(store)]
        heard = [m for m in store.load(STREAM)[1] if isinstance(m.event, SignalRaised)]
    assert sorted(accounts) == ["a", "b", "c"]
    assert kinds.count(OpenExecution) == kinds.count(CompleteExecution) == 1
    assert len(heard) == 1


def tell_accounts(config: Config, ids: SchemaIds) -> None:
    told = [(a, c) for a in "abc" for c in account_commands(a)]
    write(config, ids, [said(command, n, account) for n, (account, command) in enumerate(told)])


def knows(address: str, facts: int) -> bool:
    with database.connect(address) as session:
        ((table,),) = session.execute("select to_regclass('saga_context')::text").fetchall()
        if table is None:
            return False
        return session.execute("select count(*) from saga_context").fetchall() == [(facts,)]


def died(config: Config, fault: str) -> None:
    doomed = Process(config, *ROLE, fault=fault)
    assert doomed.died_by_kill()


def version(store: EventStore) -> int:
    return store.load(STREAM)[0]


def completed(store: EventStore) -> bool:
    return any(isinstance(m.event, ExecutionCompleted) for m in store.load(STREAM)[1])
