"""The stand-alone verifier: RFC 8032's signatures, and the same judgement as the library's."""

from __future__ import annotations

import random
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.proofs import ed25519, policy, tree
from infra.proofs import standalone as module
from infra.proofs.note import COSIGNATURE, SignerKey
from infra.proofs.tree import ProofError
from tests.infra.proofs.made import LEAVES, LOG, NOW_S, POLICY, WITNESSES, cosigned, node, signed

standalone: Any = module

# RFC 8032, section 7.1: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_published_signatures(public: str, message: str, signature: str) -> None:
    key, said, value = (bytes.fromhex(text) for text in (public, message, signature))
    standalone.verify_signature(key, said, value)
    order = int.from_bytes(value[32:], "little") + ed25519.L
    for changed in (
        (key, said + b"x", value),
        (key, said, value[:-1] + bytes([value[-1] ^ 1])),
        (key, said, bytes([value[0] ^ 1]) + value[1:]),
        (key, said, value[:32] + order.to_bytes(32, "little")),
        (bytes([key[0] ^ 1]) + key[1:], said, value),
        (key, said, value[:-1]),
    ):
        with pytest.raises(standalone.Bad):
            standalone.verify_signature(*changed)


@given(size=st.integers(1, 40), seed=st.integers(0, 2**32))
def test_it_judges_inclusion_as_the_library_does(size: int, seed: int) -> None:
    luck = random.Random(seed)
    index, root = luck.randrange(size), tree.root_of(LEAVES[:size])
    path = tree.inclusion(index, size, node)
    for at, of, changed in (
        (index, size, path),
        (luck.randrange(size), size, path),
        (index, luck.randrange(1, 60), path),
        (index, size, path[:-1]),
        (index, size, [*path, root]),
    ):
        assert _refused(standalone.check_inclusion, LEAVES[index], at, of, changed, root) == (
            _refused(tree.check_inclusion, LEAVES[index], at, of, changed, root)
        )


def _refused(check: Any, *arguments: Any) -> bool:
    try:
        check(*arguments)
    except (ProofError, standalone.Bad):
        return True
    return False


def policy_text() -> str:
    lines = [f"log {LOG.public.written()}\n"]
    lines += [f"witness w{n} {key.public.written()}\n" for n, key in enumerate(WITNESSES)]
    return "".join([*lines, "group enough 2 w0 w1 w2\nquorum enough\n"])


TWIN = SignerKey.of("twin.example", COSIGNATURE, sha256(b"w0").digest()).public.written()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("enough 2 w0 w1 w2", "enough 0 w0 w1 w2"),
        ("enough 2 w0 w1 w2", "enough 02 w0 w1 w2"),
        ("enough 2 w0 w1 w2", "enough 4 w0 w1 w2"),
        ("enough 2 w0 w1 w2", "enough 2 w0 w1 w1"),
        ("enough 2 w0 w1 w2", "enough 2 w0 w1 w3"),
        ("group enough 2 w0 w1 w2", "group a any w0\ngroup b any w0\ngroup enough 2 a b"),
        ("group", "group w0 any w1\ngroup"),
        ("group", "group none any w1\ngroup"),
        ("group", "group enough any w0\ngroup"),
        ("group", f"witness twin {TWIN}\ngroup"),
        ("group", f"log {LOG.public.written()}\ngroup"),
        ("witness w1", "witness w0"),
        ("witness w1", "witness none"),
        ("quorum enough\n", ""),
        ("quorum enough\n", "quorum enough\nquorum enough\n"),
        ("quorum enough", "quorum other"),
    ],
)
def test_it_refuses_the_policies_that_the_library_refuses(old: str, new: str) -> None:
    text = policy_text()
    assert old in text
    for read in (policy.read, standalone.read_policy):
        read(text)
        with pytest.raises((ProofError, standalone.Bad)):
            read(text.replace(old, new, 1))


def test_it_judges_checkpoints_as_the_library_does() -> None:
    policy = standalone.read_policy(policy_text())
    good = cosigned(signed(37), *WITNESSES[:2])
    text = good.written()
    for content in (
        text,
        cosigned(signed(37), WITNESSES[0]).written(),
        cosigned(signed(37), WITNESSES[0], WITNESSES[0]).written(),
        cosigned(signed(37), *WITNESSES[:2], time_s=2**62).written(),
        text.replace("37", "037"),
        text.replace("37", "36"),
        text.replace("\n", "\r\n"),
        text[:-1],
        text + "\n",
        text.replace("\n\n", "\n\n\n"),
    ):
        ours = _refused(POLICY.accepted, content.encode(), NOW_S)
        assert _refused(standalone.check_checkpoint, content.encode(), policy) == ours
