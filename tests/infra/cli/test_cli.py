"""The command line: help, refusals, and a copy that comes up, heals, goes down and comes back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
import pytest

from infra.cli import main as cli
from infra.config import Config
from infra.embedded.process import free_ports
from infra.settings import METRICS_PORTS, PORT_OFFSETS
from infra.up import run_file
from infra.up.children import CODE
from infra.up.roles import KINDS, metrics_port, services, workers
from infra.up.run_file import Run
from tests.infra.up.test_supervisor import until

HEAVY = {"confluent_kafka", "fastapi", "faust", "httpx", "numpy", "psycopg", "rich", "xgboost"}
TIMEOUT_S = 120

Tapedeck = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The settings of a copy of its own, ended at the end of the test, however that goes."""
    settings = {
        "TAPEDECK_HOME": str(tmp_path / "home"),
        "TAPEDECK_PORT_BASE": str(free_ports(PORT_OFFSETS["metrics"] + METRICS_PORTS)[0]),
    }
    yield settings
    run = run_file.read(tmp_path / "home")
    for part in (run.supervisor, *run.parts) if run else ():
        if part.alive() and part.pid:
            os.kill(part.pid, 9)


@pytest.fixture
def tapedeck(copy: dict[str, str]) -> Tapedeck:
    """`tapedeck` with stand-ins for the roles, as a command."""

    def call(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tests.infra.stand_in", *arguments],
            cwd=CODE,
            env={**clean_environment(), **copy, **settings},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    return call


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"  {command.name} " in told for command in cli.COMMANDS)


def test_help_and_refusals_import_nothing_heavy() -> None:
    code = "import sys; from infra.cli.main import main; main(['--help']); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CODE, capture_output=True, text=True, check=True
    )
    assert HEAVY & set(done.stdout.split()) == set()


@pytest.mark.parametrize("arguments", [[], ["dance"]])
def test_no_command_is_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == cli.USAGE_ERROR
    assert "usage: tapedeck COMMAND" in capsys.readouterr().err


def test_a_wrong_setting_is_one_line_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("TAPEDECK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TAPEDECK_SEED", "lucky")
    assert cli.main(["up"]) == cli.USAGE_ERROR
    assert capsys.readouterr().err == (
        "tapedeck: TAPEDECK_SEED is 'lucky'; give a whole number, 0 or more\n"
    )
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("command", cli.COMMANDS, ids=lambda c: c.name)
def test_every_command_can_be_asked_for_help(
    command: cli.Command, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main([command.name, "--help"])
    assert f"usage: tapedeck {command.name}" in capsys.readouterr().out


REFUSED = {
    "mt5 shmi": "'shmi'",
    "up --detahc": "--detahc",
    "account 90001 halt": "reason",
    "account 90001 limits --volume-lots-max x": "'x' is no volume; give lots, such as 0.05",
    "account 90001 limits --open-positions-max -1": "'-1' is no count; give 0 or more",
    "account 90001 limits --confidence-min nan": "'nan' is no share; give 0 to 1",
    "audit bundle --from 19:50 --to 20:00 FILE": "'19:50' is no time; give one such as ",
    "run processor foo": "'foo'",
    "train --from noon": "'noon' is no time; give one such as ",
}


@pytest.mark.parametrize("words", REFUSED)
def test_wrong_words_are_told_in_one_line(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(words.split())
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tapedeck {words.split()[0]}")
    assert REFUSED[words] in line
    assert line.endswith("--help`")


def test_how_a_wish_is_written_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main(["account", "90001", "halt", "--help"])
    assert "usage: tapedeck account NAME halt" in capsys.readouterr().out


MISTAKEN = {
    "run gateway 123": "no account '123'; TAPEDECK_ACCOUNTS are 90001, 90002, 90003",
    "run agent 123": "no account '123'; TAPEDECK_ACCOUNTS are 90001, 90002, 90003",
    "run agent 90001 --listen here": "--listen is 'here'; give HOST:PORT, port 0 for any",
}


@pytest.mark.parametrize("words", MISTAKEN)
def test_a_role_that_cannot_be_is_told_so_at_once(words: str, tapedeck: Tapedeck) -> None:
    asked = tapedeck(*words.split())
    assert (asked.returncode, asked.stderr) == (cli.USAGE_ERROR, f"tapedeck: {MISTAKEN[words]}\n")


@pytest.mark.parametrize("words", ["account 90001", "dlq list"])
def test_where_nothing_runs_one_line_says_so(
    words: str, copy: dict[str, str], tapedeck: Tapedeck
) -> None:
    asked = tapedeck(*words.split())
    (line,) = asked.stderr.splitlines()
    assert asked.returncode == 1
    assert line.startswith(f"tapedeck: nothing runs in {copy['TAPEDECK_HOME']}; give `tapedeck up`")


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.name)
def test_every_role_can_be_run(kind: Any) -> None:
    assert callable(import_module(kind.module).run)


def test_each_role_of_a_copy_has_its_own_name_and_metrics_port() -> None:
    config = Config.load({})
    roles = (*services(config), *workers(config))
    assert len({role.name for role in roles}) == len(roles)
    ports = {metrics_port(config, role) for role in roles}
    assert len(ports) == len(roles)
    assert max(ports) < config.ports.metrics + METRICS_PORTS


def test_the_configuration_is_shown_without_its_passwords(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAPEDECK_POSTGRES", "postgresql://me:hush@db:5432/tape")
    assert cli.main(["config"]) == 0
    shown = capsys.readouterr().out
    assert "postgresql://me@db:5432/tape" in shown
    assert "hush" not in shown


@pytest.mark.services
def test_a_copy_comes_up_heals_goes_down_and_comes_up_again(
    tapedeck: Tapedeck, copy: dict[str, str]
) -> None:
    up = tapedeck("up", "--detach")
    assert (up.returncode, up.stderr) == (0, "")
    api = int(copy["TAPEDECK_PORT_BASE"]) + PORT_OFFSETS["api"]
    assert f"http://127.0.0.1:{api}/docs" in up.stdout
    before = _status(tapedeck)
    assert before["up"]
    kafka = f"127.0.0.1:{copy['TAPEDECK_PORT_BASE']}"
    assert kafka in tapedeck("config", TAPEDECK_PORT_BASE="").stdout  # another terminal
    for way in (["up"], ["up", "--detach"]):
        again = tapedeck(*way)
        assert again.returncode == cli.USAGE_ERROR
        assert "is held by a running copy (pid" in again.stderr
    _kill(before, "sagas")
    until(lambda: _restarts(_status(tapedeck), "sagas") == 1)
    until(lambda: _status(tapedeck)["up"])
    assert tapedeck("down").stdout == "stopped\n"
    told = Path(copy["TAPEDECK_HOME"], "logs", "up.log").read_text()
    assert told.endswith("\nstopping …\nstopped\n")
    assert not any(_alive(before))
    assert tapedeck("status").returncode == 1
    assert tapedeck("up", "--detach").returncode == 0
    _kill_supervisor(tapedeck)
    assert tapedeck("down").stdout.startswith("nothing runs")


def test_in_the_home_of_a_running_copy_its_settings_are_meant_unless_others_are_given(
    tmp_path: Path,
) -> None:
    config = Config.load(
        {
            "TAPEDECK_HOME": str(tmp_path),
            "TAPEDECK_PORT_BASE": "9000",
            "TAPEDECK_NAMESPACE": "mine",
            "TAPEDECK_REGISTRY": "http://elsewhere:1",
            "TAPEDECK_POSTGRES": "postgresql://me:hush@db:5432/tape",
        }
    )
    us = run_file.part("supervisor", os.getpid(), "running")
    run_file.write(tmp_path, Run(us, "running", 0.0, {}, (), run_file.settings_of(config)))
    assert "hush" not in (tmp_path / "run.json").read_text()
    meant = Config.load(run_file.meant(tmp_path, {"TAPEDECK_SEED": "3"}))
    assert (meant.ports, meant.namespace, meant.seed) == (config.ports, "mine", 3)
    assert (meant.registry, meant.external) == ("http://elsewhere:1", frozenset({"registry"}))
    other = Config.load(run_file.meant(tmp_path, {"TAPEDECK_PORT_BASE": "8000"}))
    assert (other.ports.kafka, other.namespace) == (8000, "")
    gone = run_file.Part("supervisor", 2**22, 0.0, "running", 0)
    run_file.write(tmp_path, Run(gone, "running", 0.0, {}, (), run_file.settings_of(config)))
    assert run_file.meant(tmp_path, {}) == {}


@pytest.mark.services
def test_services_given_as_addresses_are_not_started(
    tapedeck: Tapedeck, kafka: str, postgres: str, registry: str
) -> None:
    given = {
        "TAPEDECK_KAFKA": kafka,
        "TAPEDECK_POSTGRES": postgres,
        "TAPEDECK_REGISTRY": registry,
    }
    assert tapedeck("up", "--detach", **given).returncode == 0
    names = {part["name"] for part in _status(tapedeck)["run"]["parts"]}
    assert "venue" in names
    assert not {"kafka", "postgres", "registry"} & names
    _kill_supervisor(tapedeck)


def test_an_address_where_nothing_answers_is_named(tapedeck: Tapedeck) -> None:
    silent = f"127.0.0.1:{free_ports(1)[0]}"
    refused = tapedeck("up", TAPEDECK_KAFKA=silent)
    assert refused.returncode == cli.USAGE_ERROR
    assert refused.stderr.startswith(
        f"tapedeck: TAPEDECK_KAFKA is {silent}, and nothing answers there; start it"
    )


def test_what_a_detached_copy_died_of_is_told(tapedeck: Tapedeck) -> None:
    refused = tapedeck("up", "--detach", TAPEDECK_REGISTRY="http://127.0.0.1:1")
    assert refused.returncode == cli.USAGE_ERROR
    assert refused.stderr.startswith("tapedeck: TAPEDECK_REGISTRY is http://127.0.0.1:1, and")


def clean_environment() -> dict[str, str]:
    """Ours without settings: a copy under test has its own."""
    return {k: v for k, v in os.environ.items() if not k.startswith("TAPEDECK_")}


def _status(tapedeck: Tapedeck) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(tapedeck("status", "--json").stdout)
    return found


def _alive(status: dict[str, Any]) -> list[bool]:
    return [psutil.pid_exists(part["pid"]) for part in status["run"]["parts"]]


def _restarts(status: dict[str, Any], name: str) -> int:
    found: int = next(p["restarts"] for p in status["run"]["parts"] if p["name"] == name)
    return found


def _kill(status: dict[str, Any], name: str) -> None:
    os.kill(next(p["pid"] for p in status["run"]["parts"] if p["name"] == name), 9)


def _kill_supervisor(tapedeck: Tapedeck) -> None:
    """What it started ends with it, though nothing could be said to anyone."""
    status = _status(tapedeck)
    os.kill(status["run"]["supervisor"]["pid"], 9)
    until(lambda: not any(_alive(status)))
