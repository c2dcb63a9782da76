"""The terminals of one account as one: what is known of each, shared by all who call them.

A terminal that loses a call, or is silent, is out at once, by a breaker of its own; who was waiting
for it is told that nobody knows. A look at its agent lets it in again. A send whose answer was lost
keeps its symbol from moving until nobody can carry it out any more.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from threading import Event, Lock, Thread
from time import monotonic
from typing import Protocol

from commands.accounts import BreakerPosition
from infra.mt5 import constants as mt5
from infra.mt5.agent.balance import Member, Seat, admitted, books, reader, seat
from infra.mt5.agent.contract import Pulse
from infra.mt5.breaker import Breaker, Limits
from infra.mt5.link import CallError, LinkLostError

LOOK_EVERY_S = 0.5
PULSE_S = 1.0
SILENT_S, OVERDUE_S = 3.0, 2.0
GRACE_S = 1.0
"""What a send that begins right before its deadline may take on its way to the broker."""
ONCE = Limits(unknowns_max=1, link_failures_max=1)

log = logging.getLogger(__name__)


class Feeling(Protocol):
    """Whoever asks an agent how it is."""

    def take(self, limit_s: float) -> Pulse | None:
        """The pulse, or nothing if the agent does not give it in time."""

    def close(self) -> None:
        """Ask no more."""


@dataclass(slots=True)
class _Terminal:
    """What the pool knows of one. It has another `life` after each loss: older links are void."""

    feeling: Feeling
    heard_s: float
    life: int
    breaker: Breaker = field(default_factory=lambda: Breaker(ONCE))
    in_flight: int = 0
    epoch: str = ""


@dataclass(slots=True)
class Departure:
    """A send on its way, from the terminal that it goes to; it may be carried out until then."""

    name: str
    hold_s: float
    until_s: float = 0.0

    def begins(self) -> None:
        """The call goes out now: making a link may have taken long, and its deadline is later."""
        self.until_s = monotonic() + self.hold_s


class Pool:
    """Thread-safe. `addresses` is asked again and again: terminals come and go."""

    def __init__(
        self,
        addresses: Callable[[], Sequence[str]],
        feel: Callable[[str], Feeling],
        deadline_s: float,
        luck: random.Random,
    ) -> None:
        self._addresses = addresses
        self._feel = feel
        self._hold_s = deadline_s + GRACE_S
        self._luck = luck
        self._terminals: dict[str, _Terminal] = {}
        self._listed: tuple[str, ...] = ()
        self._seats: dict[str, Seat] = {}
        self._lives = count(1)
        self._lock = Lock()
        self._over = Event()
        self._list()
        Thread(target=self._look_on, name="pool", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._over.set()

    def seat_of(self, symbol: str, evenly: bool = False) -> str:
        """The terminal of a symbol's orders, or `CallError` while there is none for them."""
        with self._lock:
            return self._seated(symbol, evenly)

    def reader(self, kept: str = "") -> str:
        """The terminal that answers a read soonest, or `CallError` if there is none.

        It is the `kept` one, if that is in.
        """
        with self._lock:
            members = self._members()
            name = kept if kept in admitted(members) else reader(members, self._seats)
        if name is None:
            raise _no_terminal("none of the account's terminals answers")
        return name

    def books_of(self, symbol: str) -> str:
        """The terminal whose books tell of the account's orders, or `CallError` if none do now."""
        with self._lock:
            name = books(symbol, self._seats, self._members(), monotonic())
        if name is None:
            raise _no_terminal("an order may be under way where nobody can look")
        return name

    @property
    def admitted(self) -> list[str]:
        """The terminals that take calls."""
        with self._lock:
            return admitted(self._members())

    @property
    def epochs(self) -> str:
        """Which lives of which agents take calls, in words."""
        with self._lock:
            return " ".join(self._terminals[name].epoch for name in admitted(self._members()))

    def life(self, name: str) -> int:
        """The life of a terminal that links to it now are of; 0 of one that is gone."""
        with self._lock:
            return self._terminals[name].life if name in self._terminals else 0

    @contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """A call other than a send is in flight."""
        with self._lock:
            terminal = self._terminals.get(name)
            if terminal is None:
                raise _no_terminal(f"the terminal at {name} is gone")
            terminal.in_flight += 1
            life = terminal.life
        try:
            yield
        except LinkLostError as error:
            self.lost(name, life, error.text)
            raise
        finally:
            with self._lock:
                terminal.in_flight -= 1

    @contextmanager
    def sending(self, symbol: str) -> Iterator[Departure]:
        """A send is in flight, the only one of its symbol, at the terminal that this gives."""
        with self._lock:
            taken = self._seats.get(symbol)
            if taken is not None and taken.busy:
                busy = f"an order of {symbol} is in flight already: this one was not sent"
                raise CallError(mt5.RES_E_INVALID_PARAMS, busy)
            name = self._seated(symbol, evenly=True)
            before_s = self._seats[symbol].held_until_s  # of one that was lost: not answered yet
            self._seats[symbol] = replace(self._seats[symbol], busy=True)
        going = Departure(name, self._hold_s)
        going.begins()
        answered = False
        try:
            with self.reading(name):
                yield going
            answered = True
        except CallError as error:
            answered = not isinstance(error, LinkLostError)
            raise
        finally:  # whatever else went wrong on the way, the order may be on its own
            with self._lock:
                self._seats[symbol] = Seat(
                    name, held_until_s=before_s if answered else going.until_s
                )

    def lost(self, name: str, life: int, detail: str) -> None:
        """A terminal broke a link of this life: it is out until it was looked at."""
        with self._lock:
            terminal = self._terminals.get(name)
            if terminal is None or terminal.life != life:
                return
            terminal.life = next(self._lives)
            terminal.breaker = terminal.breaker.unlinked(1, detail, monotonic(), self._luck)
        log.warning("the terminal at %s is out: %s", name, detail)

    def _seated(self, symbol: str, evenly: bool) -> str:
        chosen = seat(symbol, self._seats, self._members(), monotonic(), evenly)
        if chosen is None:
            raise _no_terminal(f"no terminal may take orders of {symbol} now")
        self._seats[symbol] = chosen
        return chosen.member

    def _members(self) -> list[Member]:
        return [
            Member(name, each.breaker.position is BreakerPosition.CLOSED, each.in_flight)
            for name in self._listed
            if (each := self._terminals.get(name)) is not None
        ]

    def _list(self) -> None:
        """Take in who is new. Who is not listed any more gets no new calls, and is let go."""
        names = tuple(dict.fromkeys(self._addresses()))
        fresh = {name: self._feel(name) for name in names if name not in self._terminals}
        with self._lock:
            now_s = monotonic()
            for name, feeling in fresh.items():
                self._terminals[name] = _Terminal(feeling, now_s, next(self._lives))
            for name in set(names) - set(self._listed):
                self._terminals[name].heard_s = now_s
            self._listed = names
            seated = {each.member for each in self._seats.values()}
            idle = {name for name, each in self._terminals.items() if each.in_flight == 0}
            gone = [self._terminals.pop(name) for name in idle - seated - set(names)]
        for terminal in gone:
            terminal.feeling.close()

    def _look_on(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            try:
                self._list()
                for name in self._listed:
                    self._look_at(name, self._terminals[name])
            except Exception:  # whoever stops looking takes the dead for alive
                log.exception("the terminals could not be looked at; the next look is soon")
        for terminal in self._terminals.values():
            terminal.feeling.close()

    def _look_at(self, name: str, terminal: _Terminal) -> None:
        """Put out a terminal that is silent or hangs; let in one that is well again."""
        pulse = terminal.feeling.take(PULSE_S)
        well = pulse is not None and pulse.overdue_s <= OVERDUE_S
        now_s = monotonic()
        if pulse is not None and well:
            terminal.heard_s, terminal.epoch = now_s, pulse.epoch
        with self._lock:
            breaker = terminal.breaker.due(now_s)
            terminal.breaker = breaker.probed(well, now_s, self._luck)
            is_in = terminal.breaker.position is BreakerPosition.CLOSED
        if is_in and now_s - terminal.heard_s > SILENT_S:
            hangs = f"it hangs in {pulse.function}" if pulse else f"silent for {SILENT_S:g} s"
            self.lost(name, terminal.life, hangs)


def _no_terminal(why: str) -> CallError:
    return CallError(mt5.RES_E_INTERNAL_FAIL_CONNECT, f"No IPC connection: {why}")
