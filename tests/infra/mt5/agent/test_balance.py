"""Where orders and reads go: for any terminals and symbols, whatever comes in between."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from infra.mt5.agent.balance import Member, Seat, admitted, books, reader, seat

NAMES = ("a", "b", "c", "d")
SYMBOLS = ("EURUSD", "GBPUSD", "USDJPY", "XAUUSD", "AUDUSD")
NOW_S = 100.0
MEMBERS = st.lists(
    st.builds(Member, st.sampled_from(NAMES), st.booleans(), st.integers(0, 9)),
    max_size=4,
    unique_by=lambda member: member.name,
)
SEATS = st.dictionaries(
    st.sampled_from(SYMBOLS),
    st.builds(
        Seat, st.sampled_from(NAMES), st.booleans(), st.sampled_from([0.0, NOW_S - 1, NOW_S + 1])
    ),
)
SYMBOL, EVENLY = st.sampled_from(SYMBOLS), st.booleans()


@given(SYMBOL, SEATS, MEMBERS, EVENLY)
def test_a_seat_is_at_a_terminal_that_is_in(
    symbol: str, seats: dict[str, Seat], members: list[Member], evenly: bool
) -> None:
    chosen = seat(symbol, seats, members, NOW_S, evenly)
    assert chosen is None or chosen.member in admitted(members)


@given(SYMBOL, SEATS, MEMBERS, EVENLY)
def test_a_symbol_does_not_move_while_a_send_may_be_under_way(
    symbol: str, seats: dict[str, Seat], members: list[Member], evenly: bool
) -> None:
    taken = seats.get(symbol)
    if taken is not None and (taken.busy or taken.held_until_s > NOW_S):
        assert seat(symbol, seats, members, NOW_S, evenly) in (taken, None)


@given(SYMBOL, SEATS, MEMBERS, EVENLY)
def test_whoever_may_move_finds_a_seat_and_then_keeps_it(
    symbol: str, seats: dict[str, Seat], members: list[Member], evenly: bool
) -> None:
    idle = {name: replace(each, busy=False, held_until_s=0.0) for name, each in seats.items()}
    chosen = seat(symbol, idle, members, NOW_S, evenly)
    assert (chosen is None) == (not admitted(members))
    if chosen is not None:
        assert seat(symbol, {**idle, symbol: chosen}, members, NOW_S, evenly) == chosen
        taken = idle.get(symbol)
        if not evenly and taken is not None and taken.member in admitted(members):
            assert chosen == taken


@given(SYMBOL, SEATS, MEMBERS)
def test_books_are_read_where_a_lost_order_may_still_be_carried_out(
    symbol: str, seats: dict[str, Seat], members: list[Member]
) -> None:
    chosen = books(symbol, seats, members, NOW_S)
    assert chosen is None or chosen in admitted(members)
    held = {each.member for each in seats.values() if each.held_until_s > NOW_S}
    if held:
        assert chosen is None or {chosen} == held
    elif (taken := seats.get(symbol)) and taken.member in admitted(members):
        assert chosen == taken.member


@given(SEATS, MEMBERS)
def test_orders_spread_evenly_and_then_stay(seats: dict[str, Seat], members: list[Member]) -> None:
    names = admitted(members)
    idle = {name: replace(each, busy=False, held_until_s=0.0) for name, each in seats.items()}
    for _ in range(3):
        before = dict(idle)
        for symbol in SYMBOLS:
            if (chosen := seat(symbol, idle, members, NOW_S, evenly=True)) is not None:
                idle[symbol] = chosen
    if names:
        counts = [sum(each.member == name for each in idle.values()) for name in names]
        assert max(counts) - min(counts) <= 1
        assert idle == before, "what is even moves no more"


@given(MEMBERS, SEATS)
def test_a_read_goes_to_the_shortest_queue(members: list[Member], seats: dict[str, Seat]) -> None:
    chosen = reader(members, seats)
    queues = {member.name: member.in_flight for member in members if member.admitted}
    assert (chosen is None) == (not queues)
    if chosen is not None:
        assert queues[chosen] == min(queues.values())


def test_of_equal_queues_the_one_with_fewer_orders_reads() -> None:
    members = [Member("a", True), Member("b", True)]
    assert reader(members, {"EURUSD": Seat("a")}) == "b"
    assert reader(members, {"EURUSD": Seat("b")}) == "a"
