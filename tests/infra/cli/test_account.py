"""A person halts, resumes and limits an account, by commands on the tape that are decided."""

from __future__ import annotations

import argparse
import getpass
import io
from decimal import Decimal
from pathlib import Path

import pytest

from commands.limits import SetLimits
from infra.cli import account as cli_account
from infra.config import Config, ConfigError
from infra.run import commands as role
from infra.secrets.vault import vault
from infra.store import postgres
from infra.store.event_store import EventStore
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from infra.subjects.operator import Operator
from infra.subjects.register import Register
from tests.infra.at_work import running
from tests.infra.on_disk import holding
from tests.infra.tape_writer import write
from tests.orders import account_commands, limits, said


def asked(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    cli_account.configure(parser)
    return parser.parse_args(arguments)


@pytest.fixture
def account(config: Config) -> str:
    """One that is open, has limits and was reported."""
    kafka.ensure_topics(config)
    name = config.accounts[0]
    write(config, SchemaIds(config), [said(c, n) for n, c in enumerate(account_commands(name))])
    return name


def test_what_a_person_wants_is_decided_and_shown(
    config: Config, account: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(role.run, config):
        assert cli_account.main(config, asked(account, "halt", "news at noon")) == 0
        assert f"{account}: HALTED: news at noon" in capsys.readouterr().out
        assert cli_account.main(config, asked(account, "halt", "and a fair")) == 0
        assert cli_account.main(config, asked(account, "resume", "over")) == 0
        assert cli_account.main(config, asked(account, "limits", "--volume-lots-max", "0.03")) == 0
    assert cli_account.main(config, asked(account)) == 0
    shown = capsys.readouterr().out.split(f"{account}: ")[-1]
    assert shown.startswith("may take risk")
    assert "limits, version 2" in shown
    assert "volume_lots_max 0.03" in shown

    with EventStore.open(postgres.address(config.postgres, config.namespace)) as store:
        _, told = store.load(f"accounts:{account}")
    sealed = [m.event.reason for m in told if hasattr(m.event, "reason")]
    opened = Register(config.home).opened
    assert [opened(each) for each in sealed] == ["news at noon", "and a fair", "over"]
    assert not {"news at noon", "and a fair", "over"} & set(sealed)
    assert opened(told[-1].envelope.actor) == f"operator/{getpass.getuser()}"


def test_without_deciders_it_says_that_nothing_was_decided(
    config: Config,
    account: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cli_account, "DECISION_S", 2.0)
    assert cli_account.main(config, asked(account, "halt", "now")) == 1
    assert "is the role `commands` at work?" in capsys.readouterr().err
    monkeypatch.undo()
    with running(role.run, config):
        assert cli_account.main(config, asked(account, "halt", "again")) == 0
    assert f"{account}: HALTED: again; now" in capsys.readouterr().out


def test_only_what_is_named_is_changed(tmp_path: Path) -> None:
    who = Operator(Register(tmp_path).welcome("somebody"))
    latest = limits("a")
    wish = cli_account.wished(asked("a", "limits", "--open-lots-max", "7.5"), latest, who)
    assert isinstance(wish, SetLimits)
    assert wish.open_lots_max == Decimal("7.5")
    assert (wish.symbols, wish.volume_lots_max) == (latest.symbols, latest.volume_lots_max)
    with pytest.raises(ConfigError, match="bootstrap"):
        cli_account.wished(asked("a", "limits"), None, who)


@pytest.mark.parametrize(
    "wrong",
    [("--confidence-min", "1.1"), ("--volume-lots-max", "-1"), ("--open-positions-max", "x")],
)
def test_a_senseless_limit_is_refused(wrong: tuple[str, str]) -> None:
    with pytest.raises(SystemExit):
        asked("a", "limits", *wrong)


def test_an_account_that_is_none_is_refused(config: Config) -> None:
    with pytest.raises(ConfigError, match="no account 'x'"):
        cli_account.main(config, asked("x", "halt", "r"))


def test_a_rotation_is_recorded_and_its_password_is_not(
    config: Config,
    account: str,
    services_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    canary = "canary-5d1e77b0"
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{canary}\n"))
    monkeypatch.setattr("infra.secrets.private.no_dumps", lambda: None)
    with running(role.run, config):
        assert cli_account.main(config, asked(account, "credential", "--server", "Demo")) == 0
    with EventStore.open(postgres.address(config.postgres, config.namespace)) as store:
        _, told = store.load(f"accounts:{account}")
    rotated = told[-1].event
    assert type(rotated).__name__ == "CredentialRotated"
    credential = vault("file", config.home).credential(account)
    assert (credential.password, credential.server) == (canary, "Demo")
    assert rotated.lease_until_us == credential.lease_until_us
    assert canary not in repr(told) + "".join(capsys.readouterr())
    assert holding(services_home, b"lease_until_us")
    assert holding(services_home, canary.encode()) == []


def test_without_a_password_nothing_is_sealed(
    config: Config, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    monkeypatch.setattr("infra.secrets.private.no_dumps", lambda: None)
    with pytest.raises(ConfigError, match="no password was given"):
        cli_account.main(config, asked(account, "credential"))
    assert not (config.home / "secrets").exists()
