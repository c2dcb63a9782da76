"""The whole tape examined: every log, and the log of their checkpoints, as of one moment."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from infra.proofs import checkpoint, tables
from infra.proofs.encoding import number, text_of, unhash
from infra.proofs.examine import Claim, Claims, Examination, Finding
from infra.proofs.keeper import all_logs
from infra.proofs.keys import TOP
from infra.proofs.note import VerifierKey
from infra.proofs.tape_side import TapeSide
from infra.proofs.tiles import Builder
from infra.proofs.tree import ProofError, leaf_hash
from infra.store import postgres
from infra.store.postgres import Connection
from infra.stream.wire import Ids

TapeOf = Callable[[Connection, str], TapeSide]
"""What Kafka has of a log's partition."""


@dataclass
class Inspection:
    """What is examined, by which keys, and what others remember of it."""

    conninfo: str
    keys: Mapping[str, VerifierKey]
    """By the name of the log."""
    tape_of: TapeOf
    ids: Ids
    remembered: dict[str, Claims] = field(default_factory=dict)
    logs: tuple[str, ...] = field(default_factory=lambda: tuple(all_logs()))
    events: int = 0
    checkpoints: int = 0
    shown: Callable[[int, int], None] = lambda _done, _all: None
    """Hears how many events are done, of how many."""

    def findings(self) -> Iterator[Finding]:
        """The first thing that is wrong with each log."""
        with _one_look(self.conninfo) as connection:
            yield from self.found_on(connection)

    def found_on(self, connection: Connection) -> Iterator[Finding]:
        """The same, as this transaction sees it."""
        due = sum(tables.size(connection, log) for log in self.logs)
        for log in self.logs:
            yield from self._of(connection, log, due)
            self.shown(self.events, due)
        yield from self._top(connection)

    def _of(self, connection: Connection, log: str, due: int) -> Iterator[Finding]:
        claims = self._claims(log)
        try:
            self._signed(connection, log, claims)
        except ProofError as wrong:
            yield Finding(log, 0, "", str(wrong))
            return
        tape = self.tape_of(connection, log)
        before = self.events
        walk = Examination(connection, self.conninfo, log, claims, tape, self.ids)
        walk.shown = lambda events: self.shown(before + events, due)
        found = walk.finding()
        self.events += walk.events
        if found is not None:
            yield found

    def _top(self, connection: Connection) -> Iterator[Finding]:
        """The log of checkpoints holds each checkpoint once, and they stand in the other logs."""
        claims, builder, agreed = self._claims(TOP), Builder(), 0
        try:
            self._signed(connection, TOP, claims)
        except ProofError as wrong:
            yield Finding(TOP, 0, "", str(wrong))
            return
        due = self._notes(connection)
        end = tables.size(connection, TOP)
        for index, data in tables.data_from(connection, TOP, 0, end + 1):
            note = data.decode(errors="replace")
            if index != builder.size:
                yield Finding(TOP, builder.size, "", "this checkpoint is missing")
                return
            if due.pop(note, None) is None:
                yield Finding(
                    TOP, index, "", f"no log has the checkpoint {note.split(chr(10))[:2]}"
                )
                return
            builder.append(leaf_hash(data))
            said = claims.get(builder.size, ())
            root = builder.root() if said else b""
            for claim in said:
                if claim.root != root:
                    what = f"one of the checkpoints from here on is not what {claim.who} says"
                    yield Finding(TOP, agreed, self._stretch(connection, agreed), what)
                    return
                agreed = builder.size
        if builder.size < max(claims, default=0):
            who = claims[max(claims)][0].who
            what = f"{max(claims)} checkpoints were there, says {who}; this one is gone"
            yield Finding(TOP, builder.size, "", what)
        for log, size in due.values():
            yield Finding(
                TOP, builder.size, "", f"the checkpoint of {log} with {size} leaves is gone"
            )
            return

    def _stretch(self, connection: Connection, index: int) -> str:
        """The first event that a checkpoint in the log of checkpoints is about."""
        ((_, data),) = tables.data_from(connection, TOP, index, index + 1)
        said = checkpoint.read(data.decode().split("\n\n")[0] + "\n")
        log = next((log for log, key in self.keys.items() if key.name == said.origin), "")
        sizes = [k.size for k in tables.checkpoints(connection, log) if k.size < said.size]
        row = connection.execute(
            'select message_id from proof_leaves where log = %s and "index" = %s',
            (log, max(sizes, default=0)),
        ).fetchone()
        return row[0] if row else ""

    def _notes(self, connection: Connection) -> dict[str, tuple[str, int]]:
        return {
            kept.note: (log, kept.size)
            for log in all_logs()
            for kept in tables.checkpoints(connection, log)
        }

    def _signed(self, connection: Connection, log: str, claims: Claims) -> None:
        """Add what the log's own checkpoints say; `ProofError` if one of them is not its own."""
        for kept in tables.checkpoints(connection, log):
            try:
                said, _ = checkpoint.check(kept.note.encode(), self.keys[log])
            except ProofError as wrong:
                raise ProofError(f"the checkpoint of {kept.size} leaves: {wrong}") from wrong
            if said.size != kept.size:
                raise ProofError(f"the checkpoint of {kept.size} leaves says {said.size}")
            self.checkpoints += 1
            claims.setdefault(said.size, []).append(Claim(said.root, "the signed checkpoint"))

    def _claims(self, log: str) -> Claims:
        return {size: list(said) for size, said in self.remembered.get(log, {}).items()}


@contextmanager
def _one_look(conninfo: str) -> Iterator[Connection]:
    """All is read as it was at one moment, however long it takes."""
    with postgres.connect(conninfo) as connection:
        connection.execute("set statement_timeout = 0")
        connection.execute("set idle_in_transaction_session_timeout = 0")
        with connection.transaction():
            connection.execute("set transaction isolation level repeatable read read only")
            yield connection


def remembered(signed: Path, notary: Path, keys: Mapping[str, VerifierKey]) -> dict[str, Claims]:
    """What the signer and the witness with the plain file have in their memories."""
    found: dict[str, Claims] = {}

    def claim(log: str, size: int, root: bytes, who: str) -> None:
        found.setdefault(log, {}).setdefault(size, []).append(Claim(root, who))

    if signed.exists():
        for log, size, root in _signed_of(signed):
            claim(log, size, root, "the signer's memory")
    origins = {key.name: log for log, key in keys.items()}
    if notary.exists():
        whole = text_of(notary)
        for line in whole[: whole.rfind("\n") + 1].splitlines():
            try:
                origin, size_text, root_text = line.rsplit(" ", 2)
            except ValueError:
                raise ProofError(f"{notary} is damaged: it holds {line[:60]!r}") from None
            if origin in origins:
                size, root = number(size_text, "a size"), unhash(root_text, "a root")
                claim(origins[origin], size, root, "a witness")
    return found


def _signed_of(file: Path) -> list[tuple[str, int, bytes]]:
    try:
        told = json.loads(file.read_bytes())
        return [(log, int(size), bytes.fromhex(root)) for log, (size, root) in told.items()]
    except (ValueError, TypeError, AttributeError) as broken:
        raise ProofError(f"{file}, which the signer remembers, is damaged: {broken}") from None
