"""One contract, two ledgers: what a gateway has committed is there, and who comes second loses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from commands.accounts import (
    RecordExternalDeal,
)
from commands.orders import RecordFill, RecordNotExecuted, RecordPositionClosed, RecordReject
from events.envelope import Message
from events.orders import (
    OrderAccepted,
    OrderFilled,
    OrderNotExecuted,
    OrderRejected,
    PositionClosed,
    magic_of,
)
from events.values import Side, lots, money, price
from infra.mt5.gateway.health import Identity
from infra.mt5.gateway.ledger import Entry, Ledger
from infra.store.event_store import EventStore
from infra.store.offsets import Advance, Superseded
from tests.infra.mt5.desk import ACCOUNT, message, order

NOW_US = 1_700_000_000_000_000
IDENTITY = Identity(90001, "Venue")
Accept = Callable[..., Message[OrderAccepted]]


@pytest.fixture
def accept(books: tuple[Ledger, EventStore]) -> Accept:
    """Put an accepted order into its stream, as the decider did before the gateway reads of it."""

    def accepted(**fields: Any) -> Message[OrderAccepted]:
        each = message(order(**fields))
        books[1].append(f"orders:{each.event.order_id}", 0, [each])
        return each

    return accepted


def step(old: int, new: int) -> tuple[Advance, ...]:
    return (Advance("order-events", 0, old, new),)


def fill(order_id: str, ticket: int = 5, position_id: int = 9) -> RecordFill:
    return RecordFill(
        order_id=order_id,
        volume_lots=lots("0.10"),
        volume_left_lots=lots("0"),
        price=price("1.1"),
        commission=money("-0.35"),
        profit=money("0"),
        deal_ticket=ticket,
        position_id=position_id,
        dealt_at_us=NOW_US,
    )


def test_an_intent_is_unsettled_until_it_has_an_outcome(ledger: Ledger, accept: Accept) -> None:
    accepted = accept()
    assert ledger.intend(accepted, NOW_US, step(0, 1))
    assert ledger.unsettled() == (Entry(accepted, True, NOW_US),)
    events = ledger.settle(accepted, (fill(accepted.event.order_id),))
    assert [type(event) for event in events] == [OrderFilled]
    assert ledger.unsettled() == ()


def test_an_order_is_intended_once(ledger: Ledger, accept: Accept) -> None:
    accepted = accept()
    assert ledger.intend(accepted, NOW_US)
    assert not ledger.intend(accepted, NOW_US)
    assert not ledger.intend(accepted, NOW_US + 1)


def test_an_order_that_comes_too_late_is_settled_without_an_intent(
    ledger: Ledger, accept: Accept
) -> None:
    late = accept(expires_at_us=NOW_US)
    assert not ledger.intend(late, NOW_US + 1)
    assert ledger.unsettled() == ()


def test_a_second_gateway_of_the_account_loses_and_writes_nothing(
    ledger: Ledger, accept: Accept
) -> None:
    ledger.pass_over(step(0, 3))
    accepted = accept()
    with pytest.raises(Superseded):
        ledger.intend(accepted, NOW_US, step(2, 4))
    assert ledger.unsettled() == ()
    assert ledger.intend(accepted, NOW_US, step(3, 4))


def test_orders_wait_in_the_order_of_their_coming(ledger: Ledger, accept: Accept) -> None:
    first, second, third = (accept(order_id=f"x/{ACCOUNT}/{n}") for n in range(3))
    ledger.wait([first], step(0, 1))
    assert ledger.intend(second, NOW_US, step(1, 3), [third])
    assert ledger.unsettled() == (
        Entry(first, False),
        Entry(second, True, NOW_US),
        Entry(third, False),
    )
    assert ledger.intend(first, NOW_US)
    assert ledger.unsettled()[0] == Entry(first, True, NOW_US)


def test_what_was_sent_or_settled_does_not_wait_again(ledger: Ledger, accept: Accept) -> None:
    accepted = accept()
    ledger.intend(accepted, NOW_US)
    ledger.wait([accepted], ())
    assert ledger.unsettled() == (Entry(accepted, True, NOW_US),)
    ledger.settle(accepted, RecordReject(order_id=accepted.event.order_id, retcode=1, detail=""))
    ledger.wait([accepted], ())
    assert ledger.unsettled() == ()


def test_a_further_attempt_needs_the_one_before_and_an_open_order(
    ledger: Ledger, accept: Accept
) -> None:
    accepted = accept()
    assert not ledger.attempt(accepted, 2, NOW_US)
    ledger.intend(accepted, NOW_US)
    assert ledger.attempt(accepted, 2, NOW_US)
    assert not ledger.attempt(accepted, 2, NOW_US)
    ledger.settle(accepted, RecordReject(order_id=accepted.event.order_id, retcode=1, detail=""))
    assert not ledger.attempt(accepted, 3, NOW_US)


def test_the_venue_s_ticket_is_kept_while_the_order_is_unresolved(
    ledger: Ledger, accept: Accept
) -> None:
    accepted = accept()
    ledger.intend(accepted, NOW_US)
    entry = Entry(accepted, True, NOW_US, venue_order=77)
    ledger.unresolved(entry, "no deal yet")
    ledger.unresolved(entry, "no deal yet")
    assert ledger.unsettled() == (entry,)


@pytest.mark.parametrize(
    ("outcome", "event"),
    [
        (RecordReject(order_id="x", retcode=10006, detail="no"), OrderRejected),
        (RecordNotExecuted(order_id="x", evidence="nowhere"), OrderNotExecuted),
    ],
)
def test_an_order_that_was_not_dealt_says_why(
    ledger: Ledger, accept: Accept, outcome: Any, event: type
) -> None:
    accepted = accept()
    ledger.intend(accepted, NOW_US)
    told = ledger.settle(accepted, replace(outcome, order_id=accepted.event.order_id))
    assert [type(each) for each in told] == [event]


def test_orders_are_found_by_magic_and_by_the_position_they_opened(
    ledger: Ledger, accept: Accept
) -> None:
    accepted = accept()
    order_id = accepted.event.order_id
    assert ledger.by_magic(magic_of(order_id)) is None
    ledger.intend(accepted, NOW_US)
    assert (owner := ledger.by_magic(magic_of(order_id))) is not None
    assert (owner.order, owner.settled) == (accepted, False)
    ledger.settle(accepted, (fill(order_id, position_id=9),))
    assert (owner := ledger.by_position(9)) is not None
    assert (owner.order, owner.settled) == (accepted, True)
    assert ledger.by_position(10) is None
    assert ledger.by_magic((1 << 64) - 1) is None


def test_a_close_does_not_own_the_position_it_closes(ledger: Ledger, accept: Accept) -> None:
    closing = accept(closes_position=9, side=Side.SELL)
    ledger.intend(closing, NOW_US)
    ledger.settle(closing, (fill(closing.event.order_id, position_id=9),))
    assert ledger.by_position(9) is None


def test_every_deal_that_was_accounted_for_is_explained(ledger: Ledger, accept: Accept) -> None:
    ledger.open(IDENTITY, "USD", NOW_US)
    accepted = accept()
    order_id = accepted.event.order_id
    ledger.intend(accepted, NOW_US)
    ledger.settle(accepted, (fill(order_id, ticket=5),))
    closing = RecordPositionClosed(
        order_id=order_id,
        position_id=9,
        deal_ticket=6,
        side=Side.SELL,
        volume_lots=lots("0.10"),
        price=price("1.1"),
        commission=money("0"),
        swap=money("0"),
        profit=money("1"),
        reason="stop_loss",
        dealt_at_us=NOW_US + 1,
    )
    assert [type(event) for event in ledger.closed(accepted, closing)] == [PositionClosed]
    ledger.external(
        RecordExternalDeal(
            account=ACCOUNT,
            deal_ticket=7,
            position_id=1,
            symbol="EURUSD",
            volume_lots=lots("1"),
            profit=money("0"),
            magic=0,
            dealt_at_us=NOW_US + 2,
        )
    )
    assert ledger.explained_since(0) == {5, 6, 7}
    assert ledger.explained_since(NOW_US + 1) == {6, 7}
