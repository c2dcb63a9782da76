"""`tapedeck run ROLE`: one role in this process, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import signal
import threading
from importlib import import_module
from types import FrameType
from typing import Any

from infra.config import Config, ConfigError
from infra.observe import telemetry
from infra.secrets.provider import PROVIDERS
from infra.up.roles import KINDS, PROCESSORS, WITNESSES, Kind


def configure(parser: argparse.ArgumentParser) -> None:
    """One parser per kind of role; only some take a name."""
    parser.add_argument("--metrics-port", type=int, help="serve Prometheus metrics on this port")
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="ROLE")
    for kind in KINDS:
        role = kinds.add_parser(kind.name, help=kind.summary, description=kind.summary)
        role.set_defaults(role=kind)
        if kind.name == "processor":
            role.add_argument("name", choices=PROCESSORS, help="which")
            role.add_argument("--host", choices=("faust", "bulk"), default="faust")
        elif kind.name == "projections":
            role.add_argument("--only", default="", metavar="NAME", help="this read model alone")
        elif kind.name == "witness":
            role.add_argument("name", choices=WITNESSES, help="which")
        elif kind.option:
            role.add_argument(kind.option, help="login of the account")
        if kind.name == "agent":
            role.add_argument("--listen", default="127.0.0.1:0", metavar="HOST:PORT")
            role.add_argument("--terminal", metavar="PATH", help="the vendor's; else the venue's")
            role.add_argument(
                "--keys", dest="bundle", metavar="FILE", help="of `tapedeck account NAME keys`"
            )
            role.add_argument("--secrets", choices=PROVIDERS, help="who keeps the credential")


def main(config: Config, arguments: argparse.Namespace) -> int:
    """Import the role's module, and no other role's, and run it."""
    kind: Kind = arguments.role
    named = ("name", "host", "account", "only", "listen", "terminal", "secrets", "bundle")
    options = {name: getattr(arguments, name) for name in named if hasattr(arguments, name)}
    _check_account(config, options)
    name = "-".join([kind.name, *([options[kind.option]] if kind.option else [])])
    telemetry.start(config, name, arguments.metrics_port)
    import_module(kind.module).run(config, _stopped_by_signal(), **options)
    return 0


def _check_account(config: Config, options: dict[str, Any]) -> None:
    """A role of an account is of one that is configured; a bundle of keys names its own."""
    account = options.get("account")
    if account is not None and account not in config.accounts and not options.get("bundle"):
        known = ", ".join(config.accounts)
        raise ConfigError(f"no account {account!r}; TAPEDECK_ACCOUNTS are {known}")


def _stopped_by_signal() -> threading.Event:
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    return stop
