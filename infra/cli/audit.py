"""`tapedeck audit`: keys, proofs, and whether the tape is what it was."""

from __future__ import annotations

import argparse
import sys
import time
from itertools import pairwise
from pathlib import Path

import httpx
from confluent_kafka import Consumer

from infra.cli.parser import moment_us
from infra.config import Config, ConfigError
from infra.observe.progress import Progress
from infra.proofs import bundle, checkpoint, policy, tables
from infra.proofs.encoding import text_of
from infra.proofs.export import Exported, Exporter, checked
from infra.proofs.inspection import Inspection, remembered
from infra.proofs.kafka_side import KafkaSide
from infra.proofs.keeper import all_logs
from infra.proofs.keys import TOP
from infra.proofs.note import VerifierKey, verifier_key
from infra.proofs.policy import Policy
from infra.proofs.signer import MEMORY
from infra.proofs.tree import ProofError, check_consistency, consistency
from infra.proofs.witnessing import Asking, client, contradiction
from infra.run import proofs, witness
from infra.store import postgres, read_models
from infra.store.postgres import Connection
from infra.stream import tape
from infra.stream.schema_ids import SchemaIds

CAUSES_MAX = 200
OFFLINE = "check"


def configure(parser: argparse.ArgumentParser) -> None:
    """One parser per question."""
    asked = parser.add_subparsers(dest="asked", required=True, metavar="WHAT")
    key = asked.add_parser("key", help="verifier keys of the logs, as auditors are given them")
    key.add_argument("log", nargs="?", help="of this log alone, as order-events/0")
    key.add_argument("--policy", action="store_true", help="with the witnesses, as a tlog-policy")
    prove = asked.add_parser("prove", help="write FILE.tlog-proof and FILE.leaf of an event")
    prove.add_argument("id")
    prove.add_argument("-o", "--out", required=True, metavar="FILE")
    check = asked.add_parser("check", help="verify FILE.tlog-proof and FILE.leaf, offline")
    check.add_argument("file")
    check.add_argument("--policy", metavar="FILE", help="whom to believe; else this copy's own")
    asked.add_parser("verify", help="compare everything; exit 1 and name what is wrong")
    grown = asked.add_parser("consistency", help="has the log only grown since a checkpoint?")
    grown.add_argument("checkpoint", nargs="?", help="a note that was kept; else all of ours")
    decision = asked.add_parser("decision", help="the chain of causes of an event")
    decision.add_argument("id")
    decision.add_argument("--proof", metavar="FOLDER", help="write the proof of each link there")
    bundled = asked.add_parser("bundle", help="one file for an auditor, with its own verifier")
    bundled.add_argument("file")
    bundled.add_argument("--from", dest="start", required=True, type=moment_us, metavar="TIME")
    bundled.add_argument("--to", dest="end", required=True, type=moment_us, metavar="TIME")


def main(config: Config, arguments: argparse.Namespace) -> int:
    """Answer."""
    if arguments.asked != OFFLINE:
        config.must_be_no_fork("nothing in it is proven; ask on the tape that it is from")
    try:
        answer: int = globals()[f"_{arguments.asked}"](config, arguments)
    except ProofError as wrong:
        print(f"tapedeck audit: {wrong}", file=sys.stderr)
        return 1
    return answer


def keys_of(config: Config) -> dict[str, VerifierKey]:
    """The verifier keys of the logs, by log."""
    file = witness.keys_file(config)
    if not file.exists():
        raise ConfigError("this copy has no logs yet; the role `proofs` makes them")
    keys = [verifier_key(line) for line in text_of(file).split()]
    logs = (TOP, *all_logs())
    if len(keys) != len(logs):
        raise ConfigError(
            f"this copy has the keys of {len(keys)} logs, and this version of Tapedeck knows "
            f"{len(logs)}; use the one that the copy runs with, or start its role `proofs` anew"
        )
    return dict(zip(logs, keys, strict=True))


def believed(config: Config, file: str | None = None) -> Policy:
    """The policy in a file, or this copy's own."""
    if file is not None:
        return policy.read(text_of(Path(file)))
    found = proofs.policy_of(config)
    if found is None:
        raise ConfigError("there is no policy yet: it is made once the witnesses have keys")
    return found


def connect(config: Config) -> Connection:
    """To this copy's tables."""
    return postgres.connect(postgres.address(config.postgres, config.namespace))


def _key(config: Config, arguments: argparse.Namespace) -> int:
    keys = keys_of(config)
    if arguments.policy:
        believed(config)
        print((proofs.folder(config) / "policy").read_text(), end="")
    elif arguments.log is None:
        for key in keys.values():
            print(key.written())
    elif arguments.log in keys:
        print(keys[arguments.log].written())
    else:
        raise ConfigError(f"no log {arguments.log!r}; there are {', '.join(keys)}")
    return 0


def _prove(config: Config, arguments: argparse.Namespace) -> int:
    with connect(config) as connection, client() as session:
        exported = Exporter(connection, believed(config), session).proof(arguments.id)
    _write(exported, Path(arguments.out))
    return 0


def _write(exported: Exported, file: Path) -> None:
    file.with_name(f"{file.name}.leaf").write_bytes(exported.leaf)
    file.with_name(f"{file.name}.tlog-proof").write_bytes(exported.proof)
    said = exported.proven
    print(
        f"{file}.tlog-proof: leaf {said.index} of {said.checkpoint.size} of "
        f"{said.checkpoint.origin}, seen by {', '.join(sorted(said.seen)) or 'nobody'}"
    )


def _check(config: Config, arguments: argparse.Namespace) -> int:
    file = Path(arguments.file)
    content = file.with_name(f"{file.name}.tlog-proof").read_bytes()
    data = file.with_name(f"{file.name}.leaf").read_bytes()
    said = checked(content, data, believed(config, arguments.policy))
    print(f"log     {said.checkpoint.origin}: its signature is good")
    for name, at_s in sorted(said.seen.items()):
        print(f"witness {name}: seen {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(at_s))}")
    print(f"leaf    {said.index} of {said.checkpoint.size}: it is in the log")
    return 0


def inspection_of(config: Config, client: Consumer) -> Inspection:
    """All logs of this copy beside Kafka and everybody's memories."""
    keys, ids = keys_of(config), SchemaIds(config)
    signed, notary = proofs.folder(config) / MEMORY, witness.folder(config, "notary") / "seen.txt"
    conninfo = postgres.address(config.postgres, config.namespace)
    side = KafkaSide(config, client, ids)
    return Inspection(conninfo, keys, side, ids, remembered(signed, notary, keys))


def _verify(config: Config, _: argparse.Namespace) -> int:
    with tape.reader(config) as client, Progress("verify", "events") as progress:
        inspection = inspection_of(config, client)
        inspection.shown = progress.at
        findings = 0
        for finding in inspection.findings():
            findings += 1
            print(f"BAD {finding}")
    against, asked = _witnessed(config)
    findings += against
    wrong = f"{findings} logs are not what they were" if findings else "all agree"
    print(
        f"{inspection.events} events in {len(inspection.logs)} logs, {inspection.checkpoints} "
        f"checkpoints, {asked} witnesses: {wrong}"
    )
    return 1 if findings else 0


def _witnessed(config: Config) -> tuple[int, int]:
    """How many witnesses contradict the tables, of how many that answer; they are named."""
    against = answered = 0
    policy_here = proofs.policy_of(config)
    with connect(config) as connection, client() as session:
        newest = tables.newest(connection, TOP)
        if newest is None or policy_here is None:
            print("no witness was asked: there is no checkpoint to show, or no policy")
            return 0, 0
        for each in Asking.each(policy_here, session):
            try:
                wrong = contradiction(each, connection, newest)
            except httpx.HTTPError as away:
                print(f"witness {each.of.name} does not answer ({away}): it was not asked")
                continue
            answered += 1
            if wrong:
                against += 1
                print(f"BAD {TOP}, by what the witness {each.of.name} remembers: {wrong}")
    return against, answered


def _consistency(config: Config, arguments: argparse.Namespace) -> int:
    keys = keys_of(config)
    with connect(config) as connection:
        if arguments.checkpoint is None:
            steps = sum(_grown(connection, log, keys[log]) for log in keys)
            print(f"{steps} checkpoints of {len(keys)} logs: each begins with the one before")
            return 0
        content = Path(arguments.checkpoint).read_bytes()
        origin = content.decode(errors="replace").split("\n", 1)[0]
        log = next((log for log, key in keys.items() if key.name == origin), None)
        if log is None:
            raise ProofError(f"{origin} is no log of this copy")
        old, _ = checkpoint.check(content, keys[log])
        new = tables.newest(connection, log, old.size)
        if new is None:
            raise ProofError(f"{log} has no checkpoint of {old.size} leaves or more")
        said, _ = checkpoint.check(new.note.encode(), keys[log])
        _step(connection, log, old, said)
        print(f"{log}: the {said.size} leaves begin with the {old.size} of {arguments.checkpoint}")
    return 0


def _grown(connection: Connection, log: str, key: VerifierKey) -> int:
    kept = [checkpoint.check(k.note.encode(), key)[0] for k in tables.checkpoints(connection, log)]
    for old, new in pairwise(kept):
        _step(connection, log, old, new)
    return len(kept)


def _step(
    connection: Connection, log: str, old: checkpoint.Checkpoint, new: checkpoint.Checkpoint
) -> None:
    path = consistency(old.size, new.size, tables.tiled(connection, log).node)
    try:
        check_consistency(old.size, old.root, new.size, new.root, path)
    except ProofError as wrong:
        raise ProofError(f"{log} from {old.size} to {new.size} leaves: {wrong}") from wrong


def _decision(config: Config, arguments: argparse.Namespace) -> int:
    folder = None if arguments.proof is None else Path(arguments.proof)
    with connect(config) as connection, client() as session:
        exporter = Exporter(connection, believed(config), session) if folder else None
        chain = _causes(connection, config, arguments.id)
        for number, (message_id, kind, place) in enumerate(chain):
            print(f"{number:3d}  {kind:22s} {message_id}  {place}")
            if exporter is not None and folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
                _write(exporter.proof(message_id), folder / f"{number:03d}-{kind}")
    return 0


def _bundle(config: Config, arguments: argparse.Namespace) -> int:
    if arguments.start >= arguments.end:
        raise ConfigError("--to is not after --from: there is no time between them")
    conninfo, believes = postgres.address(config.postgres, config.namespace), believed(config)
    text = (proofs.folder(config) / "policy").read_text()
    with connect(config) as connection, client() as session:
        exporter = Exporter(connection, believes, session)
        content = bundle.write(
            Path(arguments.file),
            connection,
            conninfo,
            exporter,
            text,
            SchemaIds(config),
            (arguments.start, arguments.end),
        )
    print(f"{arguments.file}: {content.events} events of {content.logs} logs; in it is verify.py")
    return 0


def _causes(connection: Connection, config: Config, first: str) -> list[tuple[str, str, str]]:
    """The event, its cause, the cause of that, up to the last that is audited."""
    schema = read_models.read_schema(postgres.address(config.postgres, config.namespace))
    found: list[tuple[str, str, str]] = []
    wanted: str | None = first
    while wanted is not None and len(found) < CAUSES_MAX:
        row = connection.execute(
            f'select type, topic, partition, "offset", causation_id from "{schema}".audit'
            " where message_id = %s".encode(),
            (wanted,),
        ).fetchone()
        if row is None:
            break
        found.append((wanted, row[0], f"{row[1]}/{row[2]}/{row[3]}"))
        wanted = row[4]
    if not found:
        raise ProofError(f"no event {first} has been audited")
    return found
