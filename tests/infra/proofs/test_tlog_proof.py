"""Proof files: the good one proves, and no changed one does; policies, and who counts once."""

from __future__ import annotations

import random
from base64 import b64encode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.proofs import leaf, note, policy, tlog_proof
from infra.proofs.note import COSIGNATURE, SignerKey
from infra.proofs.policy import Policy
from infra.proofs.tree import ProofError
from tests.infra.proofs.made import (
    DATA,
    LOG,
    NOW_S,
    POLICY,
    WITNESSES,
    cosigned,
    proof,
    signed,
)

GOOD = proof()
TEXT = GOOD.decode()
HASH = TEXT.split("\n")[2]


def verified(content: bytes, data: bytes = DATA[11], by: Policy = POLICY) -> tlog_proof.Proven:
    return tlog_proof.verify(content, data, by, NOW_S)


def test_a_good_proof_proves() -> None:
    proven = verified(GOOD)
    assert (proven.index, proven.checkpoint.size) == (11, 37)
    assert proven.seen == {"w0": NOW_S, "w1": NOW_S}
    assert tlog_proof.read(GOOD).written() == GOOD
    extra = replace(tlog_proof.read(GOOD), extra=b"position").written()
    assert verified(extra).index == 11


@given(at=st.integers(0, len(GOOD) * 8 - 1))
def test_no_single_bit_may_change(at: int) -> None:
    changed = bytearray(GOOD)
    changed[at // 8] ^= 1 << (at % 8)
    with pytest.raises(ProofError):
        verified(bytes(changed))


@given(seed=st.integers(0, 2**32))
def test_no_bytes_may_be_dropped_added_or_moved(seed: int) -> None:
    luck = random.Random(seed)
    a, b = sorted(luck.sample(range(len(GOOD) + 1), 2))
    for changed in (
        GOOD[:a] + GOOD[b:],
        GOOD[:a] + GOOD[a:b] * 2 + GOOD[b:],
        GOOD[b:] + GOOD[:b],
        GOOD[:a] + GOOD[a:b][::-1] + GOOD[b:],
    ):
        if _without_strangers(changed) != GOOD:
            with pytest.raises(ProofError):
                verified(changed)


def _without_strangers(content: bytes) -> bytes:
    """Without lines signed by keys that nobody knows: verifiers must pass over those."""
    known = {(key.name, key.key_id) for key in (LOG.public, *(w.public for w in WITNESSES))}
    lines = content.splitlines(keepends=True)
    return b"".join(line for line in lines if not _is_stranger(line, known))


def _is_stranger(line: bytes, known: set[tuple[str, bytes]]) -> bool:
    try:
        signature = note.signature_of(line.decode().removesuffix("\n"))
    except (ProofError, UnicodeDecodeError):
        return False
    return (signature.name, signature.key_id) not in known


@pytest.mark.parametrize(
    "changed",
    [
        TEXT.replace("\n", "\r\n"),
        TEXT[:-1],
        TEXT + "\n",
        TEXT.replace("\n\n", "\n\n\n", 1),
        TEXT.replace("index 11", "index 011"),
        TEXT.replace("index 11", "index +11"),
        TEXT.replace("index 11", "index  11"),
        TEXT.replace("index 11", "index 12"),
        TEXT.replace("index 11", "index 37"),
        TEXT.replace("index 11", f"index {2**63}"),
        TEXT.replace("index 11\n", ""),
        TEXT.replace("index 11\n", "index 11\nindex 11\n"),
        TEXT.replace("@v1", "@v2"),
        TEXT.replace(HASH + "\n", ""),
        TEXT.replace(HASH, HASH + "\n" + HASH),
        TEXT.replace(HASH, HASH.rstrip("=")),
        TEXT.replace(HASH, b64encode(b"short").decode()),
        TEXT.replace("index 11\n", "extra YQ\nindex 11\n"),
        TEXT.replace("index 11\n", "extra YQ==\nextra YQ==\nindex 11\n"),
        TEXT.replace("index 11\n", "index 11\nextra YQ==\n"),
        TEXT.split("\n\n")[0] + "\n\n",
    ],
)
def test_other_forms_are_refused(changed: str) -> None:
    assert changed != TEXT
    with pytest.raises(ProofError):
        verified(changed.encode())


def test_proofs_of_other_leaves_logs_and_sizes_are_refused() -> None:
    parts = tlog_proof.read(GOOD)
    other = signed(37, key=SignerKey.of("tape.example/other", 1, bytes(32)))
    smaller = cosigned(signed(36), *WITNESSES)
    for content, data in (
        (GOOD, DATA[12]),
        (GOOD, b""),
        (proof(12), DATA[11]),
        (replace(parts, checkpoint=smaller.written().encode()).written(), DATA[11]),
        (replace(parts, checkpoint=other.written().encode()).written(), DATA[11]),
    ):
        with pytest.raises(ProofError):
            verified(content, data)


def test_witnesses_count_once_each_and_only_the_known() -> None:
    parts, note = tlog_proof.read(GOOD), signed(37)
    stranger = SignerKey.of("w9.example", COSIGNATURE, bytes(31) + b"9")
    renamed = SignerKey.of("w1.example", COSIGNATURE, _seed(0))
    for lines in (
        cosigned(note, WITNESSES[0]),
        cosigned(note, WITNESSES[0], WITNESSES[0]),
        cosigned(cosigned(note, WITNESSES[0]), WITNESSES[0], time_s=NOW_S - 5),
        cosigned(note, WITNESSES[0], stranger),
        cosigned(note, WITNESSES[0], renamed),
        cosigned(cosigned(note, WITNESSES[0]), WITNESSES[1], time_s=NOW_S + 10_000),
    ):
        content = replace(parts, checkpoint=lines.written().encode()).written()
        with pytest.raises(ProofError):
            verified(content)


def _seed(number: int) -> bytes:
    from hashlib import sha256

    return sha256(b"w%d" % number).digest()


def _policy_text() -> str:
    lines = [f"witness w{n} {key.public.written()}\n" for n, key in enumerate(WITNESSES)]
    head = f"# who counts\nlog {LOG.public.written()}\n"
    return head + "".join(lines) + "group enough 2 w0 w1 w2\nquorum enough\n"


def test_a_policy_is_read() -> None:
    assert policy.read(_policy_text()) == POLICY
    assert verified(GOOD, by=policy.read(_policy_text())).index == 11


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("group enough 2", "group enough 0"),
        ("group enough 2", "group enough 4"),
        ("group enough 2", "group enough 02"),
        ("w0 w1 w2\n", "w0 w1 w1\n"),
        ("w0 w1 w2\n", "w0 w1 w3\n"),
        ("quorum enough\n", ""),
        ("quorum enough\n", "quorum enough\nquorum enough\n"),
        ("quorum enough", "quorum other"),
        ("witness w1", "witness w0"),
        ("witness w1", "witness none"),
        ("quorum", "quorums"),
        ("quorum", "\x00quorum"),
        (WITNESSES[1].public.written(), WITNESSES[0].public.written()),
        (WITNESSES[1].public.written(), LOG.public.written()),
    ],
)
def test_other_policies_are_refused(old: str, new: str) -> None:
    assert old in _policy_text()
    with pytest.raises(ProofError):
        policy.read(_policy_text().replace(old, new))


def test_the_same_key_under_two_names_is_refused() -> None:
    twin = SignerKey.of("twin.example", COSIGNATURE, _seed(0)).public.written()
    text = _policy_text().replace("group", f"witness twin {twin}\ngroup")
    with pytest.raises(ProofError):
        policy.read(text)


@pytest.mark.parametrize("url", ["w1:80", "http://", "http://h:x", "http://h:0", "ftp://h", "//h"])
def test_an_address_that_cannot_be_asked_is_refused(url: str) -> None:
    line = f"witness w1 {WITNESSES[1].public.written()}"
    assert policy.read(_policy_text().replace(line, f"{line} http://h:80")).witnesses[1].url
    with pytest.raises(ProofError, match="cannot be asked"):
        policy.read(_policy_text().replace(line, f"{line} {url}"))


def test_nested_groups() -> None:
    text = _policy_text().replace(
        "group enough 2 w0 w1 w2", "group inner any w0 w1\ngroup enough all inner w2"
    )
    judge = policy.read(text)
    assert judge.reached({"w0", "w2"})
    assert not judge.reached({"w0", "w1"})


@given(st.binary(max_size=80))
def test_bytes_that_are_no_leaf_are_refused(data: bytes) -> None:
    with pytest.raises(ProofError):
        leaf.read(data)
