"""How the command reads its words: what is wrong with them is said in one line."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from typing import NoReturn

__all__ = ["Parser", "moment_us"]


class Parser(argparse.ArgumentParser):
    """Argparse's, without the usage before each complaint: `--help` tells that.

    An option's `type` raises `ArgumentTypeError` with what to give instead.
    """

    def error(self, message: str) -> NoReturn:
        """Say it and leave with status 2."""
        print(f"{self.prog}: {message}; see `{self.prog} --help`", file=sys.stderr)
        raise SystemExit(2)


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
