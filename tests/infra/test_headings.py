"""Headers that are made from bytes are the headers of the messages, whoever wrote the cause."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from events.bars import BarClosed
from events.envelope import Message, caused_by, first_cause
from events.market import QuoteFault, QuoteQuarantined, TickReceived
from infra import headings, wire
from infra.origins import rfc3339_all
from infra.press import Press, Told
from tests.infra.counting import FixedIds
from tests.infra.market import tick

TEXT = st.text(min_size=1, max_size=20)
TIMES = st.integers(0, 4_000_000_000_000_000)
TICK = tick("EURUSD", 7)


@given(TEXT, TEXT, TIMES, TEXT, TEXT, st.booleans())
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
    made = headings.caused(dict(before), source="s/1", sequence="42.000", step=step, kind=BarClosed)
    assert made == wire.headers_of(after.envelope, "BarClosed")


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
