"""An order's life, by its table."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given as generated
from hypothesis import strategies as st
from msgspec.structs import replace

from commands.order_life import DECISIONS, ORDERS, OrderEvent, Status
from commands.orders import (
    COMMANDS,
    OrderCommand,
    RecordNotExecuted,
    RecordReject,
    RecordUnknown,
)
from events.envelope import Event
from events.orders import (
    DealDisputed,
    OrderAccepted,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderIntended,
    OrderNotExecuted,
    OrderRejected,
    OrderUnresolved,
    PositionClosed,
    magic_of,
)
from events.values import lots
from tests.orders import SIGNAL_ID, T0_US, closed, fill, intent, request
from tests.spec import given

ORDER = f"{SIGNAL_ID}/a/open"
NAMES: dict[str, Any] = {
    "order_id": ORDER,
    "execution_id": SIGNAL_ID,
    "account": "a",
    "symbol": "EURUSD",
}
REJECT = RecordReject(order_id=ORDER, retcode=10_019, detail="no money")
UNKNOWN = RecordUnknown(order_id=ORDER, detail="no answer")
ABSENT = RecordNotExecuted(order_id=ORDER, evidence="absent twice")

ACCEPTED = ORDERS.decide(request(), ORDERS.initial)[0]
INTENDED = OrderIntended(**NAMES, magic=magic_of(ORDER), attempt=1)
UNRESOLVED = OrderUnresolved(**NAMES, detail="no answer")
REJECTED = OrderRejected(**NAMES, retcode=10_019, detail="no money")

LIFE = {
    Status.NEW: {Status.ACCEPTED, Status.DENIED},
    Status.ACCEPTED: {Status.INTENDED, Status.EXPIRED, Status.REJECTED},
    Status.INTENDED: {
        Status.INTENDED,
        Status.UNRESOLVED,
        Status.REJECTED,
        Status.NOT_EXECUTED,
        Status.PARTLY_FILLED,
        Status.FILLED,
    },
    Status.UNRESOLVED: {
        Status.REJECTED,
        Status.NOT_EXECUTED,
        Status.PARTLY_FILLED,
        Status.FILLED,
    },
    Status.PARTLY_FILLED: {Status.FILLED},
    Status.REJECTED: {Status.PARTLY_FILLED, Status.FILLED},
    Status.NOT_EXECUTED: {Status.PARTLY_FILLED, Status.FILLED},
    Status.FILLED: set(),
    Status.DENIED: set(),
    Status.EXPIRED: set(),
}


def filled(volume: str = "0.50", left: str = "0", ticket: int = 7) -> OrderFilled:
    told = ORDERS.decide(fill(ORDER, volume, left, ticket), ORDERS.fold([ACCEPTED, INTENDED]))[0]
    assert isinstance(told, OrderFilled)
    return told


def denied(limit: str, allowed: str, observed: str, version: int = 1) -> OrderDenied:
    return OrderDenied(
        **NAMES, limit=limit, allowed=allowed, observed=observed, limits_version=version
    )


def test_an_order_within_its_limits_is_accepted() -> None:
    given(ORDERS).when(request()).then(ACCEPTED)
    assert isinstance(ACCEPTED, OrderAccepted)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"volume_lots": lots("0")}, ("volume_lots_min", "above 0", "0.0000")),
        ({"halted": True}, ("halted", "false", "true")),
        ({"limits_version": 0}, ("limits_version", "1 or more", "0", 0)),
        ({"symbols_allowed": ("GBPUSD", "USDJPY")}, ("symbols", "GBPUSD,USDJPY", "EURUSD")),
        ({"confidence": 0.49}, ("confidence_min", "0.5", "0.49")),
        ({"confidence": float("nan")}, ("confidence_min", "0.5", "nan")),
        ({"signal_at_us": T0_US - 5_000_001}, ("signal_age_ms_max", "5000", "5001")),
        (
            {"requested_at_us": T0_US + 5_000_001},
            ("expires_at_us", str(T0_US + 5_000_000), str(T0_US + 5_000_001)),
        ),
        ({"volume_lots": lots("0.51")}, ("volume_lots_max", "0.5000", "0.5100")),
        ({"open_lots": lots("4.51")}, ("open_lots_max", "5.0000", "5.0100")),
        ({"open_positions": 20}, ("open_positions_max", "20", "21")),
    ],
)
def test_a_broken_limit_denies_the_order_with_the_figures(
    changes: dict[str, Any], refusal: tuple[Any, ...]
) -> None:
    given(ORDERS).when(request(**changes)).then(denied(*refusal))


@pytest.mark.parametrize(
    "changes",
    [
        {"halted": True},
        {"limits_version": 0},
        {"symbols_allowed": ()},
        {"confidence": 0.0},
        {"signal_at_us": T0_US - 1_000_000_000},
        {"volume_lots_max": lots("0.10")},
        {"open_lots": lots("5")},
        {"open_positions": 20},
    ],
)
def test_an_order_that_closes_a_position_is_not_denied_by_limits_on_risk(
    changes: dict[str, Any],
) -> None:
    wish = request(closes_position=7, **changes)
    (event,) = ORDERS.decide(wish, ORDERS.initial)
    assert isinstance(event, OrderAccepted)
    assert event.closes_position == 7


def test_an_order_is_sent_once_and_again_only_after_the_attempt_before() -> None:
    again = OrderIntended(**NAMES, magic=magic_of(ORDER), attempt=2)
    given(ORDERS, ACCEPTED).when(intent(ORDER), intent(ORDER, 2)).then(INTENDED, again)
    given(ORDERS, ACCEPTED).when(intent(ORDER, 2)).then()
    third = OrderIntended(**NAMES, magic=magic_of(ORDER), attempt=3)
    given(ORDERS, ACCEPTED, INTENDED, again, third).when(intent(ORDER, 4)).then()


def test_an_order_whose_answer_was_lost_is_never_sent_again() -> None:
    given(ORDERS, ACCEPTED, INTENDED, UNRESOLVED).when(intent(ORDER, 2)).then()


def test_an_order_that_is_late_expires_instead_of_being_sent() -> None:
    late_us = T0_US + 5_000_001
    expired = OrderExpired(**NAMES, expired_at_us=late_us)
    given(ORDERS, ACCEPTED).when(intent(ORDER, at_us=late_us), intent(ORDER)).then(expired)
    given(ORDERS, ACCEPTED, INTENDED).when(intent(ORDER, 2, late_us)).then()


def test_a_deal_is_booked_once_by_its_ticket() -> None:
    given(ORDERS, ACCEPTED, INTENDED).when(fill(ORDER), fill(ORDER)).then(filled())


def test_partial_fills_add_up() -> None:
    first, second = fill(ORDER, "0.30", "0", 7), fill(ORDER, "0.20", "0", 8)
    both = (filled("0.30", "0", 7), filled("0.20", "0", 8))
    given(ORDERS, ACCEPTED, INTENDED).when(first, second).then(*both)
    assert ORDERS.fold([ACCEPTED, INTENDED, both[0]]).status is Status.PARTLY_FILLED
    assert ORDERS.fold([ACCEPTED, INTENDED, *both]).status is Status.FILLED


def test_a_remainder_that_will_not_be_filled_ends_the_order() -> None:
    part = filled("0.30", "0.20")
    assert ORDERS.fold([ACCEPTED, INTENDED, part]).status is Status.FILLED


def test_more_than_was_ordered_is_disputed() -> None:
    disputed = DealDisputed(
        **NAMES,
        deal_ticket=9,
        position_id=9,
        volume_lots=lots("0.01"),
        reason="more was filled than was ordered",
        dealt_at_us=T0_US + 1_000,
    )
    given(ORDERS, ACCEPTED, INTENDED, filled()).when(fill(ORDER, "0.01", ticket=9)).then(disputed)


@pytest.mark.parametrize("status", ["accepted", "denied", "expired"])
def test_a_deal_for_an_order_that_was_never_sent_is_disputed(status: str) -> None:
    pasts: dict[str, tuple[OrderEvent, ...]] = {
        "accepted": (ACCEPTED,),
        "denied": (denied("halted", "false", "true"),),
        "expired": (ACCEPTED, OrderExpired(**NAMES, expired_at_us=1)),
    }
    (event,) = ORDERS.decide(fill(ORDER), ORDERS.fold(pasts[status]))
    assert isinstance(event, DealDisputed)
    assert event.reason == f"the order is {status}: it was never sent"
    given(ORDERS, *pasts[status]).when(fill(ORDER), fill(ORDER)).then(event)


@pytest.mark.parametrize(
    "past",
    [(UNRESOLVED,), (REJECTED,), (UNRESOLVED, OrderNotExecuted(**NAMES, evidence="absent"))],
)
def test_what_the_venue_shows_counts_whatever_was_said_before(past: tuple[Event, ...]) -> None:
    given(ORDERS, ACCEPTED, INTENDED, *past).when(fill(ORDER)).then(filled())


def test_a_late_deal_leaves_what_all_deals_together_leave() -> None:
    """The gateway tells it alone, without the deal for which the order was settled before."""
    early, late = filled("0.20", left="0.30"), fill(ORDER, "0.10", left="0.40", ticket=8)
    told = replace(filled("0.10", ticket=8), volume_left_lots=lots("0.20"))
    given(ORDERS, ACCEPTED, INTENDED, early).when(late).then(told)


def test_evidence_settles_an_order_whose_answer_was_lost() -> None:
    absent = OrderNotExecuted(**NAMES, evidence="absent twice")
    given(ORDERS, ACCEPTED, INTENDED).when(UNKNOWN, ABSENT).then(UNRESOLVED, absent)
    given(ORDERS, ACCEPTED, INTENDED, UNRESOLVED).when(REJECT).then(REJECTED)


def test_the_venue_closes_what_was_filled_and_no_more() -> None:
    told = ORDERS.decide(closed(ORDER), ORDERS.fold([ACCEPTED, INTENDED, filled()]))[0]
    assert isinstance(told, PositionClosed)
    given(ORDERS, ACCEPTED, INTENDED, filled()).when(closed(ORDER), closed(ORDER)).then(told)
    more = closed(ORDER, "0.01", 9)
    (event,) = ORDERS.decide(more, ORDERS.fold([ACCEPTED, INTENDED, filled(), told]))
    assert isinstance(event, DealDisputed)


def test_an_order_that_nobody_requested_decides_nothing() -> None:
    given(ORDERS).when(intent(ORDER), fill(ORDER), closed(ORDER), REJECT, UNKNOWN, ABSENT).then()


def test_the_table_is_total() -> None:
    assert {(status, kind) for status, row in DECISIONS.items() for kind in row} == set(
        product(Status, COMMANDS)
    )


commands = st.one_of(
    st.builds(
        request,
        volume_lots=st.sampled_from([lots("0.50"), lots("0.20"), lots("9")]),
        halted=st.booleans(),
        closes_position=st.sampled_from([None, 7]),
    ),
    st.builds(
        intent,
        st.just(ORDER),
        attempt=st.integers(1, 4),
        at_us=st.sampled_from([T0_US, T0_US + 5_000_001]),
    ),
    st.builds(
        fill,
        st.just(ORDER),
        volume=st.sampled_from(["0.10", "0.20", "0.30", "0.50"]),
        left=st.sampled_from(["0", "0.20"]),
        ticket=st.integers(1, 5),
    ),
    st.builds(
        closed,
        st.just(ORDER),
        volume=st.sampled_from(["0.10", "0.50"]),
        ticket=st.integers(3, 9),
    ),
    st.sampled_from([REJECT, UNKNOWN, ABSENT]),
)


@generated(st.lists(commands, max_size=25))
def test_whatever_is_commanded(wishes: list[OrderCommand]) -> None:
    """Idempotent, along the table, and never more filled than ordered or closed than filled."""
    states = [ORDERS.initial]
    tickets: list[int] = []
    for wish in wishes:
        events = ORDERS.decide(wish, states[-1])
        for event in events:
            states.append(ORDERS.evolve(states[-1], event))
            if isinstance(event, OrderFilled | PositionClosed | DealDisputed):
                tickets.append(event.deal_ticket)
        assert ORDERS.decide(wish, states[-1]) == ()
    for before, after in pairwise(states):
        assert after.status == before.status or after.status in LIFE[before.status]
    assert states[-1].filled_lots <= states[-1].ordered_lots
    assert states[-1].closed_lots <= states[-1].filled_lots
    assert len(tickets) == len(set(tickets))
