#!/usr/bin/env python3
"""Verifies a bundle of Tapedeck's audit: python -I -S verify.py BUNDLE [--policy F] [--schemas F].

It needs Python 3.11 and nothing else, and no network. The policy says whom to believe: the logs,
the witnesses, and how many of these are enough. Take it from someone whom you trust; the one inside
the bundle shows only that the bundle agrees with itself. Exit status 0: every event is proven.
Proven are the bytes of the leaves. The JSON beside them is refused unless it says what they say,
read with the schemas in the bundle. A leaf has but the id of its schema, so what a field is called
is believed of those; with --schemas (Tapedeck's `schemas/avsc`) no other schema is believed. That
nothing was left out is not proven; how many leaves in between are not in the bundle is told.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

from infra.proofs.ed25519 import Bad, verify_signature
from infra.proofs.payload import layout, read_leaf, read_payload

Policy = tuple[dict[str, bytes], dict[str, tuple[str, bytes]], dict[str, Any], str]


# Trees as in RFC 9162, section 2.1.
Checkpoints = dict[str, tuple[int, bytes]]


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
    quorum, grouped = None, set[str]()
    for line in text.split("\n"):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "log":
            name, kind, public = read_key(words[1])
            if kind != 1 or name in logs or public in logs.values():
                raise Bad("a log is named twice, or has no key of type 1")
            logs[name] = public
        elif words[0] == "witness":
            name, kind, public = read_key(words[2])
            taken = words[1] in ("none", *witnesses, *groups)
            if kind != 4 or taken or public in [w[1] for w in witnesses.values()]:
                raise Bad("a witness is named twice, or has another kind of key")
            witnesses[words[1]] = (name, public)
        elif words[0] == "group":
            members = words[3:]
            known = {*witnesses, *groups}
            if len(set(members)) != len(members) or not set(members) <= known - grouped:
                raise Bad("a group has members that are not known, or twice, or of another group")
            if words[1] in ("none", *known):
                raise Bad(f"the name {words[1][:60]} is taken")
            least = {"any": 1, "all": len(members)}.get(words[2]) or number(words[2])
            if not 1 <= least <= len(members):
                raise Bad("a group needs more members than it has")
            groups[words[1]], grouped = (least, members), grouped | set(members)
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
    size = number(lines[1])
    if len(root) != 32 or (size == 0 and root != hashlib.sha256().digest()):
        raise Bad("a root of another length, or of nothing")
    return lines[0], size, root


def check_event(event: Any, checkpoints: Checkpoints, schemas: dict[int, Any]) -> tuple[str, int]:
    """The checkpoint and the index under which it is proven; `Bad` unless it says what they say."""
    data, path = unbase64(event["leaf"]), [unbase64(each) for each in event["path"]]
    name, index = event["checkpoint"], event["index"]
    if name not in checkpoints:
        raise Bad("its checkpoint is not believed")
    size, root = checkpoints[name]
    check_inclusion(leaf_hash(data), index, size, path, root)
    leaf = read_leaf(data)
    schema = schemas[int.from_bytes(leaf[5], "big")]
    proven = {name: event[name] for name in ("leaf", "path", "checkpoint")} | {
        "index": int(index),
        "message_id": leaf[6].decode(),
        "type": schema["name"].rpartition(".")[2],
        "time_us": int.from_bytes(leaf[9], "big", signed=True),
        "payload": read_payload(schema, leaf[14]),
    }
    for field in sorted({*proven, *event}):
        if field not in proven or text(proven[field]) != text(event.get(field)):
            raise Bad(f"its {field[:60]} is not what the leaf says")
    return name, int(index)


def verify(bundle: zipfile.ZipFile, policy: Policy, trusted: str = "") -> tuple[int, int]:
    """Print what is wrong; how many events are proven, and how many things are wrong."""
    names = sorted(bundle.namelist())
    if len(set(names)) != len(names):
        raise Bad("two files of one name in the bundle: others may read the one that is not proven")
    wrong, places = 0, set[tuple[str, int]]()
    models: dict[str, set[str]] = {"ModelTrained": set(), "PredictionMade": set()}
    checkpoints: Checkpoints = {}
    for name in (n for n in names if n.startswith("checkpoints/")):
        try:
            origin, size, root = check_checkpoint(bundle.read(name), policy)
            checkpoints[name] = (size, root)
            print(f"checkpoint of {size} leaves: {origin}")
        except ValueError as bad:
            print(f"BAD {name}: {bad}")
            wrong += 1
    schemas = read_schemas(bundle, trusted)
    for line in filter(None, bundle.read("events.jsonl").decode().split("\n")):
        event = json.loads(line, object_pairs_hook=once)
        try:
            place = check_event(event, checkpoints, schemas)
            if place in places:
                raise Bad("it stands twice in the bundle")
            if event["type"] in models:
                models[event["type"]].add(event["payload"]["model_digest"])
            places.add(place)
        except (LookupError, TypeError, ValueError) as bad:
            print(f"BAD event {event.get('message_id')}: {type(bad).__name__}: {bad}")
            wrong += 1
    for digest in sorted(unknown := models["PredictionMade"] - models["ModelTrained"]):
        print(f"BAD model {digest}: it predicted, and nothing in here says how it was trained")
    tell_gaps(places)
    return len(places), wrong + len(unknown)


def text(said: Any) -> str:
    """The one way to write it, in which 1, 1.0 and true are three things."""
    return json.dumps(said, sort_keys=True)


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, in which no name may stand twice: another reader might take the other."""
    if len(dict(pairs)) != len(pairs):
        raise Bad("a name stands twice in one JSON object")
    return dict(pairs)


def read_schemas(bundle: zipfile.ZipFile, trusted: str) -> dict[int, Any]:
    """What the payloads were written with, by id; of the trusted folder, if there is one."""
    found: dict[int, Any] = {}
    known = [layout(json.loads(file.read_text())) for file in sorted(Path(trusted).glob("*.avsc"))]
    for name in (n for n in bundle.namelist() if n.startswith("schemas/")):
        schema_id = number(name.removeprefix("schemas/").partition("-")[0])
        if schema_id in found:
            raise Bad(f"there are two schemas {schema_id}")
        found[schema_id] = json.loads(bundle.read(name), object_pairs_hook=once)
        if trusted and layout(found[schema_id]) not in known:
            raise Bad(f"{name} is not among the schemas in {trusted}")
    return found


def tell_gaps(places: set[tuple[str, int]]) -> None:
    """Print how many leaves between the first and the last of each log are not here."""
    for name in sorted({name for name, _ in places}):
        found = [index for each, index in places if each == name]
        if absent := max(found) - min(found) + 1 - len(found):
            print(f"note: {name}: {absent} leaves between those proven are not in the bundle")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle")
    parser.add_argument(
        "--policy", type=argparse.FileType(), help="whom to believe; without it the bundle's own"
    )
    parser.add_argument("--schemas", default="", help="a folder of .avsc files: believe no other")
    arguments = parser.parse_args()
    with zipfile.ZipFile(arguments.bundle) as bundle:
        if not arguments.policy:
            print("note: the policy is the bundle's own; give one that you trust with --policy")
        text = arguments.policy.read() if arguments.policy else bundle.read("policy").decode()
        proven, wrong = verify(bundle, read_policy(text), arguments.schemas)
    print(f"{proven} events are proven, {wrong} things are wrong")
    return int(bool(wrong or not proven))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception as bad:  # whatever cannot be read proves nothing
        sys.exit(f"BAD {type(bad).__name__}: {bad}")
