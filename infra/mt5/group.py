"""The package's filters, applied after a full read: by ticket, by symbol, by group.

In a group `,` separates conditions, `*` is any text, a leading `!` excludes.
"""

from fnmatch import translate
from re import compile as compiled
from typing import TypeVar

from infra.mt5 import arguments
from infra.mt5.tuples import TradeDeal, TradeOrder, TradePosition

Listed = TypeVar("Listed", TradePosition, TradeOrder, TradeDeal)


def in_group(name: str, group: str) -> bool:
    """Whether a symbol belongs to a group: conditions apply in turn, the last that fits decides."""
    inside = False
    for condition in group.split(","):
        text = condition.strip()
        excludes = text.startswith("!")
        if _fits(name, text.removeprefix("!")):
            inside = not excludes
    return inside


def chosen(
    found: tuple[Listed, ...], symbol: str | None, group: str | None, ticket: int | None
) -> tuple[Listed, ...]:
    """The first of ticket, symbol and group that is given filters."""
    if ticket is not None:
        number = arguments.whole("ticket", ticket, 1 << 64)
        return tuple(each for each in found if each.ticket == number)
    if symbol is not None:
        name = arguments.symbol(symbol)
        return tuple(each for each in found if each.symbol == name)
    if group is not None:
        wanted = arguments.group(group)
        return tuple(each for each in found if in_group(each.symbol, wanted))
    return found


def _fits(name: str, pattern: str) -> bool:
    """Only `*` is special to the package."""
    literal = pattern.replace("[", "[[]").replace("?", "[?]")
    return compiled(translate(literal)).match(name) is not None
