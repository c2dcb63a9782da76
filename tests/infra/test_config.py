"""The configuration: defaults, addresses, and one line for each mistake."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra.config import Config, ConfigError, without_password
from infra.settings import PORT_BASE, SETTINGS


def test_nothing_given_is_a_whole_configuration() -> None:
    config = Config.load({"PATH": "/bin"})
    assert config.home == Path.cwd() / ".tapedeck"
    assert config.kafka == f"127.0.0.1:{PORT_BASE}"
    assert len(config.accounts) == 3
    assert config.external == frozenset()


def test_one_base_moves_every_port_and_one_port_moves_alone() -> None:
    moved = Config.load({"TAPEDECK_PORT_BASE": "9000", "TAPEDECK_PORT_API": "8080"})
    assert (moved.ports.kafka, moved.ports.venue, moved.ports.api) == (9000, 9004, 8080)
    assert moved.registry == "http://127.0.0.1:9003"


def test_an_address_replaces_the_service() -> None:
    config = Config.load({"TAPEDECK_KAFKA": "k1:9092,k2:9092"})
    assert config.kafka == "k1:9092,k2:9092"
    assert config.external == {"kafka"}


def test_an_empty_variable_is_an_absent_one() -> None:
    assert Config.load({"TAPEDECK_KAFKA": "", "TAPEDECK_SEED": ""}) == Config.load({})


def test_a_child_gets_the_same_configuration(tmp_path: Path) -> None:
    given = {
        "TAPEDECK_HOME": str(tmp_path),
        "TAPEDECK_POSTGRES": "postgresql://u:p@db:5432/tape",
        "TAPEDECK_ACCOUNTS": "1,2",
        "TAPEDECK_SYMBOLS": "EURUSD",
        "TAPEDECK_NAMESPACE": "t1",
        "TAPEDECK_PORT_BASE": "9000",
        "TAPEDECK_PORT_METRICS": "9500",
        "TAPEDECK_OTLP": "http://collector:4318",
    }
    config = Config.load(given)
    child = Config.load(config.environment())
    assert replace(child, external=config.external) == config


def test_the_embedded_database_is_reached_with_the_password_in_the_home(tmp_path: Path) -> None:
    (tmp_path / "postgres.password").write_text("secret\n")
    dsn = Config.load({"TAPEDECK_HOME": str(tmp_path)}).postgres
    assert dsn == f"postgresql://tapedeck:secret@127.0.0.1:{PORT_BASE + 2}/tapedeck"
    assert without_password(dsn) == f"postgresql://tapedeck@127.0.0.1:{PORT_BASE + 2}/tapedeck"


@pytest.mark.parametrize(
    ("variable", "value", "advice"),
    [
        ("SEED", "-1", "give a whole number, 0 or more"),
        ("PORT_API", "80", "give a port between 1024 and 65485"),
        ("PORT_API", "http", "give a port between 1024 and 65485"),
        ("PORT_BASE", "65530", "give a port between 1024 and 65485"),
        ("KAFKA", "broker", "give host:port"),
        ("KAFKA", "k1:9092,k2", "give host:port"),
        ("KAFKA", "broker:99999", "give host:port, with a port up to 65535"),
        ("POSTGRES", "postgresql://db:x/t", "give an address whose port is a number up to 65535"),
        ("REGISTRY", "http://r:70000", "give an address whose port is a number up to 65535"),
        ("ACCOUNTS", "90001,090001", "give different numbers that do not begin with 0"),
        (
            "POSTGRES",
            "localhost",
            "give an address that begins with postgresql:// and names a host",
        ),
        ("REGISTRY", "http://", "give an address that begins with http:// and names a host"),
        ("ACCOUNTS", "1,1", "give different names separated by commas, as in 90001,90002,90003"),
        ("ACCOUNTS", "one", "give different names separated by commas, as in 90001,90002,90003"),
        ("AGENTS", "here", "give local, or 90001=host:port for each account"),
        ("AGENTS", "90001=win", "give host:port"),
        ("AGENTS", "90001=win:1|win:1", "give each terminal once, as 90001=host:port|host:port"),
        ("TERMINALS", "0", "give 1 to 5 terminals, the least first, as 1-3"),
        ("TERMINALS", "3-1", "give 1 to 5 terminals, the least first, as 1-3"),
        ("TERMINALS", "some", "give a number of terminals, or the least and the most, as 1-3"),
        ("SYMBOLS", "EURUSD,,XAUUSD", "give different names separated by commas"),
        ("NAMESPACE", "Mine!", "give up to 40 small letters, digits, dots, dashes"),
        ("LOG_LEVEL", "loud", "give one of debug, info, warning, error"),
        ("OTLP", "collector", "give an address that begins with http:// and names a host"),
        ("HOME", "/etc/hostname", "give a folder; this is a file"),
        ("HOME", "/tmp/a,b", "give a folder without a comma: Kafka takes it for two"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_it(variable: str, value: str, advice: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Config.load({f"TAPEDECK_{variable}": value})
    line = str(refused.value)
    assert line.startswith(f"TAPEDECK_{variable} is {value!r}; {advice}")
    assert "\n" not in line


def test_each_account_has_an_agent_or_none_has() -> None:
    accounts = {"TAPEDECK_ACCOUNTS": "1,2"}
    assert Config.load(accounts).agent_of("1") == ""
    local = Config.load({**accounts, "TAPEDECK_AGENTS": "local"})
    assert (local.agent_of("1"), local.agent_of("2")) == ("local", "local")
    far = Config.load({**accounts, "TAPEDECK_AGENTS": "1=win-a:7500, 2=win-b:7500"})
    assert (far.agent_of("1"), far.agent_of("2")) == ("win-a:7500", "win-b:7500")
    with pytest.raises(ConfigError, match="TAPEDECK_AGENTS names 1; give an agent for each of"):
        Config.load({**accounts, "TAPEDECK_AGENTS": "1=win-a:7500"})


def test_an_account_may_have_several_terminals() -> None:
    accounts = {"TAPEDECK_ACCOUNTS": "1"}
    local = Config.load({**accounts, "TAPEDECK_AGENTS": "local", "TAPEDECK_TERMINALS": "1-3"})
    assert local.terminals == (1, 3)
    assert Config.load(local.environment()).terminals == (1, 3)
    far = Config.load({**accounts, "TAPEDECK_AGENTS": "1=win-a:7500|win-b:7500"})
    assert far.agent_of("1") == "win-a:7500|win-b:7500"
    with pytest.raises(ConfigError, match="TAPEDECK_TERMINALS is for TAPEDECK_AGENTS=local"):
        Config.load({**accounts, "TAPEDECK_TERMINALS": "2"})


def test_an_unknown_variable_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"TAPEDECK_PROT_API .* did you mean TAPEDECK_PORT_API\?"):
        Config.load({"TAPEDECK_PROT_API": "8080"})
    with pytest.raises(ConfigError, match=r"TAPEDECK_ZZZ .* `tapedeck config` lists all of them"):
        Config.load({"TAPEDECK_ZZZ": "1"})


def test_two_services_on_one_port_are_refused() -> None:
    with pytest.raises(ConfigError, match="TAPEDECK_PORT_API is 9002, the port of postgres"):
        Config.load({"TAPEDECK_PORT_BASE": "9000", "TAPEDECK_PORT_API": "9002"})


def test_every_setting_says_what_it_means() -> None:
    assert all(setting.meaning for setting in SETTINGS)
    assert len({setting.variable for setting in SETTINGS}) == len(SETTINGS)
