"""Signed notes, checkpoints and cosignatures: published ones verify, changed ones are refused."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest

from infra.proofs import checkpoint, cosignature, note, standalone
from infra.proofs.ed25519 import Bad
from infra.proofs.note import ED25519, Note, SignerKey
from infra.proofs.tree import ProofError
from tests.infra.proofs.made import LOG, NOW_S, ORIGIN, POLICY, WITNESSES, cosigned, signed

# The example keys and notes of golang.org/x/mod/sumdb/note.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SEED = b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
PUBLISHED = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngo"
    "tpRZb6KE6RyyBwJnAM=\n"
)
GOOD = signed(37).written()
ALONE = standalone.read_policy(f"log {LOG.public.written()}\nquorum none\n")


def test_a_note_of_another_implementation_verifies_and_is_made_anew() -> None:
    key = note.verifier_key(PETER)
    opened = note.opened(PUBLISHED.encode())
    note.check(opened, key)
    assert key.written() == PETER
    mine = SignerKey.of("PeterNeumann", ED25519, PETER_SEED)
    assert mine.public == key
    assert note.signed(opened.text, mine).written() == PUBLISHED


def test_what_is_written_is_read() -> None:
    read, opened = checkpoint.check(GOOD.encode(), LOG.public)
    assert (read.origin, read.size) == (ORIGIN, 37)
    assert opened.written() == GOOD


def test_signatures_of_strangers_are_passed_over_and_bad_ones_of_the_known_spoil_it() -> None:
    stranger = SignerKey.of(ORIGIN, ED25519, bytes(32))
    extra = note.signed(signed(37).text, stranger).signatures
    both = Note(signed(37).text, (*extra, *signed(37).signatures))
    checkpoint.check(both.written().encode(), LOG.public)
    bad = note.Signature(ORIGIN, LOG.public.key_id, bytes(64))
    spoiled = Note(signed(37).text, (*signed(37).signatures, bad))
    with pytest.raises(ProofError):
        checkpoint.check(spoiled.written().encode(), LOG.public)
    with pytest.raises(ProofError):
        checkpoint.check(Note(both.text, extra).written().encode(), LOG.public)


def _resigned(text: str) -> str:
    """As the log would sign it, were it to sign anything."""
    value = LOG.sign(text.encode())
    return Note(text, (note.Signature(ORIGIN, LOG.public.key_id, value),)).written()


BODY = GOOD.split("\n\n")[0] + "\n"
ROOT = BODY.split("\n")[2]


@pytest.mark.parametrize(
    "text",
    [
        BODY.replace("37", "037"),
        BODY.replace("37", "+37"),
        BODY.replace("37", " 37"),
        BODY.replace("37", "37 "),
        BODY.replace("37", "-1"),
        BODY.replace("37", "3_7"),
        BODY.replace("37", "\u0663\u0667"),
        BODY.replace("37", str(2**63)),
        BODY.replace("37", "0"),
        BODY.replace("37", ""),
        BODY.replace(ROOT, ROOT.rstrip("=")),
        BODY.replace(ROOT, ROOT[:8]),
        BODY.replace(ROOT, ROOT[:-2] + chr(ord(ROOT[-2]) + 1) + "="),
        BODY + "extension\n",
        BODY.replace("\n37", "\n\n37"),
        BODY.replace(ORIGIN, ""),
        BODY.replace(ORIGIN, "tape.example/order-events/1"),
    ],
)
def test_bodies_that_no_verifier_may_take_are_refused_though_signed(text: str) -> None:
    assert text != BODY
    with pytest.raises(ProofError):
        checkpoint.check(_resigned(text).encode(), LOG.public)
    with pytest.raises((Bad, UnicodeDecodeError)):
        standalone.check_checkpoint(_resigned(text).encode(), ALONE)


LINE = GOOD.split("\n\n")[1]
VALUE = LINE.split(" ")[2].strip()


@pytest.mark.parametrize(
    "content",
    [
        GOOD.replace("\n", "\r\n"),
        GOOD[:-1],
        GOOD + "\n",
        GOOD + " ",
        GOOD.replace("\n\n", "\n\n\n"),
        GOOD.replace("\n\n", "\n"),
        GOOD.replace("\u2014", "-"),
        GOOD.replace("\u2014 ", "\u2014  "),
        GOOD.replace(VALUE, VALUE.rstrip("=") + "\t"),
        GOOD.replace(VALUE, VALUE[:20] + "\x00" + VALUE[20:]),
        GOOD.replace(VALUE, VALUE.replace("=", "")),
        GOOD.replace(VALUE, b64encode(b64decode(VALUE)[:4]).decode()),
        GOOD.replace(VALUE, b64encode(b64decode(VALUE) + b"\x00").decode()),
        GOOD.replace(VALUE, b64encode(b64decode(VALUE)[:-1]).decode()),
        GOOD.replace(ORIGIN, "a b", 1),
        GOOD.replace(f"\u2014 {ORIGIN}", "\u2014 a+b"),
        GOOD.replace(f"\u2014 {ORIGIN}", "\u2014 "),
        GOOD + LINE * 100,
        "\n" + GOOD,
        "",
        "\n\n",
    ],
)
def test_notes_of_another_form_are_refused(content: str) -> None:
    assert content != GOOD
    with pytest.raises(ProofError):
        checkpoint.check(content.encode(), LOG.public)
    with pytest.raises(ProofError):
        checkpoint.check(content.encode() + b"\xff", LOG.public)
    for bytes_ in (content.encode(), content.encode() + b"\xff"):
        with pytest.raises((Bad, UnicodeDecodeError)):
            standalone.check_checkpoint(bytes_, ALONE)


@pytest.mark.parametrize(
    "text",
    [
        PETER.replace("c74f20a3", "c74f20a4"),
        PETER.replace("+AR", "+AQ"),
        PETER + "=",
        PETER[:-4],
        PETER.replace("PeterNeumann", ""),
        PETER.replace("PeterNeumann", "Peter Neumann"),
        "PeterNeumann",
    ],
)
def test_verifier_keys_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(ProofError):
        note.verifier_key(text)
    with pytest.raises((Bad, UnicodeDecodeError)):
        standalone.read_key(text)


def test_a_log_signs_under_its_own_name_alone() -> None:
    other = checkpoint.Checkpoint("elsewhere.example", 0, signed_root())
    with pytest.raises(ProofError):
        checkpoint.signed(other, LOG)


def signed_root() -> bytes:
    return checkpoint.read(signed(37).text).root


def test_a_cosignature_holds_for_its_note_time_and_key_alone() -> None:
    seen = cosigned(signed(37), WITNESSES[0])
    assert POLICY.seen(seen, NOW_S) == {"w0": NOW_S}
    line = seen.signatures[-1]
    for of, key, now_s in (
        (signed(36), WITNESSES[0], NOW_S),
        (signed(37), WITNESSES[1], NOW_S),
        (signed(37), WITNESSES[0], NOW_S - cosignature.SKEW_S - 1),
    ):
        with pytest.raises(ProofError):
            cosignature.check(of, line, key.public, now_s)
    for time_s in (0, 2**63):
        value = time_s.to_bytes(8, "big") + line.value[8:]
        forged = note.Signature(line.name, line.key_id, value)
        with pytest.raises(ProofError):
            cosignature.check(signed(37), forged, WITNESSES[0].public, NOW_S)
    with pytest.raises(ProofError):
        cosignature.cosigned(signed(37), WITNESSES[0], 0)
    with pytest.raises(ProofError):
        cosignature.cosigned(signed(37), LOG, NOW_S)
