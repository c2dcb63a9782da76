"""What was taken away, for how long, and whether the platform was the same afterwards. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from events.orders import OrderIntended
from infra.mt5 import constants as mt5
from infra.mt5.tuples import TradeDeal
from infra.verify.evidence import Evidence
from infra.verify.verdict import Verdict, verdict

SERVICES = ("kafka", "postgres", "registry")
RECORDER = "postgres"
"""Where an intent is committed before its order may be sent."""
LIVE_KINDS = 3
IN_FLIGHT_US = 2_000_000
"""How long an order may still be on its way to the venue whose intent is committed."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A service was away between two moments (UTC microseconds)."""

    service: str
    gone_us: int
    back_us: int
    restarted: tuple[str, ...]
    """Roles that ended, and had to be started again, until all was well."""
    live_s: dict[str, float]
    """After how many seconds each kind was live again: ticks, predictions, executions."""

    @property
    def name(self) -> str:
        """As it is told."""
        return f"{self.service} away for {(self.back_us - self.gone_us) / 1e6:.0f} s"


def ridden_out(outage: Outage) -> Verdict:
    """No role had to be started again, and all was live again."""
    live = ", ".join(f"{what} {after_s:.1f} s" for what, after_s in outage.live_s.items())
    faults = [f"{name} was started again" for name in outage.restarted]
    faults += ["not all came to life again"] if len(outage.live_s) < LIVE_KINDS else []
    return verdict(f"{outage.name}: no role needed a restart", faults, f"after it: {live}")


def nothing_sent_unrecorded(evidence: Evidence, outages: Sequence[Outage]) -> Verdict:
    """Every order that the venue dealt has an intent that was committed before it was sent.

    While the event store is away nothing can be committed, so nothing may be sent either, but for
    what was committed just before.
    """
    known = {event.magic for event in evidence.tape.events(OrderIntended)}
    away = [outage for outage in outages if outage.service == RECORDER]
    faults: list[str] = []
    sent = [
        (account, deal)
        for account, books in evidence.books.items()
        for deal in books.deals
        if deal.reason == mt5.DEAL_REASON_EXPERT
    ]
    for account, deal in sent:
        intended_at_us = evidence.intents.get((account, deal.magic))
        name = f"deal {deal.ticket} of {account}"
        if intended_at_us is None or deal.magic not in known:
            faults.append(f"{name} was never intended")
        elif intended_at_us // 1_000 > deal.time_msc:
            faults.append(f"{name} was intended afterwards")
        else:
            faults += (
                f"{name} was made while {o.name}" for o in _during(deal, intended_at_us, away)
            )
    told = [f"{_count(evidence, o)} while {o.name}" for o in outages]
    detail = f"{len(sent)} deals, {', '.join(told)}"
    return verdict("no order was sent that could not be recorded", faults, detail)


def _during(deal: TradeDeal, intended_at_us: int, away: Sequence[Outage]) -> Iterator[Outage]:
    """The outages in which this deal should not have been possible."""
    at_us = deal.time_msc * 1_000
    for outage in away:
        late = at_us > outage.gone_us + IN_FLIGHT_US or intended_at_us > outage.gone_us
        if outage.gone_us < at_us < outage.back_us and late:
            yield outage


def _count(evidence: Evidence, outage: Outage) -> int:
    """How many of our orders the venue dealt in it."""
    return sum(
        outage.gone_us < deal.time_msc * 1_000 < outage.back_us
        for books in evidence.books.values()
        for deal in books.deals
        if deal.reason == mt5.DEAL_REASON_EXPERT
    )
