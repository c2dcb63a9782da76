"""The gateway as a process, on a real Kafka, a real Postgres and the venue: filled, and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from commands.limits import LIMITS
from commands.order_life import ORDERS
from commands.orders import RequestOrder
from events.envelope import Message, first_cause
from events.values import Side, lots, price
from infra import fault
from infra.config import Config
from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.process import free_ports
from infra.mt5.books import differences
from infra.mt5.reconcile import TRADES
from infra.mt5.remote import RemoteTerminal
from infra.run import relay, venue
from infra.store import postgres
from infra.store.event_store import EventStore
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from tests.infra.mt5.desk import WIDE

ACCOUNT = "90001"
PATIENCE_S = 60.0
AWAY_S = 3.0
ENDS = {"OrderFilled", "OrderRejected", "OrderNotExecuted", "OrderExpired"}


@dataclass
class Platform:
    """What a gateway needs around it, and eyes of the test's own."""

    config: Config
    store: EventStore
    terminal: RemoteTerminal

    def __post_init__(self) -> None:
        """The account has limits, as it does wherever an order is accepted."""
        self.store.handle(
            LIMITS, first_cause(WIDE, source="test", sequence="0", key=ACCOUNT, time_us=0)
        )

    def request(self, order_id: str) -> None:
        """A leg is wanted and accepted: the relay brings it to the gateway."""
        now_us = time.time_ns() // 1_000
        tick = self.terminal.symbol_info_tick("EURUSD")
        assert tick is not None
        wish = RequestOrder(
            order_id=order_id,
            execution_id="x",
            account=ACCOUNT,
            symbol="EURUSD",
            side=Side.BUY,
            volume_lots=lots("0.10"),
            price_reference=price(tick.ask),
            stop_loss=None,
            take_profit=None,
            closes_position=None,
            confidence=0.9,
            requested_at_us=now_us,
            signal_at_us=now_us,
            expires_at_us=now_us + 60_000_000,
            limits_version=1,
            volume_lots_max=lots("1"),
            open_lots_max=lots("9"),
            open_lots=lots("0"),
            open_positions_max=9,
            open_positions=0,
            confidence_min=0.5,
            signal_age_ms_max=60_000,
            symbols_allowed=("EURUSD",),
            halted=False,
        )
        command: Message[RequestOrder] = first_cause(
            wish, source="test", sequence=order_id, key=order_id, time_us=now_us
        )
        self.store.handle(ORDERS, command)

    def story(self, order_id: str) -> list[str]:
        """The names of an order's events."""
        return [type(m.event).__name__ for m in self.store.load(f"orders:{order_id}")[1]]

    def ended(self, order_id: str) -> list[str]:
        """Its story, once it has an end."""
        wait_for(lambda: self.story(order_id)[-1] in ENDS, f"the end of {order_id}")
        return self.story(order_id)

    def check_books(self) -> int:
        """Number of deals, each of them explained."""
        positions = self.terminal.positions_get()
        deals = self.terminal.history_deals_get(1, int(time.time()) + 86_400)
        info = self.terminal.account_info()
        assert positions is not None
        assert deals is not None
        assert info is not None
        logged = [each.message for each in self.store.after(0, 10_000)]
        events = [message.event for message in logged if message is not None]
        assert differences(ACCOUNT, events, positions, deals, info.balance) == ()
        return sum(deal.type in TRADES for deal in deals)


@contextmanager
def around(config: Config) -> Iterator[Platform]:
    """Topics, schemas, a venue and a relay."""
    kafka.ensure_topics(config)
    SchemaIds(config).register_all()
    terminal = RemoteTerminal(config.venue, ACCOUNT)
    with running(venue.run, config), running(relay.run, config):
        wait_for(lambda: terminal.initialize(), "the venue")
        with EventStore.open(postgres.address(config.postgres, config.namespace)) as store:
            yield Platform(config, store, terminal)
    terminal.shutdown()


@contextmanager
def running(role: Callable[[Config, threading.Event], None], config: Config) -> Iterator[None]:
    """A role in a thread of the test."""
    stop = threading.Event()
    thread = threading.Thread(target=role, args=(config, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE_S)


@pytest.fixture
def platform(config: Config) -> Iterator[Platform]:
    with around(config) as platform:
        yield platform


@contextmanager
def gateway(config: Config, dies_at: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """The role in a process of its own; it is asked to end, and must, unless it has died."""
    environment = {**os.environ, **config.environment()}
    if dies_at:
        environment[fault.VARIABLE] = dies_at
    command = [sys.executable, "-m", "infra.cli.main", "run", "gateway", ACCOUNT]
    process = subprocess.Popen(command, env=environment)
    try:
        yield process
        if process.poll() is None:
            process.terminate()
            assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, f"waited {PATIENCE_S:.0f} s for {what}"
        time.sleep(0.02)


def test_an_accepted_order_is_filled_and_the_next_process_goes_on(platform: Platform) -> None:
    for name in ("first", "second"):
        with gateway(platform.config):
            platform.request(f"{name}/open")
            story = platform.ended(f"{name}/open")
        assert story == ["OrderAccepted", "OrderIntended", "OrderFilled"]
    assert platform.check_books() == 2


def test_killed_at_each_named_place_an_order_is_never_lost_nor_doubled(
    platform: Platform,
) -> None:
    for name, end in (
        ("after_intent_commit", "OrderNotExecuted"),
        ("after_order_send", "OrderFilled"),
        ("before_record", "OrderFilled"),
    ):
        with gateway(platform.config, dies_at=name) as doomed:
            platform.request(f"{name}/open")
            assert doomed.wait(PATIENCE_S) == -signal.SIGKILL
        assert platform.story(f"{name}/open") == ["OrderAccepted", "OrderIntended"]
        with gateway(platform.config):
            story = platform.ended(f"{name}/open")
        assert story == ["OrderAccepted", "OrderIntended", "OrderUnresolved", end]
    assert platform.check_books() == 2


def test_a_second_gateway_of_the_account_waits_until_the_first_is_gone(
    platform: Platform,
) -> None:
    with gateway(platform.config) as first:
        platform.request("first/open")
        platform.ended("first/open")
        with gateway(platform.config):
            platform.request("second/open")
            platform.ended("second/open")
            first.kill()
            platform.request("third/open")
            platform.ended("third/open")
    assert platform.check_books() == 3


def test_a_venue_that_goes_away_is_waited_for(config: Config) -> None:
    kafka.ensure_topics(config)
    SchemaIds(config).register_all()
    terminal = RemoteTerminal(config.venue, ACCOUNT)
    conninfo = postgres.address(config.postgres, config.namespace)
    with running(relay.run, config), EventStore.open(conninfo) as store, gateway(config) as one:
        platform = Platform(config, store, terminal)
        for name in ("first", "second"):
            with running(venue.run, config):
                wait_for(lambda: terminal.initialize(), "the venue")
                platform.request(f"{name}/open")
                platform.ended(f"{name}/open")
        with running(venue.run, config):
            wait_for(lambda: terminal.initialize(), "the venue")
            assert platform.check_books() == 2
        assert one.poll() is None
    terminal.shutdown()


def test_while_postgres_is_away_nothing_is_sent_and_nothing_needs_a_restart(
    config: Config, tmp_path: Path
) -> None:
    database = EmbeddedPostgres(tmp_path, free_ports(1)[0])
    database.start()
    config = replace(config, postgres=database.dsn)
    try:
        with around(config) as platform, gateway(config) as one:
            platform.request("first/open")
            platform.ended("first/open")
            database.kill()
            time.sleep(AWAY_S)
            database.start()
            wait_for(lambda: accepted(platform, "second/open"), "the event store")
            platform.ended("second/open")
            assert platform.check_books() == 2
            assert one.poll() is None
    finally:
        database.kill()


def accepted(platform: Platform, order_id: str) -> bool:
    """Whether the order could be stored."""
    try:
        platform.request(order_id)
    except postgres.AWAY:
        return False
    return True
