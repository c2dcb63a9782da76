"""What lies between the package's functions and a terminal: one link, one call at a time."""

from typing import Any, Protocol

Called = tuple[Any, ...]
"""The name of a function, then its arguments."""


class CallError(Exception):
    """A call that failed, with the code and text that `last_error` will show."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


class LinkLostError(CallError):
    """A call that broke the link: no further call gets through before a new one is made."""


class Link(Protocol):
    """A way to a terminal. A call carries plain arguments, already checked."""

    def open(self, timeout_ms: int) -> None:
        """Make the link, or raise `CallError`."""

    def call(self, function: str, *arguments: Any) -> Any:
        """The terminal's answer, or raise `CallError`."""

    def ahead(self, *calls: Called) -> None:
        """These calls come next, in this order: a link with a way to go may ask them all now.

        Only a hint. What is called otherwise is answered as if nothing had been said.
        """

    def life(self) -> str:
        """A name for this life of whoever would answer now; none: nobody would, or nobody knows."""

    def close(self) -> None:
        """Give the link up. Never fails."""
