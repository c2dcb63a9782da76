"""`tapedeck audit` on real services: proofs that hold elsewhere, and what is found when it lies."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from events.envelope import Message
from infra.cli import audit
from infra.config import Config
from infra.proofs import policy
from infra.store import postgres, read_models
from infra.stream import kafka
from infra.stream.schema_ids import SchemaIds
from tests.infra.proofs.at_rest import at_work, signed_whole, tell, until

Told = list[Message[Any]]


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
        with postgres.connect(conninfo) as connection:
            connection.execute("set session_replication_role = replica")
            connection.execute(attack.encode())
        honest = "'system'" in attack
        assert run(config, "verify") == (0 if honest else 1)
        said = capsys.readouterr().out
        assert honest or victim in said or "is gone" in said
