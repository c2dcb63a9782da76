"""An agent whose terminal is another's, or whose credential is refused."""

from __future__ import annotations

import time
from typing import Any

import pytest

from infra.mt5 import constants as mt5
from infra.mt5.agent import owner
from infra.mt5.agent.client import AgentTerminal
from infra.mt5.agent.owner import Account
from infra.mt5.agent.server import AgentServer
from infra.mt5.simulator.settings import PASSWORD, SERVER
from infra.secrets.provider import SecretsError
from infra.secrets.vault import Credential
from tests.infra.at_work import until
from tests.infra.mt5 import worlds
from tests.infra.mt5.agent.stand import Stage, agent, caller, pulse
from tests.infra.mt5.worlds import LOGIN, OTHER

LIMIT_S = 30.0


@pytest.mark.parametrize(("field", "other"), [("login", OTHER), ("server", "Elsewhere")])
def test_nothing_is_sent_through_another_accounts_terminal(
    client: AgentTerminal, terminal: Stage, field: str, other: int | str
) -> None:
    request = worlds.deal(client)
    terminal.answers["account_info"] = lambda info: info._replace(**{field: other})
    assert client.order_send(request) is None
    code, text = client.last_error()
    assert code == mt5.RES_E_AUTH_FAILED
    assert str(other) in text
    assert "order_send" not in terminal.called
    terminal.answers.clear()
    assert client.order_send(request) is not None


def test_nothing_is_sent_through_a_terminal_in_another_place(
    client: AgentTerminal, terminal: Stage
) -> None:
    request = worlds.deal(client)
    terminal.answers["terminal_info"] = lambda info: info._replace(path="another")
    assert client.order_send(request) is None
    assert client.last_error()[0] == mt5.RES_E_AUTH_FAILED
    assert "order_send" not in terminal.called


@pytest.mark.parametrize(
    ("function", "changed"),
    [
        ("account_info", {"login": OTHER}),
        ("account_info", {"server": "Elsewhere"}),
        ("terminal_info", {"path": "another"}),
    ],
)
def test_the_heartbeat_finds_a_terminal_that_is_anothers(
    terminal: Stage, function: str, changed: dict[str, Any]
) -> None:
    with agent(terminal, heartbeat_s=0.05) as server, caller(server) as client:
        assert client.initialize()
        terminal.answers[function] = lambda info: info._replace(**changed)
        until_s = time.monotonic() + LIMIT_S
        while not (trouble := pulse(server).trouble):
            assert time.monotonic() < until_s
            time.sleep(0.05)
        assert str(*changed.values()) in trouble


def test_the_terminal_of_another_account_is_not_taken(terminal: Stage) -> None:
    terminal.answers["account_info"] = lambda info: info and info._replace(login=OTHER)
    with agent(terminal) as server, caller(server) as client:
        assert client.initialize() is False
        assert client.last_error()[0] == mt5.RES_E_AUTH_FAILED
        assert client.account_info() is None


def test_a_refused_credential_is_tried_again_only_if_it_is_another_or_much_later(
    terminal: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = (mt5.RES_E_AUTH_FAILED, "Terminal: Authorization failed")
    terminal.refuses.add("initialize")
    terminal.answers["last_error"] = lambda _value: refused
    sealed = [Credential("90001", "", 1, lambda: "guess")]
    account = Account(LOGIN, credential=lambda: sealed[0])
    with agent(terminal, account=account) as server, caller(server) as client:
        for tries in (1, 1, 1):
            assert client.initialize() is False
            assert client.last_error() == refused
            assert terminal.called.count("initialize") == tries
        sealed[0] = Credential("90001", "", 2, lambda: "another guess")
        assert client.initialize() is False
        assert terminal.called.count("initialize") == 2
        monkeypatch.setattr(owner, "REFUSED_S", -1.0)
        sealed[0] = Credential("90001", "", 3, lambda: "a third")
        for tries in (3, 4):
            assert client.initialize() is False
            assert terminal.called.count("initialize") == tries
        terminal.refuses.clear()
        terminal.answers.clear()
        assert client.initialize(login=LOGIN, password=PASSWORD)
        assert client.initialize()


@pytest.mark.parametrize(("code", "spent"), [(mt5.RES_E_NO_MEMORY, True), (mt5.RES_E_FAIL, False)])
def test_an_agent_that_only_another_process_can_mend_says_so(
    server: AgentServer, client: AgentTerminal, terminal: Stage, code: int, spent: bool
) -> None:
    assert not pulse(server).spent
    terminal.answers["version"] = lambda _value: None
    terminal.answers["last_error"] = lambda _value: (code, "Terminal: failed")
    assert client.version() is None
    assert client.last_error()[0] == code
    assert pulse(server).spent is spent


def test_without_its_credential_an_agent_does_not_log_in(terminal: Stage) -> None:
    def none() -> Credential:
        raise SecretsError("the lease of the credential of 90001 is over")

    account = Account(LOGIN, credential=none)
    with agent(terminal, account=account) as server, caller(server) as client:
        assert client.initialize() is False
        code, text = client.last_error()
    assert code == mt5.RES_E_AUTH_FAILED
    assert "lease" in text
    assert "initialize" not in terminal.called


@pytest.mark.parametrize(("password", "enters"), [("guess", False), (PASSWORD, True)])
def test_the_sealed_password_is_what_logs_in(terminal: Stage, password: str, enters: bool) -> None:
    sealed = Credential("90001", SERVER, 1, lambda: password)
    account = Account(LOGIN, credential=lambda: sealed)
    with agent(terminal, account=account) as server, caller(server) as client:
        assert client.initialize() is enters


def test_the_heartbeat_says_how_far_the_terminal_is_from_trading(
    terminal: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    with agent(terminal, heartbeat_s=0.05) as server, caller(server) as client:
        assert client.initialize()
        terminal.answers["terminal_info"] = lambda info: info._replace(connected=False)
        until(lambda: pulse(server).trouble == "the terminal is not connected to its broker")
        del terminal.answers["terminal_info"]
        until(lambda: pulse(server).trouble == "")
    said = [record.getMessage() for record in caplog.records if "account" in record.getMessage()]
    assert said == [
        f"account {LOGIN}: the terminal is not connected to its broker",
        f"account {LOGIN}: all is well again",
    ]
