"""A terminal that somebody listens to, or stands before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.mt5.terminal import Terminal

UNASKED = ("ahead", "life", "names")
Call = Callable[..., Any]


class Tapped:
    """A terminal each of whose calls goes through a function: name, the call, its arguments."""

    def __init__(self, terminal: Terminal, through: Callable[..., Any]) -> None:
        self._terminal = terminal
        self._through = through

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._terminal, name)
        if name in UNASKED:
            return call

        def passed(*arguments: Any, **keywords: Any) -> Any:
            return self._through(name, call, *arguments, **keywords)

        return passed
