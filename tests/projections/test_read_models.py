"""What each read model shows of a decision that went well."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest

from events.accounts import (
    BreakerClosed,
    BreakerHalfOpened,
    BreakerOpened,
    TerminalHealthChanged,
)
from events.envelope import Event, Message
from projections import (
    accounts,
    audit,
    bars,
    executions,
    orders,
    positions,
    predictions,
    signals,
    ticks,
)
from projections.projection import Projection
from schemas.catalog import topic_of
from tests.projections import books, story
from tests.projections.books import ACCOUNTS
from tests.spec import given

TOLD = story.told()
ID = next(m.event.signal_id for m in TOLD if type(m.event).__name__ == "SignalRaised")


def test_the_latest_tick_of_each_symbol_is_shown(postgres: str) -> None:
    gold = story.placed([story.tick("XAUUSD", 7, story.T0_US)])
    given(
        ticks.PROJECTION, *[m for m in TOLD if ticks.PROJECTION.wants(type(m.event))], *gold
    ).then(
        postgres,
        "select symbol, source_seq, bid from ticks order by symbol",
        ("EURUSD", 20, 1.1 + 20 / 100_000),
        ("XAUUSD", 7, 1.1 + 7 / 100_000),
    )


def test_bars_predictions_and_signals_are_kept(postgres: str) -> None:
    given(bars.PROJECTION, *_of(bars.PROJECTION)).then(
        postgres, "select symbol, timeframe_s, tick_count from bars", ("EURUSD", 60, 19)
    )
    given(predictions.PROJECTION, *_of(predictions.PROJECTION)).then(
        postgres, "select probability_up, model_digest from predictions", (0.61, story.DIGEST)
    )
    given(signals.PROJECTION, *_of(signals.PROJECTION)).then(
        postgres, "select signal_id, outcome, side from signals", (ID, "raised", "buy")
    )


def test_an_order_shows_its_fill(postgres: str) -> None:
    given(orders.PROJECTION, *_of(orders.PROJECTION)).then(
        postgres,
        "select account, state, filled_lots, left_lots, price, commission from orders order by 1",
        *[
            (a, "filled", _d("0.1000"), _d("0.0000"), _d("1.15060000"), _d("-0.5000"))
            for a in ACCOUNTS
        ],
    )


def test_a_position_is_the_sum_of_its_deals(postgres: str) -> None:
    given(positions.PROJECTION, *_of(positions.PROJECTION)).then(
        postgres,
        "select account, state, open_lots, commission, swap, profit, last_closed_by"
        " from positions order by account",
        (
            "90001",
            "closed",
            _d("0.0000"),
            _d("-1.0000"),
            _d("-0.1000"),
            _d("10.0000"),
            "take_profit",
        ),
        ("90002", "open", _d("0.1000"), _d("-0.5000"), _d("0.0000"), _d("0.0000"), None),
        ("90003", "open", _d("0.1000"), _d("-0.5000"), _d("0.0000"), _d("0.0000"), None),
    )


def test_a_position_does_not_depend_on_which_deal_came_first(postgres: str) -> None:
    given(positions.PROJECTION, *reversed(_of(positions.PROJECTION))).then(
        postgres,
        "select account, state, open_lots, profit from positions where account = '90001'",
        ("90001", "closed", _d("0.0000"), _d("10.0000")),
    )


def test_an_execution_shows_its_legs(postgres: str) -> None:
    given(executions.PROJECTION, *_of(executions.PROJECTION)).then(
        postgres,
        "select execution_id, state, jsonb_array_length(legs::jsonb), legs->0->>'state',"
        " legs->0->>'filled_lots', legs->0->>'closed_lots', legs->0->>'profit' from executions",
        (ID, "completed", 3, "filled", "0.1000", "0.1000", "10.0000"),
    )


def test_an_execution_does_not_depend_on_which_topic_came_first(postgres: str) -> None:
    messages = _of(executions.PROJECTION)
    by_topic = sorted(messages, key=lambda m: topic_of(type(m.event)).name, reverse=True)
    given(executions.PROJECTION, *by_topic).then(
        postgres,
        "select state, legs->2->>'state', legs->2->>'volume_lots' from executions",
        ("completed", "filled", "0.1000"),
    )


def test_a_leg_that_had_to_be_closed_shows_the_last_attempt(postgres: str) -> None:
    told = tuple(story.compensated())
    given(executions.PROJECTION, *_of(executions.PROJECTION, told)).then(
        postgres,
        "select state, jsonb_array_length(legs::jsonb), legs->0->>'close_order_id',"
        " legs->0->>'close_state', legs->0->>'filled_lots', legs->0->>'closed_lots'"
        " from executions",
        ("compensated", 3, f"{ID}/90001/close-2", "filled", "0.1000", "0.1000"),
    )
    given(positions.PROJECTION, *_of(positions.PROJECTION, told)).then(
        postgres,
        "select account, state, open_lots, last_closed_by from positions where account = '90001'",
        ("90001", "closed", _d("0.0000"), "order"),
    )


def test_an_account_shows_its_books_and_the_limits_in_force(postgres: str) -> None:
    given(accounts.PROJECTION, *_of(accounts.PROJECTION)).then(
        postgres,
        "select account, state, equity, limits_version, symbols, external_deals from accounts"
        " where account = '90002'",
        ("90002", "trading", _d("100001.5000"), 1, ["EURUSD", "XAUUSD"], 0),
    )


@pytest.mark.parametrize(
    ("turns", "shown"),
    [
        ((BreakerOpened(account="90001", reason="r"),), "open"),
        (
            (BreakerOpened(account="90001", reason="r"), BreakerHalfOpened(account="90001")),
            "half_open",
        ),
        ((BreakerOpened(account="90001", reason="r"), BreakerClosed(account="90001")), "closed"),
    ],
)
def test_an_account_shows_its_breaker(postgres: str, turns: tuple[Event, ...], shown: str) -> None:
    given(accounts.PROJECTION, *story.placed([*books.accounts(), *books.told(turns, 100)])).then(
        postgres,
        "select account, breaker, reason from accounts order by account",
        ("90001", shown, None),
        ("90002", "closed", None),
        ("90003", "closed", None),
    )


def test_an_account_shows_its_terminals_health_part_by_part(postgres: str) -> None:
    away = TerminalHealthChanged(
        account="90001",
        connected=True,
        broker_connected=False,
        authorised=False,
        synchronised=False,
        trading_allowed=False,
        detail="not connected to its broker",
    )
    given(accounts.PROJECTION, *story.placed([*books.accounts(), *books.told((away,), 100)])).then(
        postgres,
        "select account, connected, broker_connected, trading_allowed, health_detail "
        "from accounts where account < '90003' order by account",
        ("90001", True, False, False, "not connected to its broker"),
        ("90002", None, None, None, None),
    )


def test_the_audit_holds_every_message_but_ticks(postgres: str) -> None:
    kept = [m for m in TOLD if type(m.event).__name__ != "TickReceived"]
    given(audit.PROJECTION, *_of(audit.PROJECTION)).then(
        postgres, "select count(*), count(distinct message_id) from audit", (len(kept), len(kept))
    )


def _of(projection: Projection, told: Iterable[Message[Any]] = TOLD) -> list[Message[Any]]:
    return [m for m in told if projection.wants(type(m.event))]


def _d(text: str) -> Decimal:
    return Decimal(text)
