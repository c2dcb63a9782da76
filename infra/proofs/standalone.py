#!/usr/bin/env python3
"""Verifies a bundle of Tapedeck's audit: python -I -S verify.py BUNDLE [--policy FILE].

It needs Python 3.11 and nothing else, and no network. The policy says whom to believe: the logs,
the witnesses, and how many of these are enough. Take it from someone whom you trust; the one inside
the bundle shows only that the bundle agrees with itself. Exit status 0: every event is proven.
Proven are the bytes of the leaves and their message ids; the JSON beside them is there to be read.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
import time
import zipfile
from typing import Any

# Ed25519 as in RFC 8032, section 5.1, for verifying alone: nothing here is secret.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)

Point = tuple[int, int, int, int]
Policy = tuple[dict[str, bytes], dict[str, tuple[str, bytes]], dict[str, Any], str]


class Bad(Exception):
    """Something that proves nothing."""


def recover_x(y: int, sign: int) -> int:
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * ROOT % P
    if y >= P or (x * x - x2) % P or (x == 0 and sign):
        raise Bad("a point is not on the curve")
    return P - x if x & 1 != sign else x


def point(data: bytes) -> Point:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    x = recover_x(y, sign)
    return (x, y, 1, x * y % P)


def add(a: Point, b: Point) -> Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    i, j, k, m = f - e, h - g, h + g, f + e
    return (i * j % P, k * m % P, j * k % P, i * m % P)


def times(number: int, of: Point) -> Point:
    found = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = add(found, of)
        of, number = add(of, of), number >> 1
    return found


def same(a: Point, b: Point) -> bool:
    return not ((a[0] * b[2] - b[0] * a[2]) % P or (a[1] * b[2] - b[1] * a[2]) % P)


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (recover_x(BASE_Y, 0), BASE_Y, 1, recover_x(BASE_Y, 0) * BASE_Y % P)


def verify_signature(public: bytes, message: bytes, signature: bytes) -> None:
    """Raise `Bad` unless it is the signature of this key."""
    if len(public) != 32 or len(signature) != 64:
        raise Bad("a key or signature of another length")
    s = int.from_bytes(signature[32:], "little")
    if s >= L:
        raise Bad("a signature that could be written otherwise")
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    if not same(times(s, BASE), add(point(signature[:32]), times(h, point(public)))):
        raise Bad("a signature is bad")


# Trees as in RFC 9162, section 2.1.
def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def check_inclusion(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> None:
    """Raise `Bad` unless the path leads from the leaf at this index to the root."""
    if not 0 <= index < size < 2**63 or len(path) > 63:
        raise Bad("an index or a size that cannot be")
    place, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0 or len(sibling) != 32:
            raise Bad("a proof that is longer than needed")
        if place & 1 or place == last:
            found = hashlib.sha256(b"\x01" + sibling + found).digest()
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\x01" + found + sibling).digest()
        place, last = place >> 1, last >> 1
    if last or found != root:
        raise Bad("a proof that does not lead to the root")


# Signed notes, checkpoints and cosignatures as in C2SP.
def number(text: str) -> int:
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", text, re.ASCII) or int(text) >= 2**63:
        raise Bad(f"{text[:30]!r} is no plain number")
    return int(text)


def unbase64(text: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError as wrong:
        raise Bad("not base64") from wrong
    if base64.b64encode(data).decode() != text:
        raise Bad("base64 that could be written otherwise")
    return data


def read_key(text: str) -> tuple[str, int, bytes]:
    """Name, type, public key."""
    parts = text.split("+", 2)
    raw = unbase64(parts[-1])
    if len(parts) != 3 or len(raw) != 33 or raw[0] not in (1, 4):
        raise Bad(f"{text[:60]} is no key that is known here")
    if key_id(parts[0], raw).hex() != parts[1]:
        raise Bad(f"the key of {parts[0]} has another id")
    return parts[0], raw[0], raw[1:]


def key_id(name: str, raw: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]


def read_note(content: bytes) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Text and signatures: name, id, bytes."""
    whole = content.decode()
    text, blank, tail = whole.rpartition("\n\n")
    if re.search(r"[\x00-\x09\x0b-\x1f\x7f]", whole) or not blank or not tail.endswith("\n"):
        raise Bad("no signed note")
    if len(set(tail.split("\n"))) != tail.count("\n") + 1:
        raise Bad("a signature stands twice")
    signatures = []
    for line in tail[:-1].split("\n"):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "\u2014":
            raise Bad("no signature line")
        raw = unbase64(parts[2])
        signatures.append((parts[1], raw[:4], raw[4:]))
    return text + "\n", signatures


def read_policy(text: str) -> Policy:
    """Logs and witnesses by name, groups, and the quorum."""
    logs: dict[str, bytes] = {}
    witnesses: dict[str, tuple[str, bytes]] = {}
    groups: dict[str, Any] = {}
    quorum = None
    for line in text.split("\n"):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "log":
            name, kind, public = read_key(words[1])
            if kind != 1:
                raise Bad("a log signs with keys of type 1")
            logs[name] = public
        elif words[0] == "witness":
            name, kind, public = read_key(words[2])
            if kind != 4 or words[1] in witnesses or public in [w[1] for w in witnesses.values()]:
                raise Bad("a witness is named twice, or has another kind of key")
            witnesses[words[1]] = (name, public)
        elif words[0] == "group":
            members = words[3:]
            known = {*witnesses, *groups}
            if len(set(members)) != len(members) or not set(members) <= known:
                raise Bad("a group has members that are not known, or twice")
            least = {"any": 1, "all": len(members)}.get(words[2]) or number(words[2])
            if not 1 <= least <= len(members):
                raise Bad("a group needs more members than it has")
            groups[words[1]] = (least, members)
        elif words[0] == "quorum" and quorum is None:
            quorum = words[1]
        else:
            raise Bad(f"a policy cannot say {line[:60]!r}")
    if quorum is None or not (quorum == "none" or quorum in witnesses or quorum in groups):
        raise Bad("a policy needs one quorum that is known")
    return logs, witnesses, groups, quorum


def reached(name: str, seen: set[str], groups: dict[str, Any]) -> bool:
    if name in groups:
        least, members = groups[name]
        return bool(sum(reached(member, seen, groups) for member in members) >= least)
    return name in seen


def check_checkpoint(content: bytes, policy: Policy) -> tuple[str, int, bytes]:
    """Origin, size and root, if a log of the policy has signed and enough witnesses have seen."""
    logs, witnesses, groups, quorum = policy
    text, signatures = read_note(content)
    lines = text.split("\n")
    if len(lines) != 4 or lines[0] not in logs:
        raise Bad(f"{lines[0][:80]} is no log that is believed")
    signed, seen = False, set[str]()
    for name, claimed, value in signatures:
        if name == lines[0] and claimed == key_id(name, b"\x01" + logs[name]):
            verify_signature(logs[name], text.encode(), value)
            signed = True
        for witness, (known, public) in witnesses.items():
            if name == known and claimed == key_id(known, b"\x04" + public):
                at_s = int.from_bytes(value[:8], "big")
                if not 0 < at_s <= time.time() + 300:
                    raise Bad(f"{witness} has cosigned at no time that has been")
                message = f"cosignature/v1\ntime {at_s}\n{text}".encode()
                verify_signature(public, message, value[8:])
                seen.add(witness)
    if not signed or (quorum != "none" and not reached(quorum, seen, groups)):
        raise Bad(f"{lines[0]}: not signed, or seen by too few ({', '.join(sorted(seen))})")
    root = unbase64(lines[2])
    if len(root) != 32:
        raise Bad("a root of another length")
    return lines[0], number(lines[1]), root


def read_leaf(data: bytes) -> list[bytes]:
    """The fields of a leaf, each with its length before it."""
    parts, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        parts.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    if at != len(data) or len(parts) != 15 or parts[0] != b"tapedeck-leaf-v1":
        raise Bad("no leaf of a tape")
    return parts


def verify(bundle: zipfile.ZipFile, policy: Policy) -> tuple[int, int]:
    """Print what is wrong; how many events are proven, and how many things are wrong."""
    proven, wrong = 0, 0
    models: dict[str, set[str]] = {"ModelTrained": set(), "PredictionMade": set()}
    checkpoints: dict[str, tuple[int, bytes]] = {}
    for name in sorted(n for n in bundle.namelist() if n.startswith("checkpoints/")):
        try:
            origin, size, root = check_checkpoint(bundle.read(name), policy)
            checkpoints[name] = (size, root)
            print(f"checkpoint of {size} leaves: {origin}")
        except (Bad, ValueError) as bad:
            print(f"BAD {name}: {bad}")
            wrong += 1
    for line in bundle.read("events.jsonl").decode().splitlines():
        event = json.loads(line)
        try:
            data, path = unbase64(event["leaf"]), [unbase64(each) for each in event["path"]]
            if event["checkpoint"] not in checkpoints:
                raise Bad("its checkpoint is not believed")
            size, root = checkpoints[event["checkpoint"]]
            check_inclusion(leaf_hash(data), event["index"], size, path, root)
            if read_leaf(data)[6].decode() != event["message_id"]:
                raise Bad("the leaf is of another event")
            if event["type"] in models:
                models[event["type"]].add(event["payload"]["model_digest"])
            proven += 1
        except (Bad, KeyError, TypeError, ValueError) as bad:
            print(f"BAD event {event.get('message_id')}: {bad}")
            wrong += 1
    for digest in sorted(unknown := models["PredictionMade"] - models["ModelTrained"]):
        print(f"BAD model {digest}: it predicted, and nothing in here says how it was trained")
    return proven, wrong + len(unknown)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle")
    parser.add_argument(
        "--policy", type=argparse.FileType(), help="whom to believe; without it the bundle's own"
    )
    arguments = parser.parse_args()
    with zipfile.ZipFile(arguments.bundle) as bundle:
        if not arguments.policy:
            print("note: the policy is the bundle's own; give one that you trust with --policy")
        text = arguments.policy.read() if arguments.policy else bundle.read("policy").decode()
        proven, wrong = verify(bundle, read_policy(text))
    print(f"{proven} events are proven, {wrong} things are wrong")
    return 0 if proven and not wrong else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception as bad:  # whatever cannot be read proves nothing
        sys.exit(f"BAD {type(bad).__name__}: {bad}")
