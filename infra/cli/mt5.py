"""`tapedeck mt5`: MetaTrader 5 where there is none, what ails it where it is, how true it is."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from infra.cli import certify
from infra.config import Config, ConfigError
from infra.mt5.accounts import login_of
from infra.mt5.shim import Options, broker_of, environment
from infra.mt5.shim.options import MARGIN_MODES
from infra.mt5.simulator.faults import FaultRule
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
    shim.add_argument("--symbols", metavar="A,B", help="else all, or those that are recorded")
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
    _configure_weather(shim)
    shim.add_argument(
        "command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="such as python program.py"
    )


def _configure_weather(shim: argparse.ArgumentParser) -> None:
    """What it is quoted, and what goes wrong."""
    shim.add_argument(
        "--recorded",
        action="append",
        default=[],
        metavar="SYMBOL=FILE",
        help="quote these ticks or minute bars and nothing else, in virtual time",
    )
    shim.add_argument(
        "--way-ms", type=int, default=0, metavar="N", help="a request's way, each way"
    )
    shim.add_argument("--desk-ms", type=int, default=0, metavar="N", help="what the desk takes")
    shim.add_argument("--jitter-ms", type=int, default=0, metavar="N", help="of both, at most")
    shim.add_argument("--faults", metavar="FILE", help="a list of fault rules, as JSON")
    shim.add_argument("--faults-per-hour", type=float, default=0.0, metavar="N", help="by the seed")
    shim.add_argument("--mishaps-per-day", type=float, default=0.0, metavar="N", help="of a symbol")


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
    """Say of each account how far each of its terminals is from trading."""
    from infra.mt5.doctor import examined  # with what agents speak: the shim starts without it
    from infra.run.agent import terminals_of
    from infra.secrets.provider import SecretsError

    if unknown := [name for name in named if name not in config.accounts]:
        raise ConfigError(f"no account {unknown[0]!r}; there are {', '.join(config.accounts)}")
    ill = 0
    for account in named or config.accounts:
        try:
            terminals = terminals_of(config, account)
        except SecretsError as wrong:
            raise ConfigError(str(wrong)) from wrong
        for where, terminal in terminals.items():
            diagnosis = examined(terminal, login_of(account))
            terminal.shutdown()
            print(f"{account}: {where}")
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
    recorded, usual = dict(map(_recorded, given.recorded)), Options().symbols
    return Options(
        seed=given.seed,
        symbols=tuple(given.symbols.split(",")) if given.symbols else tuple(recorded) or usual,
        logins=tuple(_login(login) for login in given.logins.split(",")),
        server=given.server,
        password=given.password,
        kind=given.kind,
        depth_lots=given.depth_lots,
        server_offset_h=given.server_offset_h,
        starts_at=_time(given.starts_at) if given.starts_at else None,
        books=os.path.abspath(given.books) if given.books else "",
        recorded=recorded,
        way_ms=given.way_ms,
        desk_ms=given.desk_ms,
        jitter_ms=given.jitter_ms,
        faults=_rules(given.faults) if given.faults else (),
        faults_per_hour=given.faults_per_hour,
        mishaps_per_day=given.mishaps_per_day,
    )


def _recorded(text: str) -> tuple[str, str]:
    symbol, parted, path = text.partition("=")
    if not parted or not path:
        raise ValueError(f"--recorded {text!r} is no recording; give SYMBOL=FILE")
    return symbol, os.path.abspath(path)


def _rules(path: str) -> tuple[FaultRule, ...]:
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=tuple[FaultRule, ...])
    except OSError as wrong:
        raise ValueError(f"{path} cannot be read: {wrong.strerror}") from None
    except msgspec.MsgspecError as wrong:
        raise ValueError(f"{path} is no list of fault rules: {wrong}") from None


def _login(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"login {text!r} is not a number; give such as 90001")
    return int(text)


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"time {text!r} is none; give one such as 2025-11-20T12:00") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
