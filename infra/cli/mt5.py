"""`tapedeck mt5`: MetaTrader 5 where there is none, what ails it where it is, how true it is."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from datetime import UTC, datetime

from infra.cli import certify
from infra.config import Config, ConfigError
from infra.mt5.accounts import login_of
from infra.mt5.shim import Options, broker_of, environment
from infra.mt5.shim.options import MARGIN_MODES
from infra.mt5.simulator.journal import JournalError


def configure(parser: argparse.ArgumentParser) -> None:
    """What is wanted of it."""
    tools = parser.add_subparsers(
        dest="tool", required=True, metavar="shim | doctor | certify | record | chaos"
    )
    _configure_shim(tools.add_parser("shim", help="run a program written for the vendor's package"))
    doctor = tools.add_parser("doctor", help="why an account's terminal does not trade")
    doctor.add_argument("account", nargs="*", help="else all")
    certify.configure(tools.add_parser("certify", help="try numbered rules on a terminal"))
    certify.configure_record(tools.add_parser("record", help="keep what a terminal answers"))
    _configure_chaos(
        tools.add_parser("chaos", help="trade behind agents that are killed, and judge")
    )


def _configure_chaos(chaos: argparse.ArgumentParser) -> None:
    chaos.add_argument("--accounts", type=int, default=20, help="each with an agent of its own")
    chaos.add_argument("--terminals", type=int, default=1, help="agents of each account")
    chaos.add_argument("--minutes", type=float, default=5.0, help="time under fire")
    chaos.add_argument("--luck", type=int, help="seed of the kills; default: another each time")
    chaos.add_argument("--keep", action="store_true", help="keep the logs of the run")


def _configure_shim(shim: argparse.ArgumentParser) -> None:
    usual = Options()
    shim.add_argument("--seed", type=int, default=usual.seed, help="of the market")
    shim.add_argument("--symbols", default=",".join(usual.symbols), metavar="A,B")
    shim.add_argument(
        "--logins",
        default=",".join(map(str, usual.logins)),
        metavar="N,M",
        help="accounts; the terminal has the first one saved",
    )
    shim.add_argument("--server", default=usual.server, help="the name that it logs in at")
    shim.add_argument("--password", default="", help="the only one that will do; else any will")
    shim.add_argument("--kind", choices=MARGIN_MODES, default=usual.kind, help="of the accounts")
    shim.add_argument(
        "--depth-lots",
        type=float,
        default=usual.depth_lots,
        metavar="LOTS",
        help="on offer at each of ten prices; else any volume at the quote",
    )
    shim.add_argument(
        "--server-offset-h",
        type=float,
        default=usual.server_offset_h,
        metavar="HOURS",
        help="how far the server's clock is ahead of UTC",
    )
    shim.add_argument(
        "--starts-at",
        metavar="TIME",
        help="virtual time, such as 2025-11-20T12:00 (UTC): calls take 10 ms of it, and "
        "time.sleep passes at once; else the time is the machine's",
    )
    shim.add_argument("--books", default="", metavar="FOLDER", help="keep what is traded there")
    shim.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")


def main(config: Config, arguments: argparse.Namespace) -> int:
    """The exit status: of the program, or whether every terminal was as it should be."""
    match arguments.tool:
        case "doctor":
            return _examine(config, arguments.account)
        case "certify":
            return certify.main(config, arguments)
        case "record":
            return certify.record(config, arguments)
        case "chaos":
            from infra.mt5.chaos.command import main as under_fire

            return under_fire(config, arguments)
        case _:
            return _run(arguments)


def _examine(config: Config, named: list[str]) -> int:
    """Say of each account how far its terminal is from trading."""
    from infra.mt5.doctor import examined  # with what agents speak: the shim starts without it
    from infra.run.agent import terminal_of
    from infra.secrets.provider import SecretsError

    if unknown := [name for name in named if name not in config.accounts]:
        raise ConfigError(f"no account {unknown[0]!r}; there are {', '.join(config.accounts)}")
    ill = 0
    for account in named or config.accounts:
        try:
            terminal = terminal_of(config, account)
        except SecretsError as wrong:
            raise ConfigError(str(wrong)) from wrong
        diagnosis = examined(terminal, login_of(account))
        terminal.shutdown()
        where = config.agent_of(account)
        print(f"{account}: {f'agent {where}' if where else f'paper venue {config.venue}'}")
        print("\n".join(diagnosis.lines()))
        ill += bool(diagnosis.advice)
    return 1 if ill else 0


def _run(arguments: argparse.Namespace) -> int:
    command = arguments.command[arguments.command[:1] == ["--"] :]
    if not command:
        raise ConfigError("give a program: tapedeck mt5 shim -- python program.py")
    try:
        options = _options(arguments)
        broker_of(options).close()
    except (ValueError, JournalError, OSError) as wrong:
        raise ConfigError(str(wrong)) from wrong
    variables = environment(options, os.environ)
    if (program := shutil.which(command[0], path=variables["PATH"])) is None:
        hint = f"; give python {command[0]}" if command[0].endswith(".py") else ""
        raise ConfigError(f"there is no program {command[0]}{hint}")
    words = [program, *command[1:]]
    if os.name == "posix":  # it takes our place: signals and its end are its own
        os.execve(program, words, variables)
    return subprocess.run(words, env=variables, check=False).returncode


def _options(given: argparse.Namespace) -> Options:
    return Options(
        seed=given.seed,
        symbols=tuple(given.symbols.split(",")),
        logins=tuple(_login(login) for login in given.logins.split(",")),
        server=given.server,
        password=given.password,
        kind=given.kind,
        depth_lots=given.depth_lots,
        server_offset_h=given.server_offset_h,
        starts_at=_time(given.starts_at) if given.starts_at else None,
        books=os.path.abspath(given.books) if given.books else "",
    )


def _login(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"login {text!r} is not a number")
    return int(text)


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"time {text!r} is none; give one such as 2025-11-20T12:00") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
