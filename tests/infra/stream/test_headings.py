"""Headers that are made from bytes are the headers of the messages, whoever wrote the cause."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.accounts import AccountHalted
from events.envelope import Event, Message, caused_by, first_cause
from events.market import QuoteFault, QuoteQuarantined, TickReceived
from infra.feed.press import Press, Told
from infra.stream import headings, wire
from infra.stream.consequences import Caused, Foreign, caused_all, causes_of
from infra.stream.origins import rfc3339_all
from infra.stream.wire import Headers
from tests.infra.counting import FixedIds
from tests.infra.market import tick

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
SEQUENCES = st.text("0123456789.", min_size=1, max_size=20)
TIMES = st.integers(0, 4_000_000_000_000_000)
TICK = tick("EURUSD", 7)
HALT = AccountHalted(account="a", reason="x")


@given(TEXT, SEQUENCES, TIMES, TEXT, TEXT, st.booleans())
def test_of_a_consequence(
    source: str, sequence: str, time_us: int, step: str, actor: str, foreign: bool
) -> None:
    cause = first_cause(
        TICK, source=source, sequence=sequence, key="EURUSD", time_us=time_us, actor=actor
    )
    before = wire.headers_of(cause.envelope, "TickReceived")
    if foreign:
        before = [(n, v[:-1] + b"+00:00" if n == "ce_time" else v) for n, v in before]
    after = caused_by(cause, TICK, source="s/1", sequence="42.000", key="EURUSD", step=step)
    made = headings.caused(dict(before), TICK, "s/1", "42.000", step)
    assert made == wire.headers_of(after.envelope, "TickReceived")
    if not foreign:
        assert together([before], [Caused(0, TICK, "42.000", step)]) == [made]


@given(st.lists(st.tuples(TEXT, TIMES, st.lists(st.sampled_from((TICK, HALT))), st.booleans())))
def test_of_many_consequences_at_once(many: list[tuple[str, int, list[Event], bool]]) -> None:
    headers, caused = [], []
    for number, (text, time_us, events, is_second) in enumerate(many):
        cause = first_cause(TICK, source=text, sequence="1", key=text, time_us=time_us, actor=text)
        if is_second:
            cause = caused_by(cause, TICK, source="s", sequence="2", key=text, step=text)
        headers.append(wire.headers_of(cause.envelope, "TickReceived"))
        caused += [
            Caused(number, event, f"{n}.000", f"{text}.{n}") for n, event in enumerate(events)
        ]
    if caused:
        assert together(headers, caused) == one_by_one(headers, caused)


@pytest.mark.parametrize("place", range(12))
@pytest.mark.parametrize("value", [b"", b"x" * 36, b"y-" * 18, None])
def test_of_causes_that_are_not_as_ours(place: int, value: bytes | None) -> None:
    """Together they are either as one by one, or not made at all."""
    cause = first_cause(TICK, source="s", sequence="1", key="k", time_us=1)
    after = caused_by(cause, TICK, source="s", sequence="2", key="k", step="a")
    usual: list[tuple[str, Any]] = list(wire.headers_of(after.envelope, "TickReceived"))
    name = usual[place][0]
    replaced: list[tuple[str, Any]] = [(n, value if n == name else v) for n, v in usual]
    for odd in (replaced, [*usual, (name, value)], usual[:place] + usual[place + 1 :], []):
        caused = [Caused(n, TICK, "1.000", "a.0") for n in (0, 1)]
        try:
            made = together([usual, odd], caused)
        except Foreign:
            continue
        assert made == one_by_one([usual, odd], caused)


def together(headers: list[Headers], caused: list[Caused]) -> list[Headers]:
    return caused_all("s/1", causes_of(headers), caused)


def one_by_one(headers: list[Headers], caused: list[Caused]) -> list[Headers]:
    return [
        headings.caused(dict(headers[one.cause]), one.event, "s/1", one.sequence, one.step)
        for one in caused
    ]


@given(st.lists(st.integers(-62_000_000_000_000_000, 250_000_000_000_000_000), min_size=1))
def test_times_as_text_many_at_once(times_us: list[int]) -> None:
    assert rfc3339_all(times_us) == [wire.rfc3339_bytes(each) for each in times_us]


@given(TEXT, st.integers(1, 10**15), TIMES)
def test_of_what_has_no_cause(source: str, seq: int, time_us: int) -> None:
    ids = FixedIds()
    press = Press(ids)
    quote = TickReceived(
        symbol="XAUUSD",
        source=source,
        source_seq=seq,
        ts_source_us=time_us,
        ts_received_us=time_us + 1,
        bid=1.0,
        ask=2.0,
    )
    refusal = QuoteQuarantined(
        symbol="XAUUSD", source=source, reason=QuoteFault.STALE, ts_received_us=time_us, raw="x"
    )
    numbered: list[tuple[Told, int]] = [(quote, seq), (refusal, seq + 1), (quote, seq + 2)]
    wanted = []
    for event, number in numbered:
        message: Message[Told] = first_cause(
            event, source=source, sequence=f"{number:016d}", key="XAUUSD", time_us=time_us
        )
        wanted.append(wire.write(message, ids))
    assert list(press.records(numbered)) == wanted
