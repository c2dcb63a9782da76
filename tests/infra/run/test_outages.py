"""What the drill says of an outage: roles that ended, and orders that nobody could record."""

from __future__ import annotations

import pytest

from events.orders import OrderIntended
from infra.mt5 import constants as mt5
from infra.mt5.tuples import TradeDeal
from infra.verify.evidence import Books, Evidence, Tape
from infra.verify.outages import Outage, nothing_sent_unrecorded, ridden_out
from tests.orders import said

SECOND_US = 1_000_000
GONE_S, BACK_S = 100, 130
LIVE = {"live ticks": 1.0, "live predictions": 1.5, "an execution on every account": 40.0}


def outage(service: str = "postgres", restarted: tuple[str, ...] = ()) -> Outage:
    return Outage(service, GONE_S * SECOND_US, BACK_S * SECOND_US, restarted, LIVE)


def dealt(at_s: float, magic: int = 7, reason: int = mt5.DEAL_REASON_EXPERT) -> TradeDeal:
    nothing = TradeDeal._make([0] * 15 + [""] * 3)
    return nothing._replace(ticket=5, time_msc=int(at_s * 1_000), magic=magic, reason=reason)


def evidence(deal: TradeDeal, intended_at_s: float) -> Evidence:
    """One deal of the venue, and one intent on the tape and in the gateway's rows."""
    intent = OrderIntended(
        order_id="x/open", execution_id="x", account="a", symbol="EURUSD", magic=7, attempt=1
    )
    raw = {"order-events": [said(intent)]}
    books = {"a": Books(at_us=0, positions=(), deals=(deal,), balance=0.0)}
    intents = {("a", 7): int(intended_at_s * SECOND_US)}
    return Evidence(Tape(raw, raw), [], {}, books, intents=intents)


@pytest.mark.parametrize(
    ("dealt_at_s", "intended_at_s", "holds"),
    [
        (50, 49.9, True),  # before
        (100.5, 99.9, True),  # on its way when the store went
        (140, 139.9, True),  # after
        (50, 50.1, False),  # intended when it was dealt already
        (100.5, 100.2, False),  # intended when nothing could be committed
        (115, 99.9, False),  # sent in the middle of it
        (115, 114.9, False),
    ],
)
def test_what_is_sent_was_recorded_before(
    dealt_at_s: float, intended_at_s: float, holds: bool
) -> None:
    found = evidence(dealt(dealt_at_s), intended_at_s)
    assert nothing_sent_unrecorded(found, [outage()]).holds is holds


def test_an_order_that_nobody_intended_is_told() -> None:
    verdict = nothing_sent_unrecorded(evidence(dealt(50, magic=8), 49), [outage()])
    assert "deal 5 of a was never intended" in str(verdict)


def test_what_the_venue_does_by_itself_is_not_sent() -> None:
    stopped = dealt(115, reason=mt5.DEAL_REASON_SL)
    assert nothing_sent_unrecorded(evidence(stopped, 50), [outage()]).holds


def test_without_kafka_what_is_intended_may_be_sent() -> None:
    assert nothing_sent_unrecorded(evidence(dealt(115), 114.9), [outage("kafka")]).holds


def test_a_role_that_ended_is_named() -> None:
    verdict = ridden_out(outage(restarted=("relay",)))
    assert not verdict.holds
    assert "relay was started again" in str(verdict)


def test_what_does_not_come_to_life_again_counts() -> None:
    dead = Outage("kafka", GONE_S * SECOND_US, BACK_S * SECOND_US, (), {"live ticks": 1.0})
    assert ridden_out(outage()).holds
    assert not ridden_out(dead).holds
