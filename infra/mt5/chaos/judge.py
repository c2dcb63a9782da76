"""What a drill proves: its intents beside the venue's own deals. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from infra.mt5.chaos.record import DEALT, Intent, Outcome
from infra.mt5.tuples import TradeDeal
from infra.verify.verdict import Verdict, verdict

Dealt = Mapping[str, Sequence[TradeDeal]]
"""Of each account, the venue's deals."""


def judged(intents: Sequence[Intent], dealt: Dealt, crossings: Sequence[str]) -> list[Verdict]:
    """One verdict per claim."""
    deals = {account: [d for d in own if d.magic] for account, own in dealt.items()}
    count = sum(map(len, deals.values()))
    strangers = [*crossings, *_strangers(intents, deals)]
    return [
        Verdict("orders were dealt", count > 0, f"{count} deals"),
        verdict("no reply or deal of another account", strangers, f"{len(dealt)} accounts"),
        verdict("order kept per account and symbol", [*_disorders(intents, deals)], f"{count}"),
        verdict("every order settled", [*_open(intents)], f"{len(intents)} orders"),
        verdict("each dealt once, or known not to be", [*_untold(intents, deals)], f"{count}"),
    ]


def _strangers(intents: Iterable[Intent], dealt: Dealt) -> Iterator[str]:
    owner = {intent.magic: intent.order.account for intent in intents}
    for account, deals in dealt.items():
        for deal in deals:
            if owner.get(deal.magic) != account:
                yield f"deal {deal.ticket} of {account} is {owner.get(deal.magic, 'nobody')}'s"


def _disorders(intents: Iterable[Intent], dealt: Dealt) -> Iterator[str]:
    """Where the venue has dealt in another order than was sent in: tickets tell its order."""
    number = {intent.magic: intent.number for intent in intents}
    for account, deals in dealt.items():
        for symbol in sorted({deal.symbol for deal in deals}):
            own = sorted((d for d in deals if d.symbol == symbol), key=lambda deal: deal.ticket)
            known = [number[deal.magic] for deal in own if deal.magic in number]
            for before, after in pairwise(known):
                if after < before:
                    yield f"{account} {symbol}: {after} was dealt after {before}"


def _open(intents: Iterable[Intent]) -> Iterator[str]:
    for intent in intents:
        if intent.outcome is Outcome.OPEN:
            yield f"{intent.order.order_id} has no outcome"


def _untold(intents: Iterable[Intent], dealt: Dealt) -> Iterator[str]:
    """Orders that the venue dealt twice, or dealt although they are settled otherwise."""
    venue_orders: dict[int, set[int]] = {}
    for deals in dealt.values():
        for deal in deals:
            venue_orders.setdefault(deal.magic, set()).add(deal.order)
    for intent in intents:
        times = len(venue_orders.get(intent.magic, ()))
        if intent.outcome is not Outcome.OPEN and times != (intent.outcome in DEALT):
            yield f"{intent.order.order_id} is {intent.outcome.value} and was dealt {times} times"
