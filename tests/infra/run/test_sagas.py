"""The saga at its journal, on a real Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from commands import DECIDER_OF
from commands.executions import CompleteExecution, OpenExecution
from commands.order_life import ORDERS
from commands.orders import RequestOrder
from events.envelope import Message
from events.execution import ExecutionCompensated
from infra.run import commands
from infra.run import sagas as role
from infra.run.hearing import hears, unborn
from infra.run.sagas import Hearing
from infra.store import offsets
from infra.store import postgres as database
from infra.store.event_store import EventStore
from infra.store.offsets import Advance
from infra.store.postgres import Pool
from infra.store.recorders import Effects
from infra.stream.identity import EVENT_STORE
from sagas.order_execution import ORDER_EXECUTION
from tests.infra.journal import STREAM, accepted, commanded, log_of, requests
from tests.orders import (
    SIGNAL_ID,
    fill,
    intent,
    limits,
    opened,
    reported,
    request,
    said,
    signal,
)


@pytest.fixture
def conninfo(postgres: str) -> str:
    address = database.address(postgres)
    database.migrate(address, *role.DDL, *offsets.DDL)
    return address


@pytest.fixture
def store(conninfo: str) -> Iterator[EventStore]:
    with EventStore.open(conninfo) as opened_store:
        yield opened_store


@pytest.fixture
def pool(conninfo: str) -> Iterator[Pool]:
    with database.open_pool(conninfo) as opened_pool:
        yield opened_pool


def known(*accounts: str) -> list[Message[Any]]:
    facts = [fact(account) for account in accounts for fact in (opened, limits, reported)]
    return [said(fact, number, EVENT_STORE) for number, fact in enumerate(facts)]


def open_instances(pool: Pool) -> list[str]:
    with pool.connection() as connection:
        rows = connection.execute("select instance from saga_open").fetchall()
        return [instance for (instance,) in rows]


def test_what_it_knows_outlives_the_process(store: EventStore, pool: Pool) -> None:
    Hearing(ORDER_EXECUTION, store, pool).handle(known("a", "b"), ())
    Hearing(ORDER_EXECUTION, store, pool).handle([said(signal())], ())
    assert requests(store) == ["a", "b"]
    assert open_instances(pool) == [SIGNAL_ID]


def test_a_wish_that_was_said_and_never_decided_is_decided_at_the_next_start(
    store: EventStore, pool: Pool
) -> None:
    """Earlier versions said their wishes in one transaction and decided them in another."""
    told = hears(ORDER_EXECUTION, unborn(ORDER_EXECUTION, SIGNAL_ID), said(signal()), known("a"))
    note = ("insert into saga_open values (%s, %s)", (ORDER_EXECUTION.name, SIGNAL_ID))
    store.write(store.draft(), told.entries, Effects(statements=(note,)))
    assert accepted(store) == []
    for _ in range(2):
        Hearing(ORDER_EXECUTION, store, pool).sweep()
        assert len(accepted(store)) == len(requests(store)) == 1


def test_what_it_learns_in_the_same_batch_counts_in_order(store: EventStore, pool: Pool) -> None:
    hearing = Hearing(ORDER_EXECUTION, store, pool)
    late = said(opened("c"), 99, EVENT_STORE)
    hearing.handle([*known("a"), said(signal()), late], ())
    assert requests(store) == ["a"]


def test_a_wish_is_decided_as_it_is_said(store: EventStore, pool: Pool) -> None:
    Hearing(ORDER_EXECUTION, store, pool).handle([*known("a", "b"), said(signal())], ())
    _, journal = store.load(STREAM)
    wishes = [m.envelope.message_id for m in journal if isinstance(m.event, RequestOrder)]
    assert [m.envelope.causation_id for m in accepted(store)] == wishes
    assert len(wishes) == 2


def test_the_wish_that_comes_on_the_tape_was_answered(store: EventStore, pool: Pool) -> None:
    Hearing(ORDER_EXECUTION, store, pool).handle([*known("a"), said(signal())], ())
    before = store.last_id()
    wishes = [message for message in log_of(store) if type(message.event) in DECIDER_OF]
    assert [type(wish.event) for wish in wishes] == [OpenExecution, RequestOrder]
    assert not any(map(commands.is_open, wishes))
    store.handle_all([(DECIDER_OF[type(wish.event)], wish) for wish in wishes])
    assert store.last_id() == before


def test_what_is_older_does_not_replace_what_is_known(store: EventStore, pool: Pool) -> None:
    hearing = Hearing(ORDER_EXECUTION, store, pool)
    hearing.handle(known("a"), ())
    closed = said(limits("a", symbols=()), 0, EVENT_STORE)
    hearing.handle([closed], ())
    hearing.handle([said(signal())], ())
    assert requests(store) == ["a"]


def test_a_message_that_comes_again_changes_nothing(store: EventStore, pool: Pool) -> None:
    hearing = Hearing(ORDER_EXECUTION, store, pool)
    hearing.handle([*known("a"), said(signal())], ())
    before = store.load(STREAM)
    hearing.handle([said(signal())], ())
    Hearing(ORDER_EXECUTION, store, pool).handle([said(signal())], ())
    assert store.load(STREAM) == before


def test_orders_of_others_are_not_its_business(store: EventStore, pool: Pool) -> None:
    (stray,) = ORDERS.decide(request(), ORDERS.initial)
    Hearing(ORDER_EXECUTION, store, pool).handle([said(stray)], ())
    assert store.last_id() == 0


def test_of_two_processes_the_slower_reads_again(store: EventStore, pool: Pool) -> None:
    one, other = (Hearing(ORDER_EXECUTION, store, pool) for _ in range(2))
    one.handle([*known("a", "b"), said(signal())], ())
    first, second = accepted(store)
    other.handle([first], ())
    one.handle([second], ())
    other.handle([second], ())
    heard = [m.envelope.message_id for m in store.load(STREAM)[1]]
    assert len(heard) == len(set(heard))
    assert {first.envelope.message_id, second.envelope.message_id} <= set(heard)


def test_a_zombie_s_words_are_lost_with_its_place(
    store: EventStore, pool: Pool, conninfo: str
) -> None:
    with database.connect(conninfo) as session:
        offsets.resume(session, "sagas-order_execution", "signal-events", 0, 0)
    step = (Advance("signal-events", 0, 0, 1),)
    Hearing(ORDER_EXECUTION, store, pool).handle(known("a"), step)
    with pytest.raises(offsets.Superseded):
        Hearing(ORDER_EXECUTION, store, pool).handle([said(signal())], step)
    assert commanded(store) == []
    assert accepted(store) == []


def test_the_sweep_says_what_a_journal_is_missing(store: EventStore, pool: Pool) -> None:
    born = hears(ORDER_EXECUTION, unborn(ORDER_EXECUTION, SIGNAL_ID), said(signal()), known("a"))
    notes = [entry for entry in born.entries if entry.topic.startswith("heard/")]
    row = ("insert into saga_open values (%s, %s)", (ORDER_EXECUTION.name, SIGNAL_ID))
    store.write(store.draft(), notes, Effects(statements=(row,)))
    hearing = Hearing(ORDER_EXECUTION, store, pool)
    assert hearing.sweep() == 1
    assert open_instances(pool) == [SIGNAL_ID]
    assert hearing.sweep() == 0
    assert [type(command) for command in commanded(store)] == [OpenExecution, RequestOrder]


def test_what_is_done_is_not_swept(store: EventStore, pool: Pool) -> None:
    hearing = Hearing(ORDER_EXECUTION, store, pool)
    hearing.handle([*known("a"), said(signal())], ())
    assert open_instances(pool) == [SIGNAL_ID]
    (order,) = accepted(store)
    name, lots = order.event.order_id, str(order.event.volume_lots)
    work = [(ORDERS, said(intent(name), 1)), (ORDERS, said(fill(name, lots), 2))]
    answers = store.handle_all(work)
    hearing.handle([message for answer in answers for message in answer], ())
    assert [type(command) for command in commanded(store)][-1] is CompleteExecution
    assert open_instances(pool) == []


def test_what_nobody_can_follow_ends_in_the_transaction_of_its_signal(
    store: EventStore, pool: Pool
) -> None:
    faint = said(signal(confidence=0.1))
    Hearing(ORDER_EXECUTION, store, pool).handle([*known("a"), faint], ())
    assert isinstance(log_of(store)[-1].event, ExecutionCompensated)
    assert open_instances(pool) == []


def test_what_was_decided_on_its_wish_is_no_news(store: EventStore, pool: Pool) -> None:
    hearing = Hearing(ORDER_EXECUTION, store, pool)
    hearing.handle([*known("a"), said(signal())], ())
    (order,) = accepted(store)
    assert not hearing.concerns(order)
    assert Hearing(ORDER_EXECUTION, store, pool).concerns(order)
    before = store.last_id()
    Hearing(ORDER_EXECUTION, store, pool).handle([order], ())
    assert store.last_id() == before
