"""`tapedeck mt5`: MetaTrader 5 where there is none."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess

from infra.config import Config, ConfigError
from infra.mt5.shim import Options, broker_of, environment


def configure(parser: argparse.ArgumentParser) -> None:
    """What is wanted of it."""
    tools = parser.add_subparsers(dest="tool", required=True, metavar="shim")
    shim = tools.add_parser("shim", help="run a program written for the vendor's package")
    shim.add_argument("--seed", type=int, default=Options().seed, help="of the market")
    shim.add_argument("--symbols", default=",".join(Options().symbols), metavar="A,B")
    shim.add_argument("--logins", default=str(Options().logins[0]), metavar="N,M")
    shim.add_argument("--books", default="", metavar="FOLDER", help="keep what is traded there")
    shim.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")


def main(config: Config, arguments: argparse.Namespace) -> int:
    """Run the program; its exit status."""
    del config
    command = arguments.command[arguments.command[:1] == ["--"] :]
    if not command:
        raise ConfigError("give a program: tapedeck mt5 shim -- python program.py")
    try:
        options = Options(
            seed=arguments.seed,
            symbols=tuple(arguments.symbols.split(",")),
            logins=tuple(int(login) for login in arguments.logins.split(",")),
            books=os.path.abspath(arguments.books) if arguments.books else "",
        )
        broker_of(options).close()
    except ValueError as wrong:
        raise ConfigError(str(wrong)) from wrong
    variables = environment(options, os.environ)
    if (program := shutil.which(command[0], path=variables["PATH"])) is None:
        raise ConfigError(f"there is no program {command[0]}")
    return subprocess.run([program, *command[1:]], env=variables, check=False).returncode
