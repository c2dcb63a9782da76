"""The package's functions for what is over: orders that are done, and deals."""

from typing import Any

from infra.mt5 import arguments
from infra.mt5.failure import or_none, typed
from infra.mt5.group import chosen
from infra.mt5.link import Link
from infra.mt5.terminal import Date
from infra.mt5.tuples import TradeDeal, TradeOrder


class History:
    """The four functions, over a link."""

    error: tuple[int, str]
    _link: Link

    @or_none
    def history_orders_total(self, date_from: Date, date_to: Date, /) -> int:
        """How many orders were done in a range."""
        return len(self._history("orders", date_from, date_to, None, None))

    @or_none
    def history_orders_get(
        self,
        date_from: Date | None = None,
        date_to: Date | None = None,
        /,
        *,
        group: str | None = None,
        ticket: int | None = None,
        position: int | None = None,
    ) -> tuple[TradeOrder, ...]:
        """Orders that are done."""
        found = self._history("orders", date_from, date_to, ticket, position)
        return chosen(found, None, group, None)

    @or_none
    def history_deals_total(self, date_from: Date, date_to: Date, /) -> int:
        """How many deals were made in a range."""
        return len(self._history("deals", date_from, date_to, None, None))

    @or_none
    def history_deals_get(
        self,
        date_from: Date | None = None,
        date_to: Date | None = None,
        /,
        *,
        group: str | None = None,
        ticket: int | None = None,
        position: int | None = None,
    ) -> tuple[TradeDeal, ...]:
        """Deals."""
        found = self._history("deals", date_from, date_to, ticket, position)
        return chosen(found, None, group, None)

    def _history(
        self,
        what: str,
        date_from: Date | None,
        date_to: Date | None,
        ticket: int | None,
        position: int | None,
    ) -> tuple[Any, ...]:
        """By ticket, else by position, else by two dates."""
        for name, value in (("ticket", ticket), ("position", position)):
            if value is not None:
                number = arguments.whole(name, value, 1 << 64)
                return typed(tuple, self._link.call(f"history_{what}_of_{name}", number))
        start_s = arguments.seconds("date_from", date_from)
        end_s = arguments.seconds("date_to", date_to)
        return typed(tuple, self._link.call(f"history_{what}_between", start_s, end_s))
