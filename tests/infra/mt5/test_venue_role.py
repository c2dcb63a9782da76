"""The role: what it makes of a configuration, and what it says when it cannot start."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event

import pytest

from infra.config import Config, ConfigError
from infra.embedded.process import ServiceError
from infra.mt5 import constants as mt5
from infra.mt5.remote import RemoteTerminal
from infra.mt5.simulator import broker
from infra.mt5.simulator.broker import Broker
from infra.run import venue
from infra.up import boot
from infra.up.roles import VENUE
from infra.up.supervisor import Supervisor
from tests.infra.mt5 import worlds

LIMIT_S = 30.0
ACCOUNTS = ("90001", "90002", "90003")


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def config(tmp_path: Path, port: int) -> Callable[..., Config]:
    def made(**settings: str) -> Config:
        plain = {"HOME": str(tmp_path), "PORT_VENUE": str(port), **settings}
        return Config.load({f"TAPEDECK_{name}": value for name, value in plain.items()})

    return made


def test_the_role_serves_every_account_and_ends_when_asked(config: Callable[..., Config]) -> None:
    chosen, stop = config(), Event()
    role = threading.Thread(target=venue.run, args=(chosen, stop))
    role.start()
    terminals = [RemoteTerminal(chosen.venue, account) for account in ACCOUNTS]
    try:
        for terminal, account in zip(terminals, ACCOUNTS, strict=True):
            until = time.monotonic() + LIMIT_S
            while not terminal.initialize():
                assert time.monotonic() < until, terminal.last_error()
                time.sleep(0.05)
            info = terminal.account_info()
            assert info is not None
            assert info.login == int(account)
            assert worlds.quote(terminal).time_msc > (time.time() - 300) * 1000
    finally:
        for terminal in terminals:
            terminal.shutdown()
        stop.set()
        role.join()
    assert terminals[0].account_info() is None


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"SYMBOLS": "EURUSD,BTCUSD"}, "TAPEDECK_SYMBOLS: symbol BTCUSD is not quoted"),
        ({"SEED": "8"}, "put the old ones back"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(
    config: Callable[..., Config], settings: Mapping[str, str], says: str
) -> None:
    venue.opened(config()).close()
    with pytest.raises(ConfigError, match=says) as refused:
        venue.opened(config(**settings))
    assert "\n" not in str(refused.value)


def test_books_of_another_model_are_named_with_what_to_do_about_them(
    config: Callable[..., Config], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as before:
        before.setattr("infra.mt5.simulator.broker.MODEL", broker.MODEL - 1)
        before.setattr(venue, "MODEL", broker.MODEL - 1)
        venue.opened(config()).close()
    with pytest.raises(ConfigError) as refused:
        venue.opened(config())
    said = str(refused.value)
    assert "\n" not in said
    assert len(said) - 2 * len(str(tmp_path)) < 250, "the screen of `up` cuts long lines"
    assert f"written by model {broker.MODEL - 1} " in said
    assert f"this is model {broker.MODEL}, which deals otherwise" in said
    folder = tmp_path / "venue" / "journal"
    assert said.endswith(f"`mv journal journal-{broker.MODEL - 1}` in {folder.parent}")
    folder.rename(folder.with_name(f"journal-{broker.MODEL - 1}"))
    venue.opened(config()).close()


def test_a_role_that_refuses_its_books_says_so_and_is_not_started_again(
    config: Callable[..., Config],
) -> None:
    venue.opened(config(SEED="8")).close()
    notes: list[str] = []
    supervisor = Supervisor(config(), notes.append)
    child = supervisor.add_role(VENUE)
    try:
        with pytest.raises(ServiceError, match=r"^/.*put the old ones back"):
            boot.wait_for(child, f"tcp://{config().venue}", supervisor)
    finally:
        supervisor.stop()
    assert notes == []


def test_a_port_in_use_is_named(config: Callable[..., Config], port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        opened = venue.opened(config())
        with pytest.raises(ConfigError, match=f"TAPEDECK_PORT_VENUE is {port}; .*another port"):
            venue.listening(config(), opened)
    venue.opened(config()).close()  # and the books were let go


def test_the_metrics_show_every_account(config: Callable[..., Config]) -> None:
    opened: Broker = venue.opened(config())
    venue.measure(opened)
    opened.close()
    figures = [venue.EQUITY.labels(int(account))._value.get() for account in ACCOUNTS]
    assert figures == [100_000.0] * 3


def test_many_terminals_trade_at_once_and_nothing_is_mixed_up() -> None:
    with worlds.over_tcp(worlds.settings()) as world:
        logins = [worlds.LOGIN, worlds.OTHER] * 3
        terminals = [world.ready(login) for login in logins]
        failures: list[str] = []

        def trade(number: int) -> None:
            terminal = terminals[number]
            for _ in range(20):
                result = terminal.order_send(worlds.deal(terminal, volume=0.01, magic=number))
                if result is None or result.request.magic != number:
                    failures.append(f"{number}: {result} {terminal.last_error()}")
                elif result.retcode != mt5.TRADE_RETCODE_DONE:
                    failures.append(f"{number}: {result.retcode}")

        threads = [threading.Thread(target=trade, args=(n,)) for n in range(len(terminals))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        for terminal, owners in ((terminals[0], {0, 2, 4}), (terminals[1], {1, 3, 5})):
            positions = terminal.positions_get() or ()
            assert len(positions) == 60
            assert {position.magic for position in positions} == owners
