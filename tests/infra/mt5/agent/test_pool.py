"""Several terminals as one: who gets which call, what happens when one is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any
from unittest.mock import patch

import pytest

from infra.mt5 import arguments
from infra.mt5 import constants as mt5
from infra.mt5.agent.balance import Seat
from infra.mt5.agent.pooled import PoolLink
from infra.mt5.link import CallError, LinkLostError
from infra.mt5.tuples import TradeRequest
from tests.infra.mt5.agent.crowd import DEADLINE_S, LIMIT_S, Agents


@pytest.fixture
def agents() -> Iterator[Agents]:
    made = Agents("a", "b")
    yield made
    made.go_on.set()
    made.pool.close()


def request(symbol: str) -> TradeRequest:
    return arguments.request({"action": 1, "symbol": symbol, "volume": 0.1}, {})


def send(link: PoolLink, symbol: str) -> Any:
    return link.call("order_send", request(symbol))


def until(holds: Callable[[], bool]) -> None:
    until_s = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.02)


def test_orders_of_a_symbol_stay_and_symbols_spread(agents: Agents) -> None:
    link = agents.link()
    seats = {symbol: send(link, symbol) for symbol in ("EURUSD", "GBPUSD", "USDJPY", "XAUUSD")}
    assert sorted(seats.values()) == ["a", "a", "b", "b"]
    assert {symbol: send(link, symbol) for symbol in seats} == seats
    other = agents.link()
    assert {symbol: send(other, symbol) for symbol in seats} == seats


def test_what_was_sent_is_read_where_it_was_sent(agents: Agents) -> None:
    link = agents.link()
    for symbol in ("EURUSD", "GBPUSD"):
        at = send(link, symbol)
        assert {link.call(f) for f in ("positions_get", "account_info", "orders_get")} == {at}


def test_a_read_goes_round_a_terminal_that_is_at_work(agents: Agents) -> None:
    link, reader = agents.link(), agents.link()
    agents.hold_at = "order_send"
    sending = Thread(target=send, args=(link, "EURUSD"))
    sending.start()
    assert agents.held.wait(LIMIT_S)
    busy = agents.where("order_send")[0]
    assert {reader.call("symbol_info", "EURUSD") for _ in range(5)} == {"a", "b"} - {busy}
    agents.go_on.set()
    sending.join()


def test_a_second_order_of_a_symbol_is_not_sent_beside_the_first(agents: Agents) -> None:
    link, other = agents.link(), agents.link()
    agents.hold_at = "order_send"
    sending = Thread(target=send, args=(link, "EURUSD"))
    sending.start()
    assert agents.held.wait(LIMIT_S)
    with pytest.raises(CallError) as refused:
        send(other, "EURUSD")
    assert refused.value.code == mt5.RES_E_INVALID_PARAMS, "which says that nothing was sent"
    assert len(agents.where("order_send")) == 1
    agents.go_on.set()
    sending.join()
    assert send(other, "EURUSD")


def test_a_symbol_moves_from_a_lost_terminal_only_when_its_send_cannot_be_done_any_more(
    agents: Agents,
) -> None:
    link, other = agents.link(), agents.link()
    first, idle = send(link, "EURUSD"), send(other, "GBPUSD")
    assert first != idle
    third = send(other, "USDJPY")
    agents.breaks[first] = "order_send"
    agents.silent.add(first)
    lost_s = time.monotonic()
    with pytest.raises(LinkLostError):
        send(link, "EURUSD")
    with pytest.raises(CallError):  # a book that is read elsewhere now would prove nothing
        link.call("positions_get")
    with pytest.raises(CallError):
        other.call("history_deals_between", 0, 1)
    assert send(other, "USDJPY" if third == first else "GBPUSD") == idle, "nothing was in flight"
    until(lambda: _goes(lambda: link.call("positions_get")))
    assert time.monotonic() - lost_s >= DEADLINE_S
    assert send(link, "EURUSD") == idle


def test_a_lost_send_is_held_from_when_it_went_out(agents: Agents) -> None:
    """A link made on the way takes its time, and the deadline counts from after that."""
    link, made = agents.link(), agents.pool.sending

    @contextmanager
    def lost_on_the_way(symbol: str) -> Iterator[Any]:
        with made(symbol) as going:
            agents.pool.lost(going.name, agents.pool.life(going.name), "replaced")
            yield going

    first = send(link, "EURUSD")
    agents.breaks[first] = "order_send"
    with patch.object(agents.pool, "sending", lost_on_the_way), pytest.raises(LinkLostError):
        send(link, "EURUSD")
    hold_s = agents.pool._hold_s
    went_s, held_until_s = agents.asked_s, agents.pool._seats["EURUSD"].held_until_s
    assert agents.logins[-1] == first, "the link was made anew"
    assert held_until_s - hold_s > agents.linked_s
    assert held_until_s <= went_s + hold_s


def test_a_lost_send_holds_its_symbol_whatever_is_answered_to_the_next_one(agents: Agents) -> None:
    """The terminal came back, refused the next order unread, and went away again."""
    link = agents.link()
    first = send(link, "EURUSD")
    agents.breaks[first] = "order_send"
    with pytest.raises(LinkLostError):
        send(link, "EURUSD")
    lost_s = time.monotonic()
    agents.pool._hold_s, agents.pool._seats["EURUSD"] = 60.0, Seat(first, held_until_s=lost_s + 60)
    until(lambda: first in agents.pool.admitted)
    with pytest.raises(CallError), agents.pool.sending("EURUSD"):
        raise CallError(mt5.RES_E_INTERNAL_FAIL_SEND, "32 calls wait already")
    with agents.pool.sending("EURUSD"):
        pass
    agents.pool.lost(first, agents.pool.life(first), "gone again")
    with pytest.raises(CallError):
        agents.pool.seat_of("EURUSD", evenly=True)


def test_a_send_that_fails_in_an_unknown_way_holds_its_symbol(agents: Agents) -> None:
    link = agents.link()
    at = send(link, "EURUSD")
    with pytest.raises(ZeroDivisionError), agents.pool.sending("EURUSD"):
        raise ZeroDivisionError
    agents.silent.add(at)
    agents.pool.lost(at, agents.pool.life(at), "gone")
    with pytest.raises(CallError):
        agents.pool.seat_of("EURUSD", evenly=True)


def test_a_silent_terminal_is_out_until_it_answers_again(agents: Agents) -> None:
    link = agents.link()
    agents.silent.add("a")
    until(lambda: {link.call("symbols_total") for _ in range(4)} == {"b"} and _is_out(agents, "a"))
    agents.silent.clear()
    until(lambda: not _is_out(agents, "a"))


def test_without_a_terminal_every_call_fails_and_says_why(agents: Agents) -> None:
    link = agents.link()
    agents.breaks = dict.fromkeys("ab", "symbols_total")
    for _ in range(2):
        with pytest.raises(LinkLostError):
            link.call("symbols_total")
    with pytest.raises(CallError) as refused:
        link.call("symbols_total")
    assert refused.value.code == mt5.RES_E_INTERNAL_FAIL_CONNECT
    assert "none of the account's terminals answers" in refused.value.text


def test_a_terminal_that_is_withdrawn_gets_nothing_new(agents: Agents) -> None:
    link = agents.link()
    seats = [send(link, symbol) for symbol in ("EURUSD", "GBPUSD")]
    agents.listed.remove(seats[0])
    until(lambda: send(link, "EURUSD") == seats[1])
    assert {link.call("symbols_get") for _ in range(4)} == {seats[1]}
    until(lambda: agents.let_go == [seats[0]])
    assert link.call("symbol_select", "EURUSD", True)
    agents.listed.append(seats[0])
    until(lambda: link.call("symbols_get") == seats[0])
    assert agents.logins.count(seats[0]) == 2, "what was linked before is void"


def test_a_look_that_fails_is_not_the_last(agents: Agents) -> None:
    listed, failed = agents.listed, Event()

    def fail() -> list[str]:
        failed.set()
        raise OSError("the folder cannot be read")

    with patch.object(agents.pool, "_addresses", fail):
        assert failed.wait(LIMIT_S)
    listed.remove("a")
    until(lambda: agents.pool.admitted == ["b"])


def test_a_login_that_is_refused_is_not_tried_at_the_others(agents: Agents) -> None:
    agents.refuses = "Authorization failed"
    with pytest.raises(CallError) as refused:
        agents.link()
    assert refused.value.code == mt5.RES_E_AUTH_FAILED
    assert len(agents.logins) == 1


def test_what_is_asked_ahead_is_asked_where_the_order_goes(agents: Agents) -> None:
    link = agents.link()
    for symbol in ("EURUSD", "GBPUSD"):
        link.ahead(("account_info",), ("symbol_info_tick", symbol))
        at = agents.where("ahead")[-1]
        assert link.call("account_info") == at
        assert link.call("symbol_info_tick", symbol) == at
        assert send(link, symbol) == at
    link.ahead(("account_info",), ("symbol_info_tick", "EURUSD"))
    assert link.call("terminal_info") == agents.where("ahead")[-1], "another call was foretold"
    assert set(agents.where("ahead")) == {"a", "b"}


def test_ticks_are_read_from_one_terminal_as_long_as_it_is_there(agents: Agents) -> None:
    link, other = agents.link(), agents.link()
    at = link.call("copy_ticks_from", "EURUSD", 0, 1, 0)
    agents.hold_at = "copy_rates_from"
    reading = Thread(target=other.call, args=("copy_rates_from", "EURUSD", 1, 0, 1))
    reading.start()
    assert agents.held.wait(LIMIT_S)
    assert {link.call("copy_ticks_from", "EURUSD", 0, 1, 0) for _ in range(3)} == {at}
    agents.go_on.set()
    reading.join()
    agents.listed.remove(at)
    until(lambda: link.call("copy_ticks_from", "EURUSD", 0, 1, 0) != at)


def _goes(call: Callable[[], Any]) -> bool:
    try:
        call()
    except CallError:
        return False
    return True


def _is_out(agents: Agents, name: str) -> bool:
    return name not in agents.pool.admitted
