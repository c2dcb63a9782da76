"""A signal on several accounts: all of them, or none."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest
from msgspec.structs import asdict, replace

from commands.executions import (
    CompensateExecution,
    CompleteExecution,
    FlagExecution,
    OpenExecution,
)
from commands.order_life import ORDERS
from commands.orders import RequestOrder
from events.accounts import AccountHalted, AccountResumed
from events.envelope import Event
from events.execution import ExecutionCompensated, ExecutionOpened
from events.orders import (
    OrderAccepted,
    OrderExpired,
    OrderFilled,
    OrderNotExecuted,
    OrderRejected,
    OrderUnresolved,
    PositionClosed,
)
from events.values import Side, lots, price
from sagas import SAGAS
from sagas.order_execution import NEVER_US, ORDER_EXECUTION, Execution, evolve, next_commands
from tests.orders import SIGNAL_ID, T0_US, closed, fill, intent, limits, opened, reported, signal
from tests.spec import given

VOLUME = "0.25"
NAMES: dict[str, Any] = {"execution_id": SIGNAL_ID, "symbol": "EURUSD"}


def known(*accounts: str) -> tuple[Event, ...]:
    return tuple(fact(account) for account in accounts for fact in (opened, limits, reported))


def named(account: str, kind: str = "open") -> dict[str, Any]:
    return {**NAMES, "order_id": f"{SIGNAL_ID}/{account}/{kind}", "account": account}


def after(*events: Any) -> Execution:
    return reduce(evolve, events, Execution())


BORN = (*known("a", "b"), signal())
TERMS: dict[str, Any] = {
    **NAMES,
    "side": Side.BUY,
    "confidence": 0.75,
    "accounts": ("a", "b"),
    "volumes_lots": (lots(VOLUME), lots(VOLUME)),
    "left_out": (),
    "reasons": (),
}
OPENED = ExecutionOpened(**TERMS)


def requests(*past: Event) -> list[RequestOrder]:
    wishes = ORDER_EXECUTION.next(given(ORDER_EXECUTION, *past).state)
    return [wish for wish in wishes if isinstance(wish, RequestOrder)]


def accepted(wish: RequestOrder) -> OrderAccepted:
    (event,) = ORDERS.decide(wish, ORDERS.initial)
    assert isinstance(event, OrderAccepted)
    return event


def filled(account: str, kind: str = "open", volume: str = VOLUME, left: str = "0") -> OrderFilled:
    order = f"{SIGNAL_ID}/{account}/{kind}"
    ticket = 100 + ord(account)
    told = asdict(fill(order, volume, left, ticket))
    return OrderFilled(**{**told, **named(account, kind)}, side=Side.BUY)


def rejected(account: str, kind: str = "open") -> OrderRejected:
    return OrderRejected(**named(account, kind), retcode=10_019, detail="no money")


ACCEPTED = tuple(accepted(wish) for wish in requests(*BORN))
GOING = (*BORN, OPENED, *ACCEPTED)


def close_of(account: str, attempt: int = 1, volume: str = VOLUME) -> RequestOrder:
    wish = next(wish for wish in requests(*BORN) if wish.account == account)
    return replace(
        wish,
        order_id=f"{wish.order_id.rpartition('/')[0]}/close" + (f"-{attempt}" * (attempt > 1)),
        side=Side.SELL,
        volume_lots=lots(volume),
        price_reference=price("1.1001"),
        stop_loss=None,
        take_profit=None,
        closes_position=100 + ord(account),
        expires_at_us=NEVER_US,
    )


def test_a_signal_opens_the_execution_and_requests_every_leg_at_once() -> None:
    first, second = requests(*BORN)
    given(ORDER_EXECUTION, *BORN).then(OpenExecution(**TERMS), first, second)
    assert (first.account, second.account) == ("a", "b")
    assert first.order_id == f"{SIGNAL_ID}/a/open"
    assert (first.volume_lots, first.limits_version) == (lots(VOLUME), 1)
    assert (first.stop_loss, first.take_profit) == (price("1.09"), price("1.12"))
    assert first.expires_at_us == T0_US + 5_000_000
    given(ORDER_EXECUTION, *GOING).then()


def test_a_signal_to_sell_has_its_stop_above() -> None:
    wish = requests(*known("a"), signal(side=Side.SELL))[0]
    assert (wish.stop_loss, wish.take_profit) == (price("1.11"), price("1.08"))


def test_an_order_expires_with_the_signal_if_that_is_sooner() -> None:
    wish = requests(*known("a"), signal(expires_at_us=T0_US + 1))[0]
    assert wish.expires_at_us == T0_US + 1


def test_what_was_known_is_folded_in_the_order_it_became_known() -> None:
    halt = AccountHalted(account="a", reason="r")
    resume = AccountResumed(account="a", reason="r")
    assert [w.account for w in requests(*known("a", "b"), halt, signal())] == ["b"]
    assert len(requests(*known("a", "b"), halt, resume, signal())) == 2


def test_an_account_that_is_left_out_is_named_with_its_reason() -> None:
    past = (*known("a", "b"), AccountHalted(account="b", reason="r"), signal())
    opening = ORDER_EXECUTION.next(given(ORDER_EXECUTION, *past).state)[0]
    assert isinstance(opening, OpenExecution)
    assert (opening.accounts, opening.left_out, opening.reasons) == (("a",), ("b",), ("halted",))


def test_without_accounts_nothing_happens() -> None:
    given(ORDER_EXECUTION, signal()).then()


@pytest.mark.parametrize("changes", [{"confidence": 0.4}, {"price_reference": float("nan")}])
def test_when_every_account_is_left_out_the_execution_ends_at_once(changes: dict[str, Any]) -> None:
    past = (*known("a", "b"), signal(**changes))
    opening, end = ORDER_EXECUTION.next(given(ORDER_EXECUTION, *past).state)
    assert isinstance(opening, OpenExecution)
    assert opening.accounts == ()
    assert end == CompensateExecution(**NAMES, refused=("a", "b"), closed=())


def test_it_is_complete_when_every_leg_is_filled() -> None:
    given(ORDER_EXECUTION, *GOING, filled("a")).then()
    complete = CompleteExecution(**NAMES, accounts=("a", "b"))
    given(ORDER_EXECUTION, *GOING, filled("b"), filled("a")).then(complete)


def test_a_leg_that_is_filled_in_part_for_good_counts() -> None:
    part = filled("a", volume="0.10", left="0.15")
    complete = CompleteExecution(**NAMES, accounts=("a", "b"))
    given(ORDER_EXECUTION, *GOING, part, filled("b")).then(complete)


def test_a_leg_waits_for_all_its_deals() -> None:
    first, second = filled("a", volume="0.10"), filled("a", volume="0.15")
    given(ORDER_EXECUTION, *GOING, filled("b"), first).then()
    complete = CompleteExecution(**NAMES, accounts=("a", "b"))
    given(ORDER_EXECUTION, *GOING, filled("b"), first, second).then(complete)


@pytest.mark.parametrize(
    "refusal",
    [
        rejected("b"),
        OrderNotExecuted(**named("b"), evidence="absent"),
        OrderExpired(**named("b"), expired_at_us=1),
    ],
)
def test_a_refused_leg_closes_the_filled_ones(refusal: Event) -> None:
    given(ORDER_EXECUTION, *GOING, filled("a"), refusal).then(close_of("a"))
    given(ORDER_EXECUTION, *GOING, refusal, filled("a")).then(close_of("a"))


def test_a_closed_leg_ends_the_execution() -> None:
    past = (*GOING, filled("a"), rejected("b"), accepted(close_of("a")))
    given(ORDER_EXECUTION, *past).then()
    compensate = CompensateExecution(**NAMES, refused=("b",), closed=("a",))
    given(ORDER_EXECUTION, *past, filled("a", "close")).then(compensate)


def test_when_no_leg_was_filled_nothing_is_closed() -> None:
    compensate = CompensateExecution(**NAMES, refused=("a", "b"), closed=())
    given(ORDER_EXECUTION, *GOING, rejected("b"), rejected("a")).then(compensate)


def test_a_leg_whose_answer_was_lost_is_waited_for() -> None:
    lost = OrderUnresolved(**named("a"), detail="no answer")
    given(ORDER_EXECUTION, *GOING, lost, rejected("b")).then()
    given(ORDER_EXECUTION, *GOING, lost, rejected("b"), filled("a")).then(close_of("a"))


def test_a_leg_that_is_filled_after_its_own_refusal_is_closed_and_the_end_told_again() -> None:
    told = ExecutionCompensated(**NAMES, refused=("a", "b"), closed=())
    past = (*GOING, rejected("b"), rejected("a"), told)
    given(ORDER_EXECUTION, *past).then()
    given(ORDER_EXECUTION, *past, filled("a")).then(close_of("a"))
    again = CompensateExecution(**NAMES, refused=("b",), closed=("a",))
    closing = (accepted(close_of("a")), filled("a", "close"))
    given(ORDER_EXECUTION, *past, filled("a"), *closing).then(again)


def test_what_the_venue_closed_need_not_be_closed() -> None:
    past = (*GOING, filled("a"), rejected("b"))
    compensate = CompensateExecution(**NAMES, refused=("b",), closed=("a",))
    given(ORDER_EXECUTION, *past, stopped("a", "0.10")).then(close_of("a", volume="0.15"))
    given(ORDER_EXECUTION, *past, stopped("a", VOLUME)).then(compensate)


def test_a_failed_close_is_tried_anew_and_then_a_person_is_called() -> None:
    past: tuple[Event, ...] = (*GOING, filled("a"), rejected("b"))
    for attempt in (1, 2, 3):
        given(ORDER_EXECUTION, *past).then(close_of("a", attempt))
        kind = "close" + (f"-{attempt}" * (attempt > 1))
        past = (*past, accepted(close_of("a", attempt)), rejected("a", kind))
    given(ORDER_EXECUTION, *past).then(FlagExecution(**NAMES, exposed=("a",)))
    compensate = CompensateExecution(**NAMES, refused=("b",), closed=("a",))
    given(ORDER_EXECUTION, *past, stopped("a", VOLUME)).then(compensate)


def test_a_close_that_is_filled_in_part_is_followed_by_one_for_the_rest() -> None:
    past = (*GOING, filled("a"), rejected("b"), accepted(close_of("a")))
    part = filled("a", "close", "0.10", "0.15")
    given(ORDER_EXECUTION, *past, part).then(close_of("a", 2, "0.15"))


def test_events_belong_to_their_execution_and_accounts_to_all() -> None:
    assert ORDER_EXECUTION.correlate(signal()) == SIGNAL_ID
    assert ORDER_EXECUTION.correlate(filled("a")) == SIGNAL_ID
    assert ORDER_EXECUTION.correlate(opened("a")) is None
    assert SAGAS == (ORDER_EXECUTION,)


def test_it_is_done_when_its_end_has_been_told() -> None:
    past = (*GOING, rejected("b"), rejected("a"))
    told = ExecutionCompensated(**NAMES, refused=("a", "b"), closed=())
    assert not ORDER_EXECUTION.done(given(ORDER_EXECUTION, *past).state)
    assert ORDER_EXECUTION.done(given(ORDER_EXECUTION, *past, told).state)
    assert ORDER_EXECUTION.done(given(ORDER_EXECUTION, signal()).state)


def stopped(account: str, volume: str) -> PositionClosed:
    past = [accepted(requests(*BORN)[0])]
    order = ORDERS.fold([*past, *ORDERS.decide(intent("o"), ORDERS.fold(past))])
    order = ORDERS.evolve(order, filled("a"))
    (told,) = ORDERS.decide(closed(f"{SIGNAL_ID}/{account}/open", volume), order)
    assert isinstance(told, PositionClosed)
    return told


@pytest.mark.parametrize("field", ["stop_distance", "take_distance"])
@pytest.mark.parametrize("side", Side)
def test_nobody_follows_a_signal_whose_stop_or_target_is_no_price(field: str, side: Side) -> None:
    for distance in (1e300, -0.01) if (side is Side.BUY) is (field == "take_distance") else (1.1,):
        senseless = signal(side=side, **{field: distance})
        state = after(*known("a", "b"), senseless)
        assert state.left_out == (("a", field), ("b", field))
        assert not any(isinstance(c, RequestOrder) for c in next_commands(state))


def test_a_signal_may_want_no_stop() -> None:
    state = after(*known("a"), signal(stop_distance=0.0))
    (wish,) = (c for c in next_commands(state) if isinstance(c, RequestOrder))
    assert wish.stop_loss is None
