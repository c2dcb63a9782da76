"""The gateway of one account: commit the intent, send the order once, record what became of it.

Whatever happens in between, a session starts by looking for every order whose intent is committed
and whose outcome is not: there is no other recovery. Any trouble with the ledger ends the session.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from typing import Any

from commands.orders import RecordNotExecuted, RecordReject
from events.accounts import AccountHalted, AccountResumed
from events.envelope import Message
from events.limits import LimitsSet
from events.orders import OrderAccepted
from infra import fault
from infra.mt5.gateway import searching
from infra.mt5.gateway.clock import Clock
from infra.mt5.gateway.connect import Connector, refusal_in
from infra.mt5.gateway.exposure import Exposure
from infra.mt5.gateway.guard import Guard
from infra.mt5.gateway.health import Health, Identity, Rung
from infra.mt5.gateway.ledger import Account, Entry, Ledger, Order, Steps
from infra.mt5.gateway.records import fills_of, health_of
from infra.mt5.gateway.searching import Search
from infra.mt5.gateway.send import Lost, NotSent, Refused, Result, Sender, Taken
from infra.mt5.gateway.sweep import Sweep
from infra.mt5.gateway.verdict import halted
from infra.mt5.gateway.warm import Warm
from infra.mt5.reconcile import Found, Undealt, is_fill
from infra.mt5.terminal import Terminal

SWEEP_EVERY_S = 1.0
"""Health is looked at as often, not only at the heartbeat's 30 s: a sweep believes what it reads as
our account's, and an order waits for a terminal that is away, but is over once it was intended."""
VOLUME_TOLERANCE_LOTS = 1e-6

log = logging.getLogger(__name__)


class Gateway:
    """One session: from a readable terminal and an open ledger to the first trouble."""

    def __init__(
        self,
        terminal: Terminal,
        ledger: Ledger,
        name: str,
        account: Account,
        clock: Clock,
        symbols: Sequence[str] = (),
    ) -> None:
        self._terminal = terminal
        self._ledger = ledger
        self._name = name
        self._identity: Identity = account.identity
        self._halted_for = ledger.halted_for()
        self._blind = ""
        self._clock = clock
        jitter = random.Random(name)
        self._connector = Connector(terminal, clock, jitter, refusal_in(self._halted_for))
        self._warm = Warm(terminal, clock, symbols)
        self._sender = Sender(terminal, self._connector, self._identity, self._warm, clock, jitter)
        self._exposure = Exposure(terminal, ledger, clock)
        self._sweep = Sweep(terminal, ledger, name, clock, account.swept_from_s)
        self._guard = Guard(ledger, clock, jitter, self._answers, self._warm)
        self._searches: dict[str, Search] = {}
        self._waiting: list[Order] = []
        self._next_sweep_s = clock.monotonic_s()
        self.health = Health(Rung.DOWN, "not looked yet")
        self._told: Rung | None = None
        self._recover()

    def concerns(self, message: Message[Any]) -> bool:
        """Whether `handle` has something to do about it: the tape tells of all accounts."""
        heeded = isinstance(
            message.event, OrderAccepted | AccountHalted | AccountResumed | LimitsSet
        )
        return heeded and message.event.account == self._name

    def handle(self, messages: Sequence[Message[Any]], steps: Steps) -> None:
        """Take what was read from the tape: all of it is durable on return, the first is sent."""
        self._heed(messages)
        orders = [
            message
            for message in messages
            if isinstance(message.event, OrderAccepted) and message.event.account == self._name
        ]
        if not orders:
            self._ledger.pass_over(steps)
        elif self._may_go(orders[0]):
            self._waiting += orders[1:]
            self._place(orders[0], steps, orders[1:])
        else:
            self._ledger.wait(orders, steps)
            self._waiting += orders

    def held(self, place: str) -> None:
        """A part of the tape cannot be read on: it may tell of a halt, or of tighter limits.

        No resuming helps against that, as nobody knows what is behind: only mending the tape does.
        """
        self._blind = f"{place} holds a record that cannot be read"
        self._halt(self._blind)

    def beat(self) -> None:
        """Everything that is not an order just read: look, settle, sweep, send what waits.

        What others dealt is explained before an order goes, lest it be taken for the order's own.
        """
        now_s = self._clock.monotonic_s()
        due = now_s >= self._next_sweep_s or not self.health.readable
        if due:
            self._look()
        self._guard.beat(self._connector)
        for search in [s for s in self._searches.values() if s.next_s <= now_s]:
            self._search(search)
        if due:
            self._next_sweep_s = self._clock.monotonic_s() + SWEEP_EVERY_S
            if self.health.readable:
                self._sweep.run(self._in_flight())
                self._warm.refresh()
        self._warm.watch()
        self._release()

    @property
    def unsettled(self) -> int:
        """How many orders have no outcome yet."""
        return len(self._searches) + len(self._waiting)

    def _recover(self) -> None:
        for entry in self._ledger.unsettled():
            if entry.sent:
                self._unresolved(entry, "the gateway stopped before the outcome was recorded")
            else:
                self._waiting.append(entry.order)
        self._look()
        if self.health.readable:
            self._sweep.run(self._in_flight())
            self._warm.refresh()

    def _look(self) -> None:
        self.health = self._connector.look(self._identity)
        if self.health.rung is not self._told:
            self._told = self.health.rung
            self._ledger.report_health(health_of(self._name, self.health), self._clock.now_us())
        if reason := self._connector.refusal:
            self._halt(reason)
        if self.health.rung is Rung.STRANGER:
            self._halt(self.health.detail)

    def _heed(self, messages: Sequence[Message[Any]]) -> None:
        for message in messages:
            event = message.event
            if isinstance(event, AccountHalted | AccountResumed) and event.account == self._name:
                # What the tape tells is old: a newer halt may be in the stream already.
                self._halted_for = self._ledger.halted_for()
                self._connector.refusal = refusal_in(self._halted_for)
            elif isinstance(event, LimitsSet) and event.account == self._name:
                self._exposure.heed(event)

    def _may_go(self, order: Order) -> bool:
        """Nothing before it is open on its symbol, the terminal is there and can be relied on."""
        symbol, bars = order.event.symbol, self._guard.bars
        ahead = any(w.event.symbol == symbol and not bars(w.event) for w in self._waiting)
        if not self.health.readable or bars(order.event):
            return False
        return not ahead and symbol not in self._in_flight()

    def _answers(self) -> bool:
        """What a probe asks: whether the terminal is ours and reads to the end."""
        self._look()
        return self.health.readable and self._terminal.positions_get() is not None

    def _in_flight(self) -> frozenset[str]:
        return frozenset(order.symbol for order in self._unresolved_orders())

    def _unresolved_orders(self) -> tuple[OrderAccepted, ...]:
        return tuple(search.entry.order.event for search in self._searches.values())

    def _release(self) -> None:
        """Send what waits and may go now; let go of what has expired, terminal or not."""
        waiting, self._waiting = self._waiting, []
        for order in waiting:
            now_us = self._clock.now_us()
            if self._may_go(order):
                self._place(order)
            elif now_us > order.event.expires_at_us:
                self._ledger.intend(order, now_us)
            else:
                self._waiting.append(order)

    def _place(self, order: Order, steps: Steps = (), behind: Sequence[Order] = ()) -> None:
        if self._sender.await_turn():
            self._catch_up()
        now_us, asked_s = self._clock.now_us(), self._clock.monotonic_s()
        self._sender.foresee(order.event)
        if not self._ledger.intend(order, now_us, steps, behind):
            return
        fault.point("after_intent_commit")
        result = self._sent(order, asked_s)
        fault.point("before_record")
        self._conclude(Entry(order, True, now_us), result)

    def _sent(self, order: Order, asked_s: float) -> Result:
        if found := self._barred(order):
            return NotSent(found)
        result = self._sender.send(
            order.event,
            asked_s,
            lambda number: self._permitted(order, number),
            lambda: self._exposure.room(order.event.limits_version, self._unresolved_orders()),
        )
        sent = {"order_id": order.event.order_id, "called_at_us": self._sender.called_at_us}
        log.info("order %s: %s", order.event.order_id, result.detail, extra={"tape": sent})
        return result

    def _barred(self, order: Order) -> str:
        """Why the order must not go, or nothing: a close always may."""
        return halted(order.event, self._halted_for or frozenset({self._blind} - {""}))

    def _permitted(self, order: Order, attempt: int) -> bool:
        self._catch_up()
        now_us = self._clock.now_us()
        return not self._barred(order) and self._ledger.attempt(order, attempt, now_us)

    def _catch_up(self) -> None:
        """While it waits for a send the gateway does not read on: what holds is in the streams."""
        self._halted_for = self._ledger.halted_for()
        if limits := self._ledger.limits():
            self._exposure.heed(limits)

    def _conclude(self, entry: Entry, result: Result) -> None:
        order_id = entry.order.event.order_id
        self._guard.answered(result)
        match result:
            case Taken(detail, venue_order, volume_lots):
                self._read_deals(entry, detail, venue_order, volume_lots)
            case Refused(retcode, detail, halts, reread):
                if reread:
                    self._sweep.run(self._in_flight())
                if halts:
                    self._halt(detail)
                refusal = RecordReject(order_id=order_id, retcode=retcode, detail=detail)
                self._ledger.settle(entry.order, refusal)
            case NotSent(detail, halts):
                if halts:
                    self._halt(detail)
                unsent = RecordNotExecuted(order_id=order_id, evidence=f"never sent: {detail}")
                self._ledger.settle(entry.order, unsent)
            case Lost(detail, venue_order):
                self._unresolved(entry.answered(venue_order), detail)

    def _read_deals(self, entry: Entry, detail: str, venue_order: int, volume_lots: float) -> None:
        """The answer names no position and no commission: the deals do."""
        deals = self._terminal.history_deals_get(ticket=venue_order) or ()
        fills = [deal for deal in deals if is_fill(entry.order.event, deal)]
        if sum(deal.volume for deal in fills) + VOLUME_TOLERANCE_LOTS < volume_lots or not fills:
            shown = f"{detail}; its deals do not show yet"
            self._unresolved(entry.answered(venue_order), shown)
            return
        self._sweep.explain(fills)
        self._exposure.filled(entry.order.event)
        self._ledger.settle(entry.order, fills_of(entry.order.event, fills))

    def _unresolved(self, entry: Entry, detail: str) -> None:
        self._searches[entry.order.event.order_id] = searching.begin(entry, self._clock)
        log.warning("order %s is unresolved: %s", entry.order.event.order_id, detail)
        self._ledger.unresolved(entry, detail)
        self._look()

    def _search(self, search: Search) -> None:
        order = search.entry.order
        finding = searching.step(
            search, self._terminal, self._identity, self._clock, self._sweep.explained
        )
        match finding:
            case Found(deals):
                self._sweep.explain(deals)
                self._exposure.filled(order.event)
                self._ledger.settle(order, fills_of(order.event, deals))
            case Undealt(evidence):
                order_id = order.event.order_id
                undealt = RecordNotExecuted(order_id=order_id, evidence=evidence)
                self._ledger.settle(order, undealt)
            case None:
                return
        del self._searches[order.event.order_id]
        # What others dealt on the symbol was left alone, and may be like the next order on it.
        self._sweep.run(self._in_flight())

    def _halt(self, reason: str) -> None:
        """Each reason is told once, also while halted: whoever resumes must know all of them."""
        if reason not in self._halted_for:
            log.critical("account %s is halted: %s", self._name, reason)
            self._ledger.halt(reason, self._clock.now_us())
            self._halted_for |= {reason}
