"""What the drill makes of its intents and the venue's deals."""

from __future__ import annotations

from typing import Any

import pytest

from infra.mt5.chaos.judge import judged
from infra.mt5.chaos.record import Intent, Outcome
from infra.mt5.tuples import TradeDeal
from tests.infra.mt5.desk import order

DONE, OPEN, ABSENT = Outcome.DONE, Outcome.OPEN, Outcome.ABSENT


def intent(number: int, outcome: Outcome, account: str = "1") -> Intent:
    named = order(order_id=f"{account}/{number}", account=account)
    return Intent(named, number, outcome)


def deal(of: Intent, ticket: int) -> TradeDeal:
    plain: dict[str, Any] = dict.fromkeys(TradeDeal._fields, 0)
    named = {"ticket": ticket, "order": ticket, "magic": of.magic, "symbol": of.order.symbol}
    return TradeDeal(**{**plain, **named})


A, B = intent(0, DONE), intent(1, DONE)
DEALT = {"1": [deal(A, 1), deal(B, 2)], "2": []}


def failed(intents: list[Intent], dealt: dict[str, list[TradeDeal]], *seen: str) -> set[str]:
    return {
        verdict.claim.split()[0] for verdict in judged(intents, dealt, seen) if not verdict.holds
    }


def test_what_is_in_order_holds() -> None:
    lost = intent(2, ABSENT)
    assert failed([A, B, lost], DEALT) == set()


@pytest.mark.parametrize(
    ("intents", "dealt", "claims"),
    [
        ([], {"1": []}, {"orders"}),
        ([A, B, intent(2, OPEN)], DEALT, {"every"}),
        ([A, B], {"1": [deal(A, 2), deal(B, 1)]}, {"order"}),
        ([A, B], {"1": [deal(A, 1), deal(B, 2), deal(B, 3)]}, {"each"}),
        ([A, B], {"1": [deal(A, 1)]}, {"each"}),
        ([A, intent(1, ABSENT)], DEALT, {"each"}),
        ([A, B], {"1": [deal(A, 1)], "2": [deal(B, 2)]}, {"no"}),
        ([A], DEALT, {"no"}),
    ],
)
def test_what_must_not_be_is_named(
    intents: list[Intent], dealt: dict[str, list[TradeDeal]], claims: set[str]
) -> None:
    assert failed(intents, dealt) == claims


def test_a_reply_that_a_lane_saw_crossing_counts() -> None:
    assert failed([A, B], DEALT, "account_info of 1: the account is 2") == {"no"}
