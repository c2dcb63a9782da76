"""A bundle that was changed by who handed it on: the stand-alone verifier refuses to believe it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.accounts import AccountHalted
from events.envelope import Message, Position, first_cause
from infra.proofs import bundle, checkpoint, leaf, tree
from infra.proofs import standalone as module
from infra.proofs.checkpoint import Checkpoint
from infra.proofs.encoding import base64
from infra.proofs.tree import leaf_hash
from schemas import codec
from schemas.derive import schema_of
from tests.infra.proofs.made import LOG, WITNESSES, cosigned
from tests.infra.proofs.test_standalone import policy_text

standalone: Any = module
NAME, SCHEMA_ID, COUNT = "checkpoints/log", 7, 9
Event = dict[str, Any]
Files = list[tuple[str, bytes]]


def _leaf(number: int) -> bytes:
    event = AccountHalted(account=f"9000{number}", reason="drawdown")
    told: Message[Any] = first_cause(
        event, source="test", sequence=str(number), key=event.account, time_us=number + 1
    )
    value = b"\0" + SCHEMA_ID.to_bytes(4, "big") + codec.encode(event)
    placed = msgspec.structs.replace(told, position=Position("t", 0, number))
    return leaf.leaf_of(placed, value)


LEAVES = [_leaf(number) for number in range(COUNT)]
HASHES = [leaf_hash(each) for each in LEAVES]


def _node(level: int, index: int) -> bytes:
    return tree.root_of(HASHES[index << level : (index + 1) << level])


def _event(number: int) -> Event:
    read = leaf.read(LEAVES[number])
    return {
        "message_id": read.envelope.message_id,
        "type": "AccountHalted",
        "time_us": read.envelope.time_us,
        "checkpoint": NAME,
        "index": number,
        "path": [base64(each) for each in tree.inclusion(number, COUNT, _node)],
        "leaf": base64(LEAVES[number]),
        "payload": {"account": f"9000{number}", "reason": "drawdown"},
    }


EVENTS = [_event(number) for number in range(COUNT)]


def _files(events: list[Event]) -> Files:
    signed = checkpoint.signed(Checkpoint(LOG.name, COUNT, tree.root_of(HASHES)), LOG)
    return [
        (NAME, cosigned(signed, *WITNESSES[:2]).written().encode()),
        ("events.jsonl", "".join(json.dumps(event) + "\n" for event in events).encode()),
        (f"schemas/{SCHEMA_ID}-AccountHalted.json", json.dumps(schema_of(AccountHalted)).encode()),
        ("policy", policy_text().encode()),
    ]


def _zipped(files: Files) -> BytesIO:
    held = BytesIO()
    with zipfile.ZipFile(held, "w") as made, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # one name may stand twice
        for name, content in files:
            made.writestr(name, content)
    return held


def _believed(files: Files) -> bool:
    """Whether it says that all is proven, which is what its exit status 0 says."""
    try:
        with zipfile.ZipFile(_zipped(files)) as held:
            proven, wrong = standalone.verify(held, standalone.read_policy(policy_text()))
    except ValueError:
        return False
    return bool(proven and not wrong)


def test_an_honest_bundle_is_believed_where_tapedeck_is_not(tmp_path: Path) -> None:
    (tmp_path / "verify.py").write_text(bundle.verifier())
    lied = [{**EVENTS[0], "payload": {**EVENTS[0]["payload"], "reason": "none"}}, *EVENTS[1:]]
    for events, status, said in (
        (EVENTS, 0, f"{COUNT} events are proven, 0 things are wrong"),
        (lied, 1, "its payload is not what the leaf says"),
        (EVENTS[:2] + EVENTS[5:], 0, "3 leaves between those proven are not in the bundle"),
    ):
        (tmp_path / "bundle").write_bytes(_zipped(_files(events)).getvalue())
        asked = [sys.executable, "-I", "-S", "verify.py", "bundle"]
        done = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, said in done.stdout) == (status, True), done.stdout + done.stderr


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "AccountResumed"},
        {"time_us": 77},
        {"time_us": 1.0},
        {"message_id": EVENTS[1]["message_id"]},
        {"payload": {"account": "90000", "reason": "no reason"}},
        {"payload": {"account": "90000"}},
        {"payload": {"account": "90000", "reason": "drawdown", "by": "nobody"}},
        {"payload": None},
        {"approved_by": "somebody"},
        {"index": 1},
        {"index": -1},
        {"index": COUNT},
        {"index": 0.0},
        {"index": False},
        {"index": "0"},
        {"index": 2**63},
        {"checkpoint": "checkpoints/other"},
        {"path": EVENTS[0]["path"][::-1]},
        {"path": [*EVENTS[0]["path"], EVENTS[0]["path"][0]]},
        {"path": EVENTS[0]["path"][:-1]},
        {"path": [EVENTS[0]["path"][0].rstrip("="), *EVENTS[0]["path"][1:]]},
        {"leaf": EVENTS[1]["leaf"]},
        {"leaf": base64(_node(1, 0))},
        {"leaf": EVENTS[0]["leaf"] + "\n"},
    ],
)
def test_no_field_of_an_event_may_say_something_else(changed: Event) -> None:
    assert not _believed(_files([{**EVENTS[0], **changed}, *EVENTS[1:]]))


@given(seed=st.integers(0, 2**32))
def test_no_bit_of_a_leaf_a_hash_or_the_checkpoint_may_change(seed: int) -> None:
    luck = random.Random(seed)
    at, files = luck.randrange(COUNT), _files(EVENTS)
    path = list(EVENTS[at]["path"])
    place = luck.randrange(len(path))
    path[place] = base64(_flipped(standalone.unbase64(path[place]), luck))
    bent = {"leaf": base64(_flipped(LEAVES[at], luck))}
    for other in ({"path": path}, bent):
        assert not _believed(_files([{**EVENTS[at], **other}, *EVENTS[:at], *EVENTS[at + 1 :]]))
    assert not _believed([(NAME, _flipped(files[0][1], luck)), *files[1:]])


def _flipped(data: bytes, luck: random.Random) -> bytes:
    place = luck.randrange(len(data) * 8)
    return data[: place // 8] + bytes([data[place // 8] ^ 1 << place % 8]) + data[place // 8 + 1 :]


def _twice_in_json(files: Files) -> Files:
    name, lines = files[1]
    lie = b'{"payload": {"account": "90000", "reason": "none"}, '
    return [files[0], (name, lie + lines[1:]), *files[2:]]


@pytest.mark.parametrize(
    "forged",
    [
        lambda files: [*files, files[1]],
        lambda files: [(files[1][0], b"{}"), *files],
        lambda files: [*files, ("schemas/7-Other.json", files[2][1])],
        lambda files: [*files[:2], (files[2][0], files[2][1].replace(b"reason", b"ground"))],
        lambda files: files[:2] + files[3:],
        lambda files: [files[0], (files[1][0], files[1][1] * 2), *files[2:]],
        lambda files: [files[0], (files[1][0], b""), *files[2:]],
        _twice_in_json,
    ],
)
def test_two_readers_cannot_be_shown_two_things(forged: Callable[[Files], Files]) -> None:
    assert _believed(_files(EVENTS))
    assert not _believed(forged(_files(EVENTS)))


def test_a_schema_that_calls_the_fields_otherwise_is_not_of_the_trusted(tmp_path: Path) -> None:
    (tmp_path / "AccountHalted.v1.avsc").write_text(json.dumps(schema_of(AccountHalted)))
    honest = _files(EVENTS)
    swapped = [
        (name, content.replace(b'"reason"', b'"ground"')) if name != "policy" else (name, content)
        for name, content in honest
    ]
    for files, expected in ((honest, True), (swapped, False)):
        with zipfile.ZipFile(_zipped(files)) as held:
            policy = standalone.read_policy(policy_text())
            assert standalone.verify(held, policy) == (COUNT, 0)  # nobody told it otherwise
            if expected:
                assert standalone.verify(held, policy, str(tmp_path)) == (COUNT, 0)
            else:
                with pytest.raises(standalone.Bad, match="is not among the schemas"):
                    standalone.verify(held, policy, str(tmp_path))
