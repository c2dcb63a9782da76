"""The agent's process, a child of its keeper: says where it listens, serves, ends with its keeper.

Its standard input is a pipe on which the keeper says a passphrase, if one is needed, and nothing
else: when the pipe ends, the keeper is gone, and so is the agent. A second agent for an account
does not start while the first lives.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from infra.mt5.agent import keys
from infra.mt5.agent.owner import Account, Owner
from infra.mt5.agent.server import HEARTBEAT_S, AgentServer
from infra.mt5.terminal import Terminal
from infra.observe.telemetry import JsonLines
from infra.secrets import private
from infra.secrets.provider import PROVIDERS, SecretsError
from infra.secrets.vault import Credential, vault

UNUSABLE, TAKEN = 2, 3
"""The exit status of an agent that cannot serve, and of one that found another in its place."""
VENUE_DEADLINE_S = 30.0
"""How long the venue may take. Callers and the keeper are less patient, and decide."""

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until the keeper is gone."""
    given = _parser().parse_args(argv)
    logging.basicConfig(level="INFO", handlers=[_handler(f"agent-{given.login}")], force=True)
    private.no_dumps()
    with given.lock.open("ab") as lock:
        if not alone(lock):
            log.error("another agent owns the terminal of %d", given.login)
            return TAKEN
        try:
            account = Account(given.login, given.terminal, _credential(given))
            owner = Owner(_terminal(account, given.venue), account)
            shown = keys.load(given.keys)
            server = AgentServer(owner, given.login, shown, given.listen, given.heartbeat_s)
        except (SecretsError, OSError, RuntimeError) as wrong:
            log.error("the agent of %d cannot start: %s", given.login, wrong)
            return UNUSABLE
        serve(server)
    return 0


def serve(server: AgentServer) -> None:
    """Tell the keeper where, and wait for his end. A call that hangs does not keep us here."""
    print(server.address, flush=True)
    sys.stdin.read()
    os._exit(0)


def alone(lock: IO[bytes]) -> bool:
    """Whether nobody else holds the lock; it is ours until this process ends."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _terminal(account: Account, venue: str | None) -> Terminal:
    if venue is not None:
        from infra.mt5.remote import RemoteTerminal

        return RemoteTerminal(venue, str(account.login), VENUE_DEADLINE_S)
    from infra.mt5.vendor import VendorTerminal  # only where it is meant: Windows

    return VendorTerminal()


def _credential(given: argparse.Namespace) -> Callable[[], Credential | None]:
    """Where the account's credential is looked up at each login; nowhere: the terminal has one."""
    if given.secrets is None:
        return lambda: None
    said = sys.stdin.readline().rstrip("\r\n") if given.passphrase else None
    kept = vault(given.secrets, given.home, None if said is None else lambda: said)
    return lambda: kept.credential(str(given.login))


def _handler(role: str) -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(role))
    return handler


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("tapedeck-agent")
    parser.add_argument("--login", type=int, required=True)
    parser.add_argument("--listen", required=True, help="host:port; port 0 is any that is free")
    parser.add_argument("--keys", type=Path, required=True, help="what this agent shows")
    parser.add_argument("--lock", type=Path, required=True, help="held while the agent lives")
    parser.add_argument("--heartbeat-s", type=float, default=HEARTBEAT_S)
    parser.add_argument("--secrets", choices=PROVIDERS, help="who keeps the credential")
    parser.add_argument("--passphrase", action="store_true", help="opens it; said by the keeper")
    parser.add_argument("--home", type=Path, help="whose folder `secrets` is meant")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--venue", help="the simulated broker's host:port")
    where.add_argument("--terminal", help="the vendor's terminal: the path of its program")
    return parser


if __name__ == "__main__":
    sys.exit(main())
