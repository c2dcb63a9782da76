"""What a person has typed opens with their key, and with nothing else."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.secrets import private
from infra.secrets.provider import SecretsError
from infra.subjects import sealing
from infra.subjects.operator import Operator
from infra.subjects.register import Register

TEXT = "halted: she is in hospital"


@given(st.text(max_size=200))
def test_every_text_comes_back_and_is_the_same_word_twice(text: str) -> None:
    subject, key = sealing.new_key()
    word = sealing.seal(subject, key, text)
    assert word == sealing.seal(subject, key, text)
    assert sealing.SEALED.fullmatch(word)
    assert sealing.opened(f"<{word}>", {subject: key}.get, str) == f"<{text}>"


def test_another_key_and_another_subject_open_nothing() -> None:
    (subject, key), (other, wrong) = sealing.new_key(), sealing.new_key()
    word = sealing.seal(subject, key, TEXT)
    moved = word.replace(subject, other)
    for forged, keys in (
        (word, {subject: wrong}),
        (moved, {other: key}),
        (word[:-1] + "A", {subject: key}),
    ):
        if forged != word or keys[subject] != key:
            assert TEXT not in sealing.opened(forged, keys.get, str)
            assert "not sealed by" in sealing.opened(forged, keys.get, str)


def test_one_name_is_one_person_until_it_is_erased(tmp_path: Path) -> None:
    register = Register(tmp_path)
    ann = register.welcome("ann")
    assert register.welcome("ann") == ann != register.welcome("bob")
    assert register.sealed("ann") == ann.seal("ann")
    word = ann.seal(TEXT)
    assert register.opened(f"why: {word}") == f"why: {TEXT}"
    register.destroy(ann.subject)
    assert register.opened(f"why: {word}") == f"why: [erased {ann.subject}]"
    assert register.sealed("ann") == "ann"
    assert register.welcome("ann").subject != ann.subject
    assert register.opened(word) == f"[erased {ann.subject}]"
    register.destroy(ann.subject)


def test_a_key_that_is_elsewhere_is_not_an_erased_one(tmp_path: Path) -> None:
    ann = Register(tmp_path / "here").welcome("ann")
    assert Register(tmp_path / "there").opened(ann.seal(TEXT)) == f"[key {ann.subject} is not here]"


def test_nothing_of_a_destroyed_key_is_left_in_its_folder(tmp_path: Path) -> None:
    register = Register(tmp_path)
    ann = register.welcome("ann")
    (file,) = tmp_path.rglob("*.key")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    register.destroy(ann.subject)
    left = b"".join(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())
    assert ann.key.hex().encode() not in left
    assert b"ann" not in left
    assert [each.suffix for each in tmp_path.rglob("*.*")] == [".erased"]


def test_a_register_that_others_can_read_is_refused(tmp_path: Path) -> None:
    register = Register(tmp_path)
    register.welcome("ann")
    (file,) = tmp_path.rglob("*.key")
    file.chmod(0o644)
    with pytest.raises(SecretsError, match="can be read by others"):
        register.named("ann")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff", b'{"name": "ann"}', b'{"name": 1, "key": "ab"}']
)
def test_a_key_that_is_damaged_is_named(tmp_path: Path, content: bytes) -> None:
    register = Register(tmp_path)
    ann = register.welcome("ann")
    (file,) = tmp_path.rglob("*.key")
    private.write(file, content)
    if content:
        with pytest.raises(SecretsError, match=f"{ann.subject}.key is no key of a person"):
            register.named("ann")
    assert register.opened(ann.seal(TEXT)) == f"[key {ann.subject} cannot be read]"


def test_an_operator_is_one_actor_and_never_one_source(tmp_path: Path) -> None:
    person = Register(tmp_path).welcome("ann")
    one, other = Operator(person), Operator(person)
    assert one.actor == other.actor
    assert "ann" not in one.actor + one.source()
    assert one.source() != other.source()


def test_killed_between_the_key_and_its_name_it_is_destroyed(tmp_path: Path) -> None:
    register = Register(tmp_path)
    ann, bob = register.welcome("ann"), register.welcome("bob")
    file = tmp_path / "subjects" / f"{ann.subject}.key"
    size = file.stat().st_size
    register.destroy(ann.subject)
    private.write_new(file, b"\0" * size)
    assert list(register.people()) == [bob]
    assert register.opened(ann.seal(TEXT)) == f"[erased {ann.subject}]"
    register.destroy(ann.subject)
    assert not file.exists()
