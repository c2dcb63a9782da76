"""The one place that sends an order: checks, one `order_send`, and what the answer permits.

A second attempt follows only a refusal that is certain, at most `ATTEMPTS_MAX` in all, each with
a fresh quote inside the collar, under the magic number of the first. After any answer that proves
nothing there is no second attempt, ever.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from events.orders import OrderAccepted
from infra import fault
from infra.mt5 import constants as mt5
from infra.mt5 import retcodes
from infra.mt5.gateway.clock import Clock
from infra.mt5.gateway.connect import Connector
from infra.mt5.gateway.health import LOOKS, Identity, Rung
from infra.mt5.gateway.room import Missing, Room
from infra.mt5.gateway.verdict import LATE, Known, Market, Sendable, Withheld, verdict
from infra.mt5.gateway.warm import Warm
from infra.mt5.link import Called
from infra.mt5.requests import Request, Unsendable
from infra.mt5.retcodes import Meaning, Outcome
from infra.mt5.terminal import Terminal
from infra.mt5.tuples import OrderSendResult

ATTEMPTS_MAX = 3
SEND_WITHIN_S = 2.0
"""Most time from asking for the commit that permits an attempt to its `order_send`: a process that
was frozen in between, or was answered late, must not send what another has settled meanwhile. To
prove an order absent takes longer (`searching`)."""
PACE_FIRST_S, PACE_LAST_S = 1.0, 30.0
"""Least time between two sends after the venue called us too fast: doubled each time, halved by
each success."""
QUOTE_WAIT_S, QUOTE_POLL_S = 2.0, 0.05

NO_ROOM = Room(None, Missing("not asked"))

DEALT = (Outcome.SUCCESS, Outcome.PARTIAL)
AGAIN = (Outcome.NEW_PRICE, Outcome.FIX, Outcome.LATER)


@dataclass(frozen=True, slots=True)
class Taken:
    """The venue took the order under this ticket. Its deals are still to be read."""

    detail: str
    venue_order: int
    volume_lots: float


@dataclass(frozen=True, slots=True)
class Refused:
    """The venue refused, or would have: nothing was dealt. `reread`: our picture of it is old."""

    retcode: int
    detail: str
    halts: bool = False
    reread: bool = False


@dataclass(frozen=True, slots=True)
class NotSent:
    """The order never left this process. `halts`: something is wrong that a person must look at."""

    detail: str
    halts: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """The answer proves nothing."""

    detail: str
    venue_order: int = 0


Result = Taken | Refused | NotSent | Lost


class Sender:
    """Sends orders of one account, one at a time."""

    def __init__(
        self,
        terminal: Terminal,
        connector: Connector,
        identity: Identity,
        warm: Warm,
        clock: Clock,
        jitter: random.Random,
    ) -> None:
        self._terminal = terminal
        self._connector = connector
        self._identity = identity
        self._warm = warm
        self._clock = clock
        self._jitter = jitter
        self._pace_s = 0.0
        self._not_before_s = 0.0
        self.called_at_us = 0
        """When `order_send` was first called for the latest order; 0 if it was not."""

    def await_turn(self) -> bool:
        """Wait until the account's pace allows a send; False: at once, nobody complained."""
        wait_s = self._not_before_s - self._clock.monotonic_s()
        if wait_s > 0:
            self._clock.sleep(wait_s)
        return wait_s > 0

    def foresee(self, order: OrderAccepted) -> None:
        """Have asked what `send` will look at first: the answers come while the intent is written.

        They are a commit older than they could be, and no older (`AHEAD_S` of a remote terminal).
        """
        held: list[Called] = [("positions_get",)] if order.closes_position is None else []
        quote = ("symbol_info_tick", order.symbol)
        self._terminal.ahead(*LOOKS, *held, quote)

    def send(
        self,
        order: OrderAccepted,
        asked_s: float,
        permitted: Callable[[int], bool],
        room: Callable[[], Room],
    ) -> Result:
        """Send an order whose intent has just been committed, as was asked for at `asked_s`.

        `permitted` commits the number of a further attempt; False ends the matter. `room`, asked
        right before each send of an order that opens, is what the account has for it.
        """
        self.called_at_us = 0
        refused: Result | None = None
        mended = False
        left_lots: dict[int, Decimal] = {}
        for attempt in range(1, ATTEMPTS_MAX + 1):
            if refused is not None:
                asked_s = self._clock.monotonic_s()
                if not permitted(attempt):
                    return refused
            request = _judged(order, self._known(order, left_lots, room))
            if not isinstance(request, dict):
                return refused or request
            if self._clock.monotonic_s() > asked_s + SEND_WITHIN_S:
                return refused or NotSent(LATE)
            result, meaning = self._attempt(request)
            to_mend = meaning.outcome is Outcome.FIX
            again = meaning.refused and meaning.outcome in AGAIN and not (to_mend and mended)
            if not again or attempt == ATTEMPTS_MAX:
                return result
            refused, mended = result, mended or to_mend
            if meaning.name == "INVALID_CLOSE_VOLUME":
                left_lots = self._position_lots(order)
            self._await(order, meaning)
        raise AssertionError("the last attempt returns")

    def _known(
        self, order: OrderAccepted, left_lots: dict[int, Decimal], room: Callable[[], Room]
    ) -> Known:
        """What is known right before a send, asked in the order that `foresee` has announced.

        Whatever keeps the order back ends the asking: nothing else matters then.
        """
        health = self._connector.look(self._identity)
        markets: dict[str, Market | Missing] = {}
        held = NO_ROOM
        if health.rung is Rung.TRADING:
            held = room() if order.closes_position is None else NO_ROOM
            if order.closes_position is not None or not held.objection(order):
                markets = {order.symbol: self._warm.market(order.symbol)}
        return Known(
            self._clock.now_us(),
            health,
            held,
            markets,
            login_refused=bool(self._connector.refusal),
            left_lots=left_lots,
        )

    def _attempt(self, request: Request) -> tuple[Result, Meaning]:
        self.called_at_us = self.called_at_us or self._clock.now_us()
        answer = self._terminal.order_send(request)
        error = (0, "") if answer is not None else self._terminal.last_error()
        fault.point("after_order_send")
        meaning = (
            retcodes.of_last_error(error[0])
            if answer is None
            else retcodes.of_retcode(answer.retcode)
        )
        self._keep_pace(meaning)
        return _result(answer, error, meaning), meaning

    def _keep_pace(self, meaning: Meaning) -> None:
        if meaning.name == "TOO_MANY_REQUESTS":
            self._pace_s = min(PACE_LAST_S, max(PACE_FIRST_S, self._pace_s * 2))
        elif meaning.outcome in DEALT:
            self._pace_s = self._pace_s / 2 if self._pace_s > PACE_FIRST_S else 0.0
        wait_s = self._pace_s * self._jitter.uniform(1.0, 1.25)
        self._not_before_s = self._clock.monotonic_s() + wait_s

    def _await(self, order: OrderAccepted, meaning: Meaning) -> None:
        """Wait for what the refusal asks for."""
        if meaning.outcome is Outcome.FIX:
            self._warm.forget(order.symbol)
        elif meaning.name == "PRICE_OFF":
            self._await_quote(order)
        elif meaning.outcome is Outcome.LATER:
            if self._pace_s == 0.0:
                self._clock.sleep(PACE_FIRST_S * self._jitter.uniform(1.0, 1.25))
            self.await_turn()

    def _await_quote(self, order: OrderAccepted) -> None:
        before = self._terminal.symbol_info_tick(order.symbol)
        deadline_s = self._clock.monotonic_s() + QUOTE_WAIT_S
        while self._clock.monotonic_s() < deadline_s:
            self._clock.sleep(QUOTE_POLL_S)
            now = self._terminal.symbol_info_tick(order.symbol)
            if now is not None and (before is None or now.time_msc > before.time_msc):
                return

    def _position_lots(self, order: OrderAccepted) -> dict[int, Decimal]:
        """What the position that is to be closed has left, if it is still there."""
        held = self._terminal.positions_get(ticket=order.closes_position) or ()
        return {position.ticket: Decimal(str(position.volume)) for position in held}


def _judged(order: OrderAccepted, known: Known) -> Request | Refused | NotSent:
    """The request that may go, or what is told of the order instead."""
    match verdict(order, known):
        case Sendable(request):
            return request
        case Unsendable(retcode, detail):
            return Refused(retcode, detail)
        case Withheld(detail, halts):
            return NotSent(detail, halts)


def _result(
    answer: OrderSendResult | None, error: tuple[int, str], meaning: Meaning
) -> Taken | Refused | Lost:
    if answer is None:
        detail = f"order_send gave nothing; last error {error[0]} {error[1]}"
        retcode, venue_order = error[0], 0
    else:
        detail = f"{answer.retcode} {meaning.name} {answer.comment}".strip()
        retcode, venue_order = answer.retcode, answer.order
    if meaning.refused:
        return Refused(retcode, detail, meaning.halts, meaning.outcome is Outcome.REREAD)
    if answer is not None and venue_order and meaning.outcome in DEALT:
        return Taken(detail, venue_order, answer.volume)
    return Lost(detail, venue_order if retcode == mt5.TRADE_RETCODE_PLACED else 0)
