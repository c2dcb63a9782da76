"""Commands on a real tape become decisions in a real event store."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from commands import DECIDER_OF
from commands.accounts import HaltAccount, OpenAccount, ResumeAccount
from commands.limits import SetLimits
from commands.models import PromoteModel
from events.models import PromotionRefused
from infra.config import Config
from infra.run import commands as role
from infra.run import expiring, relay
from infra.run import projections as read_side
from infra.store import postgres
from infra.store.event_store import EventStore
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from tests.infra.at_work import process, running, until
from tests.infra.tape_writer import write
from tests.orders import SIGNAL_ID, account_commands, request, said

ROLE = ("infra.cli.main", "run", "commands")


@pytest.fixture
def store(config: Config) -> Iterator[EventStore]:
    kafka.ensure_topics(config)
    with EventStore.open(postgres.address(config.postgres, config.namespace)) as opened_store:
        yield opened_store


@pytest.fixture
def ids(config: Config) -> SchemaIds:
    return SchemaIds(config)


def exists(store: EventStore, stream: str) -> bool:
    return version(store, stream) == 1


def version(store: EventStore, stream: str) -> int:
    return store.load(stream)[0]


def test_every_kind_of_command_finds_its_decider(
    config: Config, store: EventStore, ids: SchemaIds
) -> None:
    promotion = PromoteModel(model="m", model_digest="unknown")
    write(config, ids, [said(c, n) for n, c in enumerate(account_commands("a"))])
    write(config, ids, [said(request("a")), said(promotion)])
    with running(role.run, config):
        until(lambda: version(store, "accounts:a") == 2)
        until(lambda: version(store, "limits:a") == 1)
        until(lambda: version(store, f"orders:{SIGNAL_ID}/a/open") == 1)
        until(lambda: version(store, "models:m") == 1)
    told = store.load("models:m")[1][0].event
    assert told == PromotionRefused(model="m", model_digest="unknown")
    assert {OpenAccount, SetLimits} < set(DECIDER_OF)


def test_a_command_that_was_produced_twice_counts_once(
    config: Config, store: EventStore, ids: SchemaIds
) -> None:
    halt = said(HaltAccount(account="a", reason="r"), 0)
    resume = said(ResumeAccount(account="a", reason="r"), 1)
    write(config, ids, [halt, resume, halt, resume])
    last = said(HaltAccount(account="a", reason="last"), 2)
    with running(role.run, config):
        write(config, ids, [last])
        until(lambda: version(store, "accounts:a") >= 3)
    reasons = [message.event.reason for message in store.load("accounts:a")[1]]
    assert reasons == ["r", "r", "last"]


def test_killed_at_work_it_decides_every_command_once(
    config: Config, store: EventStore, ids: SchemaIds
) -> None:
    accounts = [str(number) for number in range(60)]
    streams = [f"orders:{SIGNAL_ID}/{account}/open" for account in accounts]
    for part in (accounts[:20], accounts[20:40], accounts[40:]):
        with process(config, *ROLE):
            write(config, ids, [said(request(account)) for account in part])
            until(partial(exists, store, f"orders:{SIGNAL_ID}/{part[0]}/open"))
    with running(role.run, config):
        until(lambda: all(exists(store, stream) for stream in streams))
    assert len(store.after(0, 1_000)) == 60


def test_an_order_that_no_gateway_takes_up_expires(
    config: Config, store: EventStore, ids: SchemaIds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiring, "LOOK_EVERY_S", 0.2)
    write(config, ids, [said(request(account), n) for n, account in enumerate(("a", "b"))])
    names = [f"orders:{SIGNAL_ID}/{account}/open" for account in ("a", "b")]
    with running(role.run, config), running(relay.run, config), running(read_side.run, config):
        until(lambda: [version(store, name) for name in names] == [2, 2])
    told = [message.event for message in store.load(names[0])[1]]
    assert [type(event).__name__ for event in told] == ["OrderAccepted", "OrderExpired"]
