"""Bad quotes are refused with the reason; history that is read late is not bad."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from events.market import QuoteFault, QuoteQuarantined, TickReceived
from infra.feed import quotes
from infra.feed.quote_judge import Judge, Said
from infra.feed.quotes import Heard, Quote, fault_of

NOW_US = 1_700_000_000_000_000
GOOD = Quote("EURUSD", NOW_US, 1.1, 1.1002, 1.0, 2.0, 6)
NEVER = Heard()


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({}, None),
        ({"bid": 1.1002}, None),
        ({"bid": 1.2}, QuoteFault.CROSSED),
        ({"bid": 0.0}, QuoteFault.NOT_POSITIVE),
        ({"bid": -1.1, "ask": -1.0}, QuoteFault.NOT_POSITIVE),
        ({"ask_volume": -1.0}, QuoteFault.NOT_POSITIVE),
        ({"ask": math.nan}, QuoteFault.NOT_A_NUMBER),
        ({"ask": math.inf}, QuoteFault.NOT_A_NUMBER),
        ({"bid_volume": math.nan}, QuoteFault.NOT_A_NUMBER),
        ({"at_us": NOW_US + quotes.FUTURE_US_MAX}, None),
        ({"at_us": NOW_US + quotes.FUTURE_US_MAX + 1}, QuoteFault.FROM_THE_FUTURE),
        ({"at_us": 1}, None),
        ({"bid_volume": None, "ask_volume": None}, None),
        ({"bid_volume": 0.0}, None),
    ],
)
def test_a_quote_is_judged_by_itself(changed: dict[str, float], fault: QuoteFault | None) -> None:
    assert fault_of(replace(GOOD, **changed), NEVER, NOW_US) is fault


def test_a_quote_older_than_what_its_symbol_said_is_stale_and_a_little_older_is_late() -> None:
    heard = NEVER.also(GOOD)
    late = replace(GOOD, at_us=NOW_US - quotes.BEHIND_US_MAX)
    stale = replace(GOOD, at_us=NOW_US - quotes.BEHIND_US_MAX - 1)
    assert fault_of(late, heard, NOW_US) is None
    assert fault_of(stale, heard, NOW_US) is QuoteFault.STALE
    assert fault_of(stale, heard.also(late), NOW_US) is QuoteFault.STALE


def test_a_repeat_is_a_duplicate_only_of_the_quote_before() -> None:
    other = replace(GOOD, bid=1.1001)
    assert fault_of(GOOD, NEVER.also(GOOD), NOW_US) is QuoteFault.DUPLICATE
    assert fault_of(GOOD, NEVER.also(GOOD).also(other), NOW_US) is None


@given(
    st.lists(
        st.builds(
            Quote,
            st.sampled_from(["EURUSD", "XAUUSD"]),
            st.integers(NOW_US - 10**9, NOW_US + 10**9),
            st.floats(),
            st.floats(),
        )
    )
)
def test_everything_said_becomes_one_event_and_ticks_are_sound(said: list[Quote]) -> None:
    judge = Judge("test")
    events = [
        judge.event(Said(quote.symbol, number, "raw", quote), NOW_US)
        for number, quote in enumerate(said, 1)
    ]
    ticks = [event for event in events if isinstance(event, TickReceived)]
    refused = [event for event in events if isinstance(event, QuoteQuarantined)]
    assert len(ticks) + len(refused) == len(said)
    assert all(0 < tick.bid <= tick.ask < math.inf for tick in ticks)
    assert all(tick.ts_source_us <= NOW_US + quotes.FUTURE_US_MAX for tick in ticks)


def test_what_cannot_be_read_is_refused_as_it_came() -> None:
    event = Judge("test").event(Said("EURUSD", 1, "12,abc", None), NOW_US)
    assert event == QuoteQuarantined(
        symbol="EURUSD",
        source="test",
        reason=QuoteFault.UNREADABLE,
        ts_received_us=NOW_US,
        raw="12,abc",
    )
