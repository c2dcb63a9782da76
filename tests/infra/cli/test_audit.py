"""`tapedeck audit` on real services: proofs that hold elsewhere, and what is found when it lies."""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from prometheus_client import generate_latest

import schemas
from events.accounts import AccountHalted
from events.envelope import Message, first_cause
from infra.cli import audit, dlq, drill
from infra.config import Config
from infra.proofs import policy
from infra.run import witness
from infra.store import postgres, read_models
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from tests.infra.cli.test_dlq import letter, torn
from tests.infra.proofs.at_rest import at_work, signed_whole, tell, until
from tests.infra.tape_writer import write
from tests.projections.story import DIGEST

Told = list[Message[Any]]
AVSC = ("--schemas", str(Path(schemas.__file__).parent / "avsc"))


@pytest.fixture
def told(config: Config) -> Iterator[Told]:
    """A tape of which every audited event is signed; the witnesses still answer."""
    kafka.ensure_topics(config)
    messages = tell(config, SchemaIds(config))
    with at_work(config):
        until(lambda: signed_whole(config, len(messages) - 20))
        yield messages


def run(config: Config, *words: str) -> int:
    parser = argparse.ArgumentParser()
    audit.configure(parser)
    return audit.main(config, parser.parse_args(words))


def test_an_event_is_proven_checked_and_followed_to_its_causes(
    config: Config, told: Told, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    last = told[-1].envelope.message_id
    file, believed = str(tmp_path / "one"), tmp_path / "policy"
    assert run(config, "prove", last, "-o", file) == 0
    capsys.readouterr()
    assert run(config, "key", "--policy") == 0
    believed.write_text(capsys.readouterr().out)
    assert len(policy.read(believed.read_text()).witnesses) == 2
    assert run(config, "check", file, "--policy", str(believed)) == 0
    assert "it is in the log" in capsys.readouterr().out
    leaf = tmp_path / "one.leaf"
    leaf.write_bytes(leaf.read_bytes()[:-1] + b"?")
    assert run(config, "check", file) == 1
    assert run(config, "decision", last, "--proof", str(tmp_path / "chain")) == 0
    proofs = sorted((tmp_path / "chain").glob("*.tlog-proof"))
    assert len(proofs) > 3
    for proof in proofs:
        assert run(config, "check", str(proof).removesuffix(".tlog-proof")) == 0
    assert run(config, "prove", "00000000-0000-5000-8000-000000000000", "-o", file) == 1
    assert run(config, "consistency") == 0
    (tmp_path / "kept").write_bytes((config.home / "proofs" / "checkpoint").read_bytes())
    assert run(config, "consistency", str(tmp_path / "kept")) == 0


def test_a_record_that_was_released_is_audited_as_it_is_read(config: Config) -> None:
    kafka.ensure_topics(config)
    ids = SchemaIds(config)
    messages = tell(config, ids)
    torn(config, ids, "a")
    with at_work(config):
        name = letter(config, ids)
        mended = ("--written-as", "AccountHalted", "--set", "account=a", "--set", 'reason="1"')
        assert dlq.main(config, _asked(dlq, "release", name, "torn by hand", *mended)) == 0
        until(lambda: signed_whole(config, len(messages) - 20 + 1))
        assert run(config, "verify") == 0


def _asked(command: ModuleType, *words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.configure(parser)
    return parser.parse_args(words)


@pytest.mark.usefixtures("told")
def test_who_reads_no_topic_says_that_it_is_at_work() -> None:
    said = generate_latest().decode()
    for role in ("proofs", "witness", "notary"):
        assert f'tapedeck_at_work{{role="{role}"}} 1' in said


def test_a_bundle_is_verified_where_tapedeck_is_not(
    config: Config, told: Told, tmp_path: Path
) -> None:
    file, proven = tmp_path / "year.zip", len(told) - 20
    span = ("--from", "2000-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z")
    assert run(config, "bundle", *span, str(file)) == 0
    with zipfile.ZipFile(file) as bundle:
        for name in ("verify.py", "policy"):
            bundle.extract(name, tmp_path)
        events = [json.loads(line) for line in bundle.read("events.jsonl").decode().splitlines()]
        (model,) = [event for event in events if event["type"] == "ModelTrained"]
        manifest = json.loads(bundle.read("manifest.json"))
        assert manifest["models"] == {DIGEST: model["message_id"]}
        _rebundled(bundle, tmp_path / "lied.zip", [_bent(events[0]), *events[1:]])
        without = [event for event in events if event is not model]
        _rebundled(bundle, tmp_path / "unsaid.zip", without)
    assert f"{proven} events are proven, 0 things" in _verified(tmp_path, "year.zip", 0)
    assert f"{proven - 1} events are proven, 1 things" in _verified(tmp_path, "lied.zip", 1)
    assert f"BAD model {DIGEST}" in _verified(tmp_path, "unsaid.zip", 1)


def _bent(event: dict[str, Any]) -> dict[str, Any]:
    data = bytearray(b64decode(event["leaf"]))
    data[-1] ^= 1
    return {**event, "leaf": b64encode(data).decode()}


def _rebundled(bundle: zipfile.ZipFile, file: Path, events: list[dict[str, Any]]) -> None:
    with zipfile.ZipFile(file, "w") as other:
        for name in set(bundle.namelist()) - {"events.jsonl"}:
            other.writestr(name, bundle.read(name))
        other.writestr("events.jsonl", "\n".join(map(json.dumps, events)))


def _verified(folder: Path, file: str, status: int) -> str:
    done = subprocess.run(
        [*(sys.executable, "-I", "-S", "verify.py", file, "--policy", "policy"), *AVSC],
        cwd=folder,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("lie", ["size = size + 1", "root = zeroblob(32)"])
def test_what_a_witness_remembers_is_asked(
    config: Config, capsys: pytest.CaptureFixture[str], lie: str
) -> None:
    """Its memory stands in for what our tape was before somebody wrote it anew, keys and all."""
    assert run(config, "verify") == 0
    assert "2 witnesses: all agree" in capsys.readouterr().out
    memory = witness.folder(config, "witness") / "seen.db"
    with closing(sqlite3.connect(memory, isolation_level=None)) as seen:
        seen.execute(f"update seen set {lie}")
    assert run(config, "verify") == 1
    said = capsys.readouterr().out
    assert "BAD checkpoints, by what the witness witness remembers" in said
    assert "2 witnesses: 1 logs are not what they were" in said


@pytest.mark.usefixtures("told")
def test_without_a_checkpoint_no_witness_is_said_to_agree(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    with postgres.owner(postgres.address(config.postgres, config.namespace)) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("delete from proof_checkpoints")
    assert run(config, "verify") == 1
    said = capsys.readouterr().out
    assert "no witness was asked: there is no checkpoint to show" in said
    assert ", 0 witnesses: " in said


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    "name", ["proofs/log-keys", "proofs/policy", "proofs/signed.json", "witnesses/notary/seen.txt"]
)
@pytest.mark.parametrize("content", [b"\xff\xfe\n", b'{"a": 1}\n'])
def test_a_damaged_file_is_named(
    config: Config, capsys: pytest.CaptureFixture[str], name: str, content: bytes
) -> None:
    keys, memory = config.home / "proofs" / "log-keys", config.home / name
    good = memory.read_bytes()
    memory.write_bytes(content if memory != keys else content + good)
    assert run(config, "verify") == 1
    assert "tapedeck audit: " in capsys.readouterr().err


def test_a_witness_that_does_not_answer_is_named(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    kafka.ensure_topics(config)
    due = len(tell(config, SchemaIds(config))) - 20
    with at_work(config):
        until(lambda: signed_whole(config, due))
    assert run(config, "verify") == 0
    said = capsys.readouterr().out
    assert "witness witness does not answer" in said
    assert "witness notary does not answer" in said
    assert "0 witnesses: all agree" in said


def test_the_whole_tape_agrees_and_each_lie_is_named(
    config: Config, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(config, "verify") == 0, capsys.readouterr().out
    assert f"{len(told) - 20} events" in capsys.readouterr().out
    conninfo = postgres.address(config.postgres, config.namespace)
    schema = f'"{read_models.read_schema(conninfo)}"'
    victim = told[-1].envelope.message_id
    for attack in (
        f"update {schema}.audit set actor = 'nobody' where message_id = '{victim}'",
        f"update {schema}.audit set actor = 'system' where message_id = '{victim}'",
        f"delete from proof_leaves where message_id = '{victim}'",
    ):
        with postgres.owner(conninfo) as connection:
            connection.execute("set session_replication_role = replica")
            connection.execute(attack.encode())
        honest = "'system'" in attack
        assert run(config, "verify") == (0 if honest else 1)
        said = capsys.readouterr().out
        assert honest or victim in said or "is gone" in said


def test_every_kind_of_lie_is_found_and_named(
    config: Config, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    drill.configure(parser)
    assert told
    status = drill.main(config, parser.parse_args(["tamper", "--lies", "210"]))
    said = capsys.readouterr().out
    assert status == 0, said
    assert "210 lies" in said
    assert ", 0 missed" in said


def test_a_drill_is_held_while_the_tape_grows(
    config: Config,
    told: Told,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    copy = drill._copy

    def and_more_is_signed(*what: Any) -> None:
        copy(*what)
        if what[-1].endswith(".audit"):
            halted = AccountHalted(account="90001", reason="meanwhile")
            more = first_cause(halted, source="test", sequence="1", key="90001", time_us=1)
            write(config, SchemaIds(config), [more])
            until(lambda: signed_whole(config, len(told) - 20 + 1))

    monkeypatch.setattr(drill, "_copy", and_more_is_signed)
    status = drill.main(config, _asked(drill, "tamper", "--lies", "1"))
    assert status == 0
    assert ", 0 missed" in capsys.readouterr().out
