"""A person is erased: nothing of them is left in plain anywhere, and every proof still holds."""

from __future__ import annotations

import argparse
import getpass
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fastapi import FastAPI

from infra.asof.causes import causes
from infra.asof.moments import Moments
from infra.cli import account, audit, erase
from infra.config import Config, ConfigError
from infra.run import commands, relay
from infra.run.read_api import open_pool
from infra.secrets import private
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from infra.subjects import scan, sealing
from infra.subjects.register import Register
from read_api.app import create_app
from tests.infra.at_work import running
from tests.infra.proofs.at_rest import at_work, signed, tell, until
from tests.read_api.conftest import TestClient
from tests.read_api.memory_tape import MemoryTape

NAME, WHY = "Maximiliane Mustermann", "her arm is broken, back in May"
EVER = ("--from", "2000-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z")


def run(command: ModuleType, config: Config, *words: str) -> int:
    parser = argparse.ArgumentParser()
    command.configure(parser)
    status: int = command.main(config, parser.parse_args(words))
    return status


@pytest.fixture(autouse=True)
def _logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: NAME)


def test_what_a_person_typed_is_closed_for_ever_and_the_proofs_hold(
    config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kafka.ensure_topics(config)
    ids, name = SchemaIds(config), config.accounts[0]
    tell(config, ids)
    with at_work(config), running(commands.run, config), running(relay.run, config):
        assert run(account, config, name, "halt", WHY) == 0
        assert f"HALTED: {WHY}" in capsys.readouterr().out
        with TestClient(_app(config, ids)) as client:
            until(lambda: bool(_halts(client)) and signed(config) > 0)
            (halt,) = _halts(client)
            assert (halt["actor"], halt["payload"]["reason"]) == (f"operator/{NAME}", WHY)
            assert _halts(client, actor=f"operator/{NAME}") == [halt]
            assert _plain(config) == [], "it stood in plain somewhere, sealed or not"
            file = str(tmp_path / "proof")
            assert run(audit, config, "prove", halt["message_id"], "-o", file) == 0
            (subject,) = [person.subject for person in Register(config.home).people()]

            assert run(erase, config, NAME, "--hold", "a court asks") == 0
            assert "held: a court asks" in capsys.readouterr().out
            assert run(erase, config, NAME, "--ground", "asked for") == 1
            assert "is held and stays: a court asks" in capsys.readouterr().err
            assert run(erase, config, subject, "--free", "it is over") == 0
            assert run(erase, config, NAME, "--ground", "asked for") == 0
            said = capsys.readouterr().out
            assert "in none" in said

            until(lambda: bool(_erasures(client)) and signed(config) > 0)
            assert f"?min_position={_erasures(client)[0]['message_id']}" in said
            (halt,) = _halts(client)
            assert halt["actor"] == f"operator/[erased {subject}]"
            assert halt["payload"]["reason"] == f"[erased {subject}]"
        assert _plain(config) == []
        assert run(audit, config, "check", file) == 0
        assert run(audit, config, "verify") == 0
        assert run(audit, config, "bundle", *EVER, str(tmp_path / "bundle.zip")) == 0
    assert not _holding(tmp_path, NAME, WHY)
    assert run(account, config, name) == 0
    assert f"HALTED: [erased {subject}]" in capsys.readouterr().out


def test_nobody_and_nothing_said_are_told(config: Config) -> None:
    Register(config.home).welcome("somebody")
    with pytest.raises(ConfigError, match="nobody here is called 'x'; there is a key for somebody"):
        run(erase, config, "x", "--ground", "asked for")
    with pytest.raises(ConfigError, match="say why"):
        run(erase, config, "somebody")
    with pytest.raises(ConfigError, match="names the subject"):
        run(erase, config, "somebody", "--ground", "Somebody has asked")


def test_of_two_keys_of_one_name_none_goes_while_one_is_held(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    kafka.ensure_topics(config)
    register = Register(config.home)
    (first, key), (second, other) = sorted(sealing.new_key() for _ in range(2))
    for subject, secret in ((first, key), (second, other)):
        content = json.dumps({"name": NAME, "key": secret.hex()}).encode()
        private.write_new(register._key(subject), content)
    assert run(erase, config, second, "--hold", "a court asks") == 0
    assert run(erase, config, NAME, "--ground", "asked for") == 1
    capsys.readouterr()
    assert run(erase, config) == 0
    said = capsys.readouterr().out
    assert "held" in said
    assert "erase again" not in said


def test_what_was_written_in_plain_before_is_found(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    kafka.ensure_topics(config)
    (config.home / "logs").mkdir(parents=True, exist_ok=True)
    (config.home / "logs" / "old.log").write_text(f"{NAME} was here\n")
    Register(config.home).welcome(NAME)
    assert run(erase, config, NAME, "--ground", "asked for") == 1
    assert "PLAIN file" in capsys.readouterr().out


def _app(config: Config, ids: SchemaIds) -> FastAPI:
    people = Register(config.home)
    return create_app(
        open_pool(config), MemoryTape(), Moments(config, ids), causes(), people=people
    )


def _halts(client: TestClient, **asked: str) -> list[dict[str, Any]]:
    items = client.get("/audit", params={"type": "AccountHalted", **asked}).json()["items"]
    return [item for item in items if "operator/" in item["actor"]]


def _erasures(client: TestClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get("/audit", params={"type": "SubjectErased"}).json()[
        "items"
    ]
    return items


def _plain(config: Config) -> list[str]:
    return list(scan.findings(config, [NAME, WHY], lambda _place, _count: None))


def _holding(folder: Path, *texts: str) -> list[Path]:
    files = [each for each in folder.rglob("*") if each.is_file()]
    return [each for each in files if any(text.encode() in each.read_bytes() for text in texts)]
