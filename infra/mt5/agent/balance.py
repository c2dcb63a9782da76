"""Which of an account's terminals a call goes to, as pure functions.

Orders of a symbol stay at one terminal, its seat, so that they cannot overtake each other. A seat
moves only while nothing of its symbol is under way: never while a send is in flight, nor while one
that was lost may still be carried out. Reads go where the least is in flight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Member:
    """A terminal of the pool. `admitted`: it answers, and is not about to be stopped."""

    name: str
    admitted: bool
    in_flight: int = 0


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a symbol's orders go. `busy`: one is in flight.

    `held_until_s`: until then one whose answer was lost may still reach the broker from there.
    """

    member: str
    busy: bool = False
    held_until_s: float = 0.0


Seats = Mapping[str, Seat]


def admitted(members: Sequence[Member]) -> list[str]:
    """The names of those that take calls."""
    return [member.name for member in members if member.admitted]


def seat(
    symbol: str, seats: Seats, members: Sequence[Member], now_s: float, evenly: bool = False
) -> Seat | None:
    """The seat of a symbol's orders from now on; none: they must wait.

    It stays where it is, unless its terminal is out; or, `evenly`, has two symbols more than
    another: that is for a new order, as what was sent is read where it was sent.
    """
    taken = seats.get(symbol)
    within = admitted(members)
    if taken is not None and taken.busy:
        return taken if taken.member in within else None
    if taken is not None and taken.member not in within and now_s < taken.held_until_s:
        return None
    if not within:
        return None
    load = {name: _symbols_at(name, symbol, seats) for name in within}
    least = min(within, key=lambda name: (load[name], name))
    if taken is not None and taken.member in within:
        stays = not evenly or now_s < taken.held_until_s or load[taken.member] <= load[least]
        return taken if stays else Seat(least)
    return Seat(least)


def reader(members: Sequence[Member], seats: Seats) -> str | None:
    """The terminal for a read: the shortest queue, and of those the one with the fewest orders."""
    within = [member for member in members if member.admitted]
    if not within:
        return None
    return min(within, key=lambda m: (m.in_flight, _symbols_at(m.name, "", seats), m.name)).name


def books(symbol: str, seats: Seats, members: Sequence[Member], now_s: float) -> str | None:
    """The terminal whose books tell what became of an order; none: nobody's books prove it now.

    Where one that was lost may still be carried out, a read waits behind it, and nowhere else.
    """
    held = {each.member for each in seats.values() if now_s < each.held_until_s}
    within = admitted(members)
    if held:
        return held.pop() if len(held) == 1 and held <= set(within) else None
    taken = seats.get(symbol)
    if taken is not None and taken.member in within:
        return taken.member
    return reader(members, seats)


def _symbols_at(name: str, but: str, seats: Seats) -> int:
    """How many symbols have their seat there, without the one that is being seated."""
    return sum(each.member == name for symbol, each in seats.items() if symbol != but)
