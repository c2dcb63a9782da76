"""Asking witnesses: show a checkpoint, prove that the log has only grown, get a cosignature."""

from __future__ import annotations

import time
from dataclasses import dataclass

import httpx

from infra.proofs import cosignature, tables, witness
from infra.proofs.encoding import number
from infra.proofs.note import Note, Signature, VerifierKey, opened, signature_of
from infra.proofs.policy import Policy, Witness
from infra.proofs.tables import Kept
from infra.proofs.tree import ProofError, consistency
from infra.store.postgres import Connection

ANSWER_S = 5.0
ATTEMPTS_MAX = 3


class WitnessRefuses(RuntimeError):
    """A witness does not cosign: it has seen another history, or does not know the log."""


def client() -> httpx.Client:
    """To be closed by who has asked for it."""
    return httpx.Client(timeout=ANSWER_S, trust_env=False)


@dataclass(slots=True)
class Asking:
    """One witness, and what we believe it has seen of each log."""

    of: Witness
    client: httpx.Client
    sizes: dict[str, int]

    @staticmethod
    def each(policy: Policy, client: httpx.Client) -> list[Asking]:
        """All witnesses that have an address."""
        return [Asking(each, client, {}) for each in policy.witnesses if each.url]

    def cosignature(self, connection: Connection, kept: Kept) -> str:
        """The line for this checkpoint; `httpx.HTTPError` if nobody answers, or not of it."""
        for _ in range(ATTEMPTS_MAX):
            old = min(self.sizes.get(kept.log, 0), kept.size)
            path = consistency(old, kept.size, tables.tiled(connection, kept.log).node)
            body = witness.Request(old, tuple(path), kept.note.encode()).written()
            answer = self.client.post(f"{self.of.url}/add-checkpoint", content=body)
            if answer.status_code == witness.OK:
                self.sizes[kept.log] = kept.size
                return _believed(answer.text, opened(kept.note.encode()), self.of.key)
            if answer.is_server_error:
                answer.raise_for_status()
            if answer.status_code != witness.CONFLICT:
                break
            self.sizes[kept.log] = number(answer.text.rstrip("\n"), "the size it has seen")
            if self.sizes[kept.log] > kept.size:
                raise WitnessRefuses(
                    f"{self.of.name} has seen {self.sizes[kept.log]} leaves of {kept.log}, "
                    f"and not its checkpoint of {kept.size} as the last"
                )
        raise WitnessRefuses(
            f"{self.of.name} does not cosign {kept.log} with {kept.size} leaves: "
            f"{answer.status_code} {answer.text.strip()[:200]}"
        )


def contradiction(asking: Asking, connection: Connection, kept: Kept) -> str:
    """Why this witness does not cosign the newest checkpoint of a log; empty if it does.

    `httpx.HTTPError` if it does not answer. The log may grow meanwhile, and be shown by its keeper.
    """
    while True:
        try:
            asking.cosignature(connection, kept)
        except (WitnessRefuses, ProofError) as refused:
            newer = tables.newest(connection, kept.log)
            if newer is None or newer.size <= kept.size:
                return str(refused)
            kept = newer
        else:
            return ""


def _believed(text: str, note: Note, key: VerifierKey) -> str:
    """The witness's own line among what it has answered, verified."""
    lines: list[Signature] = [signature_of(line) for line in text.split("\n") if line]
    for each in lines:
        if (each.name, each.key_id) == (key.name, key.key_id):
            cosignature.check(note, each, key, int(time.time()))
            return each.line()
    raise ProofError(f"{key.name} has answered without its signature")
