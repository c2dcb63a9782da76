"""A terminal that is several: each call goes to the one of the pool that it belongs to.

Orders and whatever is read about them go to the terminal of the symbol traded last, so that what
was just sent is seen. Prices and history are read wherever the queue is shortest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5.agent.lanes import LANE_OF, Lane
from infra.mt5.agent.pool import Pool
from infra.mt5.link import Called, CallError, Link
from infra.mt5.package import Package
from infra.mt5.recovery import Recovery, of_error

AT_ITS_SEAT = ("market_book_add", "market_book_get", "market_book_release")
"""A terminal keeps the depth of what was added there, and of nothing else."""
BOOKS = ("positions_get", "orders_get", "history_orders_between", "history_deals_between")
"""What shows the whole account, and so that an order is nowhere."""
READ_ANYWHERE = (Lane.MARKET, Lane.HISTORY)


class PoolTerminal(Package):
    """The terminals of a pool as one. Each thread has one of its own; the pool is shared.

    A call that breaks a link fails, as ever; the next one goes to another terminal, if there is
    one, without `initialize()`.
    """

    def __init__(self, link: PoolLink) -> None:
        super().__init__(link)


class PoolLink:
    """One caller's links to the terminals of a pool, each made when it is first wanted."""

    def __init__(self, pool: Pool, link: Callable[[str], Link]) -> None:
        self._pool = pool
        self._make = link
        self._links: dict[str, tuple[int, Link]] = {}
        self._timeout_ms = 0
        self._opened = False
        self._credentials: tuple[Any, ...] | None = None
        self._symbol = ""
        self._ticks_at = ""
        self._shown: dict[str, bool] = {}
        self._ahead: deque[Called] = deque()
        self._ahead_at = ""
        self.answered: Link | None = None
        """The link that was asked last."""

    def open(self, timeout_ms: int) -> None:
        """Whoever answers will do; the links to all others are made in their time."""
        self._timeout_ms = timeout_ms
        self._pool.reader()
        self._opened = True

    def ahead(self, *calls: Called) -> None:
        """Ask all of this at the seat of the symbol that is named, where its order goes next."""
        self._ahead.clear()
        named = next((c[1] for c in calls if len(c) > 1 and LANE_OF[c[0]] is Lane.MARKET), "")
        with suppress(CallError):  # a hint: the calls themselves will say what is wrong
            name = self._pool.seat_of(named, evenly=True) if named else self._where(calls[0][0], ())
            self._linked(name).ahead(*calls)
            self._symbol = named or self._symbol
            self._ahead, self._ahead_at = deque(calls), name

    def call(self, function: str, *arguments: Any) -> Any:
        """The answer of the terminal that the call belongs to."""
        if function == "login":
            return self._logged_in(arguments)
        if self._credentials is None:
            raise _unlinked()
        if function == "order_send":
            self._symbol = arguments[0].symbol
            self._linked(self._pool.seat_of(self._symbol, evenly=True))
            with self._pool.sending(self._symbol) as going:
                self.answered = self._linked(going.name)
                going.begins()
                return self.answered.call(function, *arguments)
        name = self._where(function, arguments)
        if function == "symbol_select":
            self._shown[arguments[0]] = arguments[1]
            for other in {*self._links} - {name}:
                if self._held(other) is not None:  # others are told when they are linked
                    with suppress(CallError):
                        self._asked(other, function, arguments)
        return self._asked(name, function, arguments)

    def life(self) -> str:
        """The epochs of the account's agents that take calls."""
        return self._pool.epochs

    def close(self) -> None:
        """Give all links up."""
        for _life, link in self._links.values():
            link.close()
        self._links.clear()
        self._ahead.clear()
        self._credentials = None
        self._opened = False

    def _asked(self, name: str, function: str, arguments: tuple[Any, ...]) -> Any:
        with self._pool.reading(name):
            return self._call(name, function, arguments)

    def _call(self, name: str, function: str, arguments: tuple[Any, ...]) -> Any:
        self.answered = self._linked(name)
        return self.answered.call(function, *arguments)

    def _logged_in(self, credentials: tuple[Any, ...]) -> Any:
        """At one terminal: a login that is refused there would be refused at all others too."""
        if not self._opened:
            raise _unlinked()
        name = self._pool.reader()
        with self._pool.reading(name):
            held = self._held(name)
            if held is None:
                self._made(name, credentials)
            else:
                held.call("login", *credentials)
        if credentials != self._credentials:
            self._credentials = credentials
            for other in {*self._links} - {name}:
                self._links.pop(other)[1].close()
        return True

    def _where(self, function: str, arguments: tuple[Any, ...]) -> str:
        """The terminal that a call goes to."""
        if self._ahead and self._ahead.popleft() == (function, *arguments):
            return self._ahead_at
        self._ahead.clear()
        lane = LANE_OF[function]
        if lane is Lane.TRADE and arguments:
            traded = arguments[1] if function.startswith("order_calc") else arguments[0].symbol
            self._symbol = traded
        if function in AT_ITS_SEAT:
            return self._pool.seat_of(arguments[0])
        if function in BOOKS:
            return self._pool.books_of(self._symbol)
        if function.startswith("copy_ticks"):  # terminals may not have missed the same ticks
            self._ticks_at = self._pool.reader(self._ticks_at)
            return self._ticks_at
        if lane in READ_ANYWHERE or not self._symbol:
            return self._pool.reader()
        return self._pool.seat_of(self._symbol)

    def _linked(self, name: str) -> Link:
        """The link to a terminal; one of an earlier life of it is made anew, and logged in."""
        return self._held(name) or self._made(name, self._credentials or ())

    def _held(self, name: str) -> Link | None:
        """The link to a terminal as it is now, if there is one."""
        life, link = self._links.get(name, (0, None))
        return link if life == self._pool.life(name) else None

    def _made(self, name: str, credentials: tuple[Any, ...]) -> Link:
        for void in [n for n in self._links if self._held(n) is None]:
            self._links.pop(void)[1].close()
        life, link = self._pool.life(name), self._make(name)
        try:
            link.open(self._timeout_ms)
            link.call("login", *credentials)
            for symbol, shown in self._shown.items():
                link.call("symbol_select", symbol, shown)
        except CallError as error:
            link.close()
            if of_error(error.code) is not Recovery.NEVER_AGAIN:
                self._pool.lost(name, life, error.text)
            raise
        self._links[name] = (life, link)
        return link


def _unlinked() -> CallError:
    return CallError(mt5.RES_E_INTERNAL_FAIL_CONNECT, "No IPC connection")
