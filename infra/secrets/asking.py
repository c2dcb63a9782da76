"""Asking a person for a passphrase: on a terminal, hidden, and nowhere else."""

from __future__ import annotations

import getpass
import signal
import sys
from contextlib import suppress
from pathlib import Path

from infra.secrets.provider import SecretsError
from infra.secrets.vault import LeaseOverError, vault


def passphrase_for(account: str) -> str:
    """The passphrase that opens an account's credential."""
    _need_terminal(account)
    return _given(_hidden(f"passphrase of the credential of {account}: "))


def new_passphrase(account: str) -> str:
    """A passphrase to seal by, typed twice."""
    _need_terminal(account)
    first = _given(_hidden(f"passphrase for the credential of {account}: "))
    if _hidden("the same again: ") != first:
        raise SecretsError("the two passphrases differ; nothing was sealed")
    return first


def proven(account: str, home: Path) -> str:
    """The passphrase, asked for and tried. A lease that is over is the agent's to tell."""
    given = passphrase_for(account)
    with suppress(LeaseOverError):
        vault("file", home, lambda: given).credential(account)
    return given


def _need_terminal(account: str) -> None:
    if sys.stdin is None or not sys.stdin.isatty():
        raise SecretsError(
            f"the passphrase of {account} is asked on a terminal, and there is none; seal by the "
            f"key file instead: `tapedeck account {account} credential` without --passphrase"
        )


def _hidden(prompt: str) -> str:
    """What is typed, unseen. A role has other plans with Ctrl-C, but here it means no."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return getpass.getpass(prompt)
    finally:
        signal.signal(signal.SIGINT, before)


def _given(passphrase: str) -> str:
    if not passphrase:
        raise SecretsError("no passphrase was given")
    return passphrase
