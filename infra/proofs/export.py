"""Proofs for others: a leaf, its place in its log, a checkpoint that witnesses have seen."""

from __future__ import annotations

import time
from dataclasses import dataclass

import httpx

from infra.proofs import tables, tlog_proof
from infra.proofs.note import Note
from infra.proofs.policy import Policy
from infra.proofs.tables import Kept
from infra.proofs.tlog_proof import Proof, Proven
from infra.proofs.tree import ProofError, inclusion
from infra.proofs.witnessing import Asking, WitnessRefuses
from infra.store.postgres import Connection

SIGNED_WITHIN_S = 15.0
LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Exported:
    """The two files of a proof, and what they have been verified to prove."""

    leaf: bytes
    proof: bytes
    proven: Proven


class Exporter:
    """Makes proofs; asks witnesses for each log's checkpoint once."""

    def __init__(self, connection: Connection, policy: Policy, client: httpx.Client) -> None:
        self._connection = connection
        self._policy = policy
        self._asking = Asking.each(policy, client)
        self._seen: dict[str, tuple[Kept, Note]] = {}

    def proof(self, message_id: str) -> Exported:
        """The proof of a message; `ProofError` if there is none that would be believed."""
        found = self._connection.execute(
            'select log, "index", data from proof_leaves where message_id = %s order by 1, 2'
            " limit 1",
            (message_id,),
        ).fetchone()
        if found is None:
            raise ProofError(f"no event {message_id} is in a log")
        log, index, data = found[0], found[1], bytes(found[2])
        kept, seen = self.checkpoint(log, index)
        path = inclusion(index, kept.size, tables.tiled(self._connection, log).node)
        content = Proof(index, tuple(path), seen.written().encode()).written()
        return Exported(data, content, tlog_proof.verify(content, data, self._policy, _now_s()))

    def checkpoint(self, log: str, index: int) -> tuple[Kept, Note]:
        """A checkpoint that covers the leaf and that enough witnesses have seen."""
        known = self._seen.get(log)
        if known is not None and known[0].size > index:
            return known
        deadline_s = time.monotonic() + SIGNED_WITHIN_S
        while (kept := tables.newest(self._connection, log, index + 1)) is None:
            if time.monotonic() > deadline_s:
                raise ProofError(f"{log} is not signed up to leaf {index}: is `proofs` at work?")
            time.sleep(LOOK_S)
        self._seen[log] = kept, self._cosigned(kept)
        return self._seen[log]

    def _cosigned(self, kept: Kept) -> Note:
        seen = tables.cosigned(self._connection, kept)
        if self._policy.reached(self._policy.seen(seen, _now_s())):
            return seen
        refusals = []
        for each in self._asking:
            try:
                line = each.cosignature(self._connection, kept)
            except (httpx.HTTPError, WitnessRefuses) as away:
                refusals.append(str(away))
                continue
            tables.add_cosignature(self._connection, kept.log, kept.size, each.of.name, line)
        seen = tables.cosigned(self._connection, kept)
        if not self._policy.reached(self._policy.seen(seen, _now_s())):
            raise ProofError(f"too few witnesses have seen {kept.log}: {'; '.join(refusals)}")
        return seen


def checked(content: bytes, leaf: bytes, policy: Policy) -> Proven:
    """What a proof from a file proves now."""
    return tlog_proof.verify(content, leaf, policy, _now_s())


def _now_s() -> int:
    return int(time.time())
