"""Once a second: every new deal of the account is explained, and figures that moved are told.

A deal belongs to the order that asked for it, or closes what an order had opened, or is external.
Deals on a symbol with an order in flight are left until that order is settled.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from infra.mt5.gateway.clock import Clock
from infra.mt5.gateway.ledger import Ledger, Owner
from infra.mt5.gateway.records import closed_of, external_of, fills_of, report_of
from infra.mt5.reconcile import CLOSES, EVER_S, TRADES, is_fill
from infra.mt5.terminal import Terminal
from infra.mt5.tuples import TradeDeal

OVERLAP_S = 60
"""How far back of the newest deal each sweep reads again: a venue may write late."""
MARGIN_S = 24 * 60 * 60
"""Deals explained so long before where the sweep begins are known to be."""
REPORT_EVERY_S = 5.0

log = logging.getLogger(__name__)


class Sweep:
    """What has been seen of the account's deals and figures."""

    def __init__(
        self, terminal: Terminal, ledger: Ledger, account: str, clock: Clock, from_s: int
    ) -> None:
        self._terminal = terminal
        self._ledger = ledger
        self._account = account
        self._clock = clock
        self._from_s = from_s
        since_us = (from_s - MARGIN_S) * 1_000_000
        self._explained = set(ledger.explained_since(since_us))
        self._reported: tuple[object, ...] = ()
        self._report_due_s = 0.0

    def explained(self, deal_ticket: int) -> bool:
        """Whether this deal has been accounted for."""
        return deal_ticket in self._explained

    def explain(self, deals: Collection[TradeDeal]) -> None:
        """These deals have just been recorded as the fills of an order."""
        self._explained.update(deal.ticket for deal in deals)
        self._report_due_s = 0.0

    def run(self, in_flight: Collection[str]) -> None:
        """Look once. `in_flight`: symbols whose deals may belong to an order not settled yet."""
        deals = self._terminal.history_deals_get(self._from_s, EVER_S)
        if deals is None:
            return
        new = [d for d in deals if d.type in TRADES and d.ticket not in self._explained]
        left = [deal for deal in new if deal.symbol in in_flight]
        for deal in new:
            if deal.symbol not in in_flight:
                self._account_for(deal)
                self.explain((deal,))
        if deals and not left:
            self._advance(max(deal.time for deal in deals) - OVERLAP_S)
        self._report()

    def _account_for(self, deal: TradeDeal) -> None:
        owner = self._ledger.by_magic(deal.magic) if deal.magic else None
        if owner is not None and is_fill(owner.order.event, deal):
            recorded = self._ledger.settle(owner.order, fills_of(owner.order.event, (deal,)))
            if recorded:
                log.error("deal %d came after its order was settled", deal.ticket)
                return
        elif deal.entry in CLOSES:
            opener = self._ledger.by_position(deal.position_id) or owner
            if opener is not None and self._closed(opener, deal):
                return
        log.error("deal %d of magic %d is not ours", deal.ticket, deal.magic)
        self._ledger.external(external_of(self._account, deal))

    def _closed(self, opener: Owner, deal: TradeDeal) -> bool:
        return bool(self._ledger.closed(opener.order, closed_of(opener.order.event, deal)))

    def _advance(self, from_s: int) -> None:
        """Read from here on; kept now and then, so that a session starts near it."""
        if from_s > self._from_s + OVERLAP_S:
            self._from_s = from_s
            self._ledger.swept(from_s)

    def _report(self) -> None:
        now_s = self._clock.monotonic_s()
        if now_s < self._report_due_s:
            return
        info, positions = self._terminal.account_info(), self._terminal.positions_get()
        if info is None or positions is None:
            return
        report = report_of(self._account, info, positions, self._clock.now_us())
        figures = (report.balance, report.equity, report.margin, report.open_lots)
        self._report_due_s = now_s + REPORT_EVERY_S
        if figures != self._reported:
            self._ledger.report(report)
            self._reported = figures
