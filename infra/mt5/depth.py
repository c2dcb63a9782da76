"""The package's functions for the depth of market: told of beforehand, read, given up."""

from infra.mt5 import arguments
from infra.mt5.failure import SUCCESS, or_none, typed
from infra.mt5.link import CallError, Link
from infra.mt5.tuples import BookInfo


class DepthOfMarket:
    """The three functions, over a link."""

    error: tuple[int, str]
    _link: Link

    def market_book_add(self, symbol: str, /) -> bool | None:
        """Have a symbol's book kept up to date from now on."""
        return self._book_asked("market_book_add", symbol)

    def market_book_release(self, symbol: str, /) -> bool | None:
        """Have no more of a symbol's book."""
        return self._book_asked("market_book_release", symbol)

    @or_none
    def market_book_get(self, symbol: str, /) -> tuple[BookInfo, ...]:
        """A symbol's book, best prices in the middle: offers to sell first, from the dearest."""
        return typed(tuple, self._link.call("market_book_get", arguments.symbol(symbol)))

    def _book_asked(self, function: str, symbol: str) -> bool | None:
        """As the package has it: a wrong argument is `None`, a failure `False` and no error."""
        self.error = SUCCESS
        try:
            name = arguments.symbol(symbol)
        except CallError as wrong:
            self.error = (wrong.code, wrong.text)
            return None
        try:
            return bool(self._link.call(function, name))
        except CallError:
            return False
