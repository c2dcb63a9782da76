"""The policy of a copy follows its topics, and forgets nothing that a person has written there."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.config import Config
from infra.proofs import policy
from infra.proofs.keys import LogKeys, witness_key
from infra.proofs.memory import MEMORIES
from infra.proofs.tree import ProofError
from infra.run import proofs, witness
from infra.secrets import private

KEYS = LogKeys(bytes(32))


@pytest.fixture
def file(config: Config) -> Path:
    """The policy of a copy that has one log fewer than the platform's topics have by now."""
    for name in MEMORIES:
        folder = witness.folder(config, name)
        folder.mkdir(parents=True, exist_ok=True)
        key = witness_key(folder, name).public.written()
        private.write(folder / "witness.vkey", key.encode())
    lines = proofs.written_keys(KEYS).splitlines(keepends=True)
    private.write(witness.keys_file(config), "".join(lines[:-1]).encode())
    proofs.policy_of(config)
    private.write(witness.keys_file(config), "".join(lines).encode())
    return proofs.folder(config) / "policy"


def test_the_logs_of_a_new_topic_are_believed_and_the_old_file_is_kept(
    config: Config, file: Path
) -> None:
    by_hand = file.read_text() + "# a line by hand\n"
    private.write(file, by_hand.encode())
    before = policy.read(by_hand)
    after = proofs.policy_of(config)
    assert after is not None
    written = proofs.written_keys(KEYS).split()
    assert {key.written() for key in after.logs} == set(written)
    assert len(after.logs) == len(before.logs) + 1
    assert (after.witnesses, after.quorum) == (before.witnesses, before.quorum)
    assert file.read_text().endswith("# a line by hand\n")
    (kept,) = file.parent.glob("policy.*")
    assert kept.read_text() == by_hand


def test_a_policy_that_knows_all_logs_is_left_alone(config: Config, file: Path) -> None:
    proofs.policy_of(config)
    written = file.read_bytes()
    proofs.policy_of(config)
    assert file.read_bytes() == written
    assert len(list(file.parent.glob("policy.*"))) == 1


def test_a_log_under_another_key_is_refused_by_name(config: Config, file: Path) -> None:
    name = KEYS.origin("checkpoints")
    text = proofs.written_keys(KEYS)
    other = KEYS.of("a-log-of-no-topic")
    other_key = type(other).of(name, 1, bytes([7]) * 32).public.written()
    first = text.splitlines()[0]
    assert first.startswith(name)
    private.write(witness.keys_file(config), text.replace(first, other_key).encode())
    before = file.read_bytes()
    with pytest.raises(ProofError, match="under another key"):
        proofs.policy_of(config)
    assert file.read_bytes() == before
