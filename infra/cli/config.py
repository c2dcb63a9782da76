"""`tapedeck config`: the effective configuration, and where each value comes from."""

from __future__ import annotations

import argparse
import os
import shlex

from infra.config import Config, without_password
from infra.settings import SETTINGS


def configure(parser: argparse.ArgumentParser) -> None:
    """`--env` is for a shell: `eval "$(tapedeck config --env)"` gives the same addresses."""
    parser.add_argument("--env", action="store_true", help="as export lines, passwords included")


def main(config: Config, arguments: argparse.Namespace) -> int:
    """Print every setting with its value, its origin and its meaning.

    `running`: it was not given here, but to the copy that runs in this home.
    """
    values = config.environment()
    if arguments.env:
        for variable, value in values.items():
            print(f"export {variable}={shlex.quote(value)}")
        return 0
    alone = Config.load(os.environ).environment()
    for setting in SETTINGS:
        origin = "given" if os.environ.get(setting.variable) else "default"
        if values.get(setting.variable) != alone.get(setting.variable):
            origin = "running"
        given = os.environ.get(setting.variable) or setting.default
        value = without_password(values.get(setting.variable, given))
        print(f"{setting.variable:<26} {origin:<8} {value or '-':<50} {setting.meaning}")
    return 0
