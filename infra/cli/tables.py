"""Tables for people, on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

__all__ = ["Table", "show"]


def show(table: Table) -> None:
    """Print a table on standard output, as wide as the terminal."""
    Console().print(table)
