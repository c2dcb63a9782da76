"""The keeper of the logs as a role: signs every second, shows it to witnesses, hands it on.

Its own are the key and the memory of what it has signed. Where what it finds contradicts that
memory it signs nothing more and says so; a person has to look.
"""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import httpx

from infra.config import Config
from infra.observe import telemetry
from infra.proofs import leaves, policy, tables
from infra.proofs.encoding import text_of
from infra.proofs.keeper import Keeper, all_logs
from infra.proofs.keys import TOP, LogKeys, log_keys
from infra.proofs.memory import MEMORIES
from infra.proofs.policy import Policy
from infra.proofs.signer import Refused, Signer
from infra.proofs.tables import Kept
from infra.proofs.tree import ProofError
from infra.proofs.witnessing import Asking, WitnessRefuses, client
from infra.run import witness
from infra.run.patience import patiently
from infra.secrets import private
from infra.store import postgres
from infra.store.postgres import Connection

ROLE = "proofs"
LOOK_S = 0.2
STANDBY_S = 0.5
HOOK_EVERY_S = 60.0
HOOK_S = 30.0

log = logging.getLogger(__name__)


def folder(config: Config) -> Path:
    """What the keeper knows: the policy, the logs' public keys, what it has signed."""
    return config.home / "proofs"


def run(config: Config, stop: threading.Event) -> None:
    """Keep the logs until `stop`; one process does, others stand by."""
    config.must_be_no_fork("its keys are the original's, and would sign another past")
    private.no_dumps()
    conninfo = postgres.address(config.postgres, config.namespace)
    keys = log_keys(config.home, make=True)
    private.write(witness.keys_file(config), written_keys(keys).encode())
    try:
        patiently(ROLE, lambda: _hold(config, conninfo, keys, stop), stop, postgres.AWAY)
    except (Refused, ProofError) as refused:
        telemetry.STOPPED.labels(ROLE).set(1)
        telemetry.AT_WORK.labels(ROLE).set(0)
        log.critical("nothing is signed any more: %s; see `tapedeck audit verify`", refused)
        stop.wait()


def written_keys(keys: LogKeys) -> str:
    """The verifier keys of all logs, one a line."""
    return "".join(f"{keys.of(name).public.written()}\n" for name in (TOP, *all_logs()))


def policy_of(config: Config) -> Policy | None:
    """Whom this copy believes, as the file says; made once all witnesses of `up` have keys.

    A topic that was added since has its logs added; the file as it was stays beside it.
    """
    file = folder(config) / "policy"
    if not file.exists():
        own = [witness.folder(config, name) / "witness.vkey" for name in MEMORIES]
        if not all(key.exists() for key in own) or not witness.keys_file(config).exists():
            return None
        private.write_first(file, _written(config).encode())
    elif witness.keys_file(config).exists():
        _grow(file, text_of(witness.keys_file(config)).split())
    return policy.read(text_of(file))


def _grow(file: Path, keys: Sequence[str]) -> None:
    before = text_of(file).encode()
    after = policy.with_logs(before.decode(), keys).encode()
    if after != before:
        private.write_first(file.with_name(f"policy.{sha256(before).hexdigest()[:12]}"), before)
        private.write(file, after)


def _written(config: Config) -> str:
    lines = ["# Who is believed. Add witnesses of others: the more are elsewhere, the better.\n"]
    lines += [f"log {key}\n" for key in text_of(witness.keys_file(config)).split()]
    for name in MEMORIES:
        key = text_of(witness.folder(config, name) / "witness.vkey").strip()
        url = f"http://{witness.HOST}:{witness.port(config, name)}"
        lines.append(f"witness {name} {key} {url}\n")
    return "".join([*lines, f"group enough all {' '.join(MEMORIES)}\n", "quorum enough\n"])


def _hold(config: Config, conninfo: str, keys: LogKeys, stop: threading.Event) -> None:
    leaves.prepare(conninfo)
    with postgres.connect(conninfo) as connection, client() as session:
        while not postgres.try_lock(connection, conninfo, ROLE):
            if stop.wait(STANDBY_S):
                return
        keeper = Keeper(connection, conninfo, Signer(folder(config), keys))
        shown = Showing(config, connection, session)
        while not stop.wait(LOOK_S):
            top = keeper.round()
            telemetry.AT_WORK.labels(ROLE).set(1)
            if top is not None:
                shown.show(top)


class Showing:
    """Shows the log of checkpoints to those who are to remember it."""

    def __init__(self, config: Config, connection: Connection, session: httpx.Client) -> None:
        self._config = config
        self._session = session
        self._connection = connection
        self._asking: list[Asking] | None = None
        self._hooked_s = -HOOK_EVERY_S
        self._away: set[str] = set()

    def show(self, kept: Kept) -> None:
        """To every witness, and into the folder from which it is published."""
        for each in self._witnesses():
            try:
                line = each.cosignature(self._connection, kept)
            except httpx.HTTPError as away:
                if each.of.name not in self._away:
                    log.warning("%s is away: %s", each.of.name, away)
                self._away.add(each.of.name)
            except (WitnessRefuses, ProofError) as refused:
                log.critical("%s", refused)
            else:
                self._away.discard(each.of.name)
                tables.add_cosignature(self._connection, kept.log, kept.size, each.of.name, line)
        self._publish(tables.cosigned(self._connection, kept).written().encode())

    def _witnesses(self) -> list[Asking]:
        if self._asking is None:
            found = policy_of(self._config)
            self._asking = None if found is None else Asking.each(found, self._session)
        return self._asking or []

    def _publish(self, note: bytes) -> None:
        """The newest checkpoint as a file, and as input of a command of the user's, if any."""
        private.write(folder(self._config) / "checkpoint", note)
        hook = folder(self._config) / "publish"
        if time.monotonic() - self._hooked_s < HOOK_EVERY_S or not os.access(hook, os.X_OK):
            return
        self._hooked_s = time.monotonic()
        try:
            subprocess.run([str(hook)], input=note, timeout=HOOK_S, check=True)
        except (OSError, subprocess.SubprocessError) as failed:
            log.error("the checkpoint was not published: %s", failed)
