"""The doctor names the first missing rung, and another cure for each cause."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from infra.cli.main import main
from infra.config import Config
from infra.mt5 import constants as mt5
from infra.mt5.doctor import ADVICE, LADDER, examined
from infra.mt5.gateway.health import Rung
from infra.mt5.package import Package
from infra.mt5.remote import RemoteTerminal
from infra.mt5.simulator.clock import VirtualClock
from infra.mt5.simulator.faults import FaultRule
from infra.mt5.simulator.settings import AccountSettings, BrokerSettings
from infra.mt5.simulator.terminal import simulated_terminal
from infra.mt5.venue import VenueServer
from tests.infra.mt5.worlds import LOGIN, START_MS, broker_of, settings


def terminal_with(**terms: Any) -> Package:
    made = broker_of(settings(terms=AccountSettings(**terms)), VirtualClock(START_MS))
    return simulated_terminal(made, LOGIN)


def test_a_healthy_terminal_has_every_rung_and_no_advice() -> None:
    diagnosis = examined(terminal_with(), LOGIN)
    assert list(diagnosis.lines()) == [f"  yes  {what}" for what in LADDER.values()]
    assert diagnosis.advice == ""


@pytest.mark.parametrize(
    ("switch", "told", "next_step"),
    [
        ("terminal_trade_allowed", "is off in the terminal", "press its Algo Trading button"),
        ("trade_allowed", "lets this login look, not trade", "log in with the trader's password"),
        ("experts_allowed", "lets no programs trade", "ask the broker"),
    ],
)
def test_each_switch_that_is_off_has_its_own_cure(switch: str, told: str, next_step: str) -> None:
    *held, missing, advice = examined(terminal_with(**{switch: False}), LOGIN).lines()
    assert len(held) == 5
    assert missing.startswith("  no   trading is allowed: ")
    assert told in missing
    assert next_step in advice


def test_a_terminal_that_has_lost_its_broker_answers() -> None:
    broker = broker_of(BrokerSettings(logins=(LOGIN,)), VirtualClock(START_MS))
    broker.inject(LOGIN, (FaultRule(kind="disconnect", function="", for_ms=START_MS),))
    terminal = simulated_terminal(broker, LOGIN)
    diagnosis = examined(terminal, LOGIN)
    assert diagnosis.health.rung is Rung.LINKED
    assert diagnosis.advice == ADVICE[Rung.LINKED]


def test_another_account_is_told_with_both_names() -> None:
    terminal = terminal_with()
    assert terminal.initialize()
    account = terminal.account_info()
    assert account is not None
    with patch.object(terminal, "account_info", lambda: account._replace(login=1)):
        *_, missing, advice = examined(terminal, LOGIN).lines()
    assert f"logged in to 1 at {account.server}, not {LOGIN}" in missing
    assert "folder of its own" in advice


@pytest.mark.parametrize(
    ("code", "rung", "advice"),
    [
        (mt5.RES_E_AUTH_FAILED, Rung.CONNECTED, "do not try again as it is"),
        (mt5.RES_E_UNSUPPORTED, Rung.CONNECTED, "one-time passwords"),
        (mt5.RES_E_INVALID_VERSION, Rung.DOWN, "versions that fit"),
        (mt5.RES_E_INTERNAL_FAIL_TIMEOUT, Rung.LINKED, "does not answer the login"),
        (mt5.RES_E_INTERNAL_FAIL_INIT, Rung.DOWN, "start what should listen there"),
        (mt5.RES_E_INTERNAL_FAIL_RECEIVE, Rung.DOWN, ADVICE[Rung.DOWN]),
        (-12345, Rung.DOWN, ADVICE[Rung.DOWN]),
    ],
)
def test_what_a_failed_login_leaves_says_how_far_it_came(
    code: int, rung: Rung, advice: str
) -> None:
    terminal = terminal_with()
    with (
        patch.object(terminal, "initialize", lambda **_: False),
        patch.object(terminal, "error", (code, "why")),
    ):
        diagnosis = examined(terminal, LOGIN)
    assert diagnosis.health.rung is rung
    assert advice in diagnosis.advice
    assert f": {code} why" in "\n".join(diagnosis.lines())


@pytest.fixture
def venue() -> Iterator[VenueServer]:
    server = VenueServer(broker_of(settings(), VirtualClock(START_MS)), "127.0.0.1", 0)
    yield server
    server.close()


def test_a_stranger_to_the_venue_is_refused_once(venue: VenueServer) -> None:
    diagnosis = examined(RemoteTerminal(venue.address, "12345"), 12345)
    assert diagnosis.health.rung is Rung.CONNECTED
    assert diagnosis.health.detail.startswith("-6 ")


def test_the_command_tells_of_each_account(
    venue: VenueServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TAPEDECK_HOME", str(tmp_path))
    monkeypatch.setenv("TAPEDECK_ACCOUNTS", f"{LOGIN},12345")
    monkeypatch.setattr(Config, "venue", venue.address)
    assert main(["mt5", "doctor", str(LOGIN)]) == 0
    healthy = capsys.readouterr().out.splitlines()
    assert healthy[0] == f"{LOGIN}: paper venue {venue.address}"
    assert healthy[1:] == [f"  yes  {what}" for what in LADDER.values()]
    assert main(["mt5", "doctor"]) == 1
    told = capsys.readouterr().out
    assert "12345: paper venue" in told
    assert "  no   an account is logged in: -6" in told
    assert main(["mt5", "doctor", "nobody"]) == 2


def test_the_command_looks_at_each_terminal_of_an_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAPEDECK_HOME", str(tmp_path))
    monkeypatch.setenv("TAPEDECK_ACCOUNTS", str(LOGIN))
    ill, well = terminal_with(trade_allowed=False), terminal_with()
    seats = {"agent a": well, "agent b": ill}
    monkeypatch.setattr("infra.run.agent.terminals_of", lambda *_: seats)
    assert main(["mt5", "doctor"]) == 1
    told = capsys.readouterr().out
    assert told.count("  yes  trading is allowed") == 1
    assert f"{LOGIN}: agent b\n" in told
