"""Each change of a terminal's health is told once, part by part, and stands in the account."""

from __future__ import annotations

from typing import Any

import pytest

from events.accounts import TerminalHealthChanged
from infra.mt5.gateway.health import Health, Rung
from infra.mt5.gateway.records import health_of
from tests.infra.mt5.desk import ACCOUNT
from tests.infra.mt5.floor import Floor

PARTS = ("connected", "broker_connected", "authorised", "synchronised", "trading_allowed")


class Ailing:
    """A terminal that ails when it is told to."""

    def __init__(self, port: Any) -> None:
        self._port = port
        self.connected, self.trades, self.symbols = True, True, True
        self.login: int | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def terminal_info(self) -> Any:
        info = self._port.terminal_info()
        ail = {"connected": self.connected, "trade_allowed": self.trades}
        return info if info is None else info._replace(**ail)

    def account_info(self) -> Any:
        info = self._port.account_info()
        return info._replace(login=self.login) if info and self.login else info

    def symbols_total(self) -> Any:
        return self._port.symbols_total() if self.symbols else 0


def told(floor: Floor) -> list[tuple[bool, ...]]:
    return [
        tuple(getattr(event, part) for part in PARTS)
        for event in floor.events()
        if isinstance(event, TerminalHealthChanged)
    ]


def up_to(count: int) -> tuple[bool, ...]:
    return (True,) * count + (False,) * (len(PARTS) - count)


@pytest.fixture
def floor() -> Floor:
    return Floor()


@pytest.fixture
def terminal(floor: Floor) -> Ailing:
    made: list[Ailing] = []

    def wrap(port: Any) -> Any:
        if not hasattr(port, "terminal_info"):
            return port
        made.append(Ailing(port))
        return made[0]

    floor.start(wrap)
    return made[0]


def test_the_parts_are_told_apart_and_each_change_once(floor: Floor, terminal: Ailing) -> None:
    floor.run(5.0)
    assert told(floor) == [up_to(5)]
    for ail, parts in (
        ({"trades": False}, 4),
        ({"symbols": False}, 3),
        ({"connected": False}, 1),
        ({"connected": True}, 3),
        ({"symbols": True, "trades": True}, 5),
    ):
        for name, value in ail.items():
            setattr(terminal, name, value)
        floor.run(5.0)
        assert told(floor)[-1] == up_to(parts), ail
    assert len(told(floor)) == 6


def test_what_is_missing_is_said(floor: Floor, terminal: Ailing) -> None:
    terminal.connected = False
    floor.run(2.0)
    state = [e for e in floor.events() if isinstance(e, TerminalHealthChanged)][-1]
    assert state.account == ACCOUNT
    assert state.detail == "the terminal is not connected to its broker"


def test_a_stranger_in_the_terminal_is_not_authorised(floor: Floor, terminal: Ailing) -> None:
    terminal.login = 4711
    floor.run(2.0)
    assert told(floor)[-1] == up_to(2)
    assert "logged in to 4711" in next(iter(floor.ledger.halted_for()))


def test_a_session_that_finds_it_as_it_was_tells_nothing(floor: Floor) -> None:
    for _ in range(2):
        floor.start()
        floor.run(3.0)
    assert told(floor) == [up_to(5)]


@pytest.mark.parametrize("rung", list(Rung))
def test_every_rung_has_its_parts(rung: Rung) -> None:
    shown = health_of(ACCOUNT, Health(rung, "why"))
    parts = [getattr(shown, part) for part in PARTS]
    assert parts == sorted(parts, reverse=True), "a part never holds without those before it"
    assert parts.count(True) == {Rung.STRANGER: 2}.get(rung, rung - (rung > Rung.STRANGER))
