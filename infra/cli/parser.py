"""How the command reads its words: what is wrong with them is said in one line."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from typing import NoReturn

__all__ = ["Parser", "moment_us", "one_or_more"]


class Parser(argparse.ArgumentParser):
    """Argparse's, without the usage before each complaint: `--help` tells that.

    An option's `type` raises `ArgumentTypeError` with what to give instead.
    """

    def error(self, message: str) -> NoReturn:
        """Say it and leave with status 2."""
        print(f"{self.prog}: {message}; see `{self.prog} --help`", file=sys.stderr)
        raise SystemExit(2)


def one_or_more(text: str) -> int:
    """How many there are to be: 1 or more."""
    if not text.isascii() or not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no count; give 1 or more")
    return int(text)


def moment_us(text: str) -> int:
    """ISO 8601 as UTC microseconds; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time; give one such as 2026-01-31T12:00:00"
        ) from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1_000_000)
