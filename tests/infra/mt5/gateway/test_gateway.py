"""What becomes of an accepted order, by what the venue answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from commands.order_life import LIFE_US_MAX
from events.accounts import AccountHalted
from events.orders import OrderFilled, OrderNotExecuted
from events.values import lots
from infra.bench.latency import called_ms
from infra.mt5.retcodes import RETCODES, Outcome
from infra.mt5.simulator.faults import FaultRule
from infra.observe.telemetry import JsonLines
from tests.infra.mt5.floor import LOGIN, Floor


@pytest.fixture
def floor() -> Floor:
    return Floor()


def test_an_accepted_order_is_intended_sent_once_and_filled(floor: Floor) -> None:
    floor.start()
    floor.accept("x/open")
    floor.rest()
    assert floor.story("x/open") == ["OrderAccepted", "OrderIntended", "OrderFilled"]
    assert floor.sends_of("x/open") == 1
    fill = floor.events("x/open")[-1]
    assert isinstance(fill, OrderFilled)
    assert (fill.volume_lots, fill.volume_left_lots) == (lots("0.10"), lots("0"))


@pytest.mark.parametrize("away_us", [-1, 2 * LIFE_US_MAX])
def test_an_order_whose_time_is_not_now_is_never_sent(floor: Floor, away_us: int) -> None:
    floor.start()
    floor.accept("x/open", expires_at_us=floor.clock.now_us() + away_us)
    floor.rest()
    assert floor.story("x/open") == ["OrderAccepted", "OrderExpired"]
    assert floor.sent == []


def test_the_tape_told_twice_sends_once(floor: Floor) -> None:
    floor.start()
    floor.accept("x/open")
    floor.rest()
    floor.tape.append(floor.tape[0])
    floor.rest()
    assert floor.sends_of("x/open") == 1


@pytest.mark.parametrize("code", [*sorted(RETCODES), 10005, 10037, 1, -7, 99_999])
def test_whatever_code_comes_the_order_ends_and_is_never_doubled(floor: Floor, code: int) -> None:
    meaning = RETCODES.get(code)
    refused = meaning is not None and meaning.refused
    floor.spoil(FaultRule(kind="reject", retcode=code, times=9))
    floor.start()
    floor.accept("x/open")
    floor.rest()
    assert floor.ledger.unsettled() == ()
    assert floor.story("x/open")[-1] == ("OrderRejected" if refused else "OrderNotExecuted")
    most = {Outcome.NEW_PRICE: 3, Outcome.LATER: 3, Outcome.FIX: 2}
    allowed = most.get(meaning.outcome, 1) if refused and meaning else 1
    assert floor.sends_of("x/open") == allowed
    assert floor.deals()[1:] == ()


def test_the_log_says_when_the_venue_was_first_called(
    floor: Floor, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Latency is measured up to this moment, whatever the venue makes of the order then."""
    floor.start()
    floor.run(2.0)
    floor.spoil(FaultRule(kind="reject", retcode=10024, times=1))
    floor.accept("x/open")
    floor.accept("y/open", "GBPUSD", expires_at_us=floor.clock.now_us() - 1)
    began_us = floor.clock.now_us()
    with caplog.at_level("INFO"):
        floor.rest()
    lines = [JsonLines("gateway").format(record) for record in caplog.records]
    (tmp_path / "gateway-90001.log").write_text("not ours\n" + "\n".join(lines))
    assert floor.sends_of("x/open") == 2
    assert called_ms(tmp_path) == {"x/open": began_us / 1000}


@pytest.mark.parametrize(("code", "times"), [(10004, 1), (10020, 2), (10024, 2), (10030, 1)])
def test_after_a_certain_refusal_the_same_order_goes_again(
    floor: Floor, code: int, times: int
) -> None:
    floor.spoil(FaultRule(kind="reject", retcode=code, times=times))
    floor.start()
    floor.accept("x/open")
    floor.rest()
    intents = ["OrderIntended"] * (times + 1)
    assert floor.story("x/open") == ["OrderAccepted", *intents, "OrderFilled"]
    assert len({request["magic"] for request in floor.sent}) == 1


def test_too_many_requests_slow_the_account_down(floor: Floor) -> None:
    floor.spoil(FaultRule(kind="reject", retcode=10024, times=1))
    floor.start()
    began_s = floor.clock.monotonic_s()
    floor.accept("x/open")
    floor.turn()
    assert floor.story("x/open")[-1] == "OrderFilled"
    assert floor.clock.monotonic_s() - began_s >= 1.0


@pytest.mark.parametrize("code", [10019, 10026, 10027])
def test_a_halting_code_ends_new_risk_but_not_closes(floor: Floor, code: int) -> None:
    floor.start()
    floor.accept("x/open")
    floor.rest()
    floor.spoil(FaultRule(kind="reject", retcode=code))
    floor.accept("y/open", "GBPUSD")
    floor.rest()
    floor.accept("z/open", "AUDUSD")
    floor.close("x/close", "x/open")
    floor.rest()
    assert floor.story("y/open")[-1] == "OrderRejected"
    assert floor.story("z/open")[-1] == "OrderNotExecuted"
    assert floor.story("x/close")[-1] == "OrderFilled"
    assert sum(isinstance(event, AccountHalted) for event in floor.events()) == 1


def test_a_fresh_reason_for_a_halt_is_told_while_halted(floor: Floor) -> None:
    """Whoever resumes the account after the first trouble must know of the second."""
    floor.start()
    for name, symbol in (("x", "EURUSD"), ("y", "GBPUSD")):
        floor.accept(f"{name}/open", symbol)
        floor.rest()
    for name, code in (("x", 10019), ("y", 10027)):
        floor.spoil(FaultRule(kind="reject", retcode=code))
        floor.close(f"{name}/close", f"{name}/open")
        floor.rest()
    reasons = [event.reason for event in floor.events() if isinstance(event, AccountHalted)]
    assert [reason.split()[0] for reason in reasons] == ["10019", "10027"]


@pytest.mark.parametrize(
    ("kind", "last"), [("lose_after", "OrderFilled"), ("lose_before", "OrderNotExecuted")]
)
def test_a_lost_answer_is_settled_by_looking_never_by_sending(
    floor: Floor, kind: Any, last: str
) -> None:
    floor.spoil(FaultRule(kind=kind))
    floor.start()
    floor.accept("x/open")
    floor.rest()
    assert floor.story("x/open") == ["OrderAccepted", "OrderIntended", "OrderUnresolved", last]
    assert floor.sends_of("x/open") == 1
    assert len(floor.deals()) - 1 == (1 if last == "OrderFilled" else 0)


def test_an_unresolved_order_holds_its_symbol_and_no_other(floor: Floor) -> None:
    floor.spoil(FaultRule(kind="lose_before", symbol="EURUSD"))
    floor.start()
    for name, symbol in (("x", "EURUSD"), ("y", "EURUSD"), ("z", "GBPUSD")):
        floor.accept(f"{name}/open", symbol)
    for _ in range(3):
        floor.turn()
    assert floor.story("y/open") == ["OrderAccepted"]
    assert floor.story("z/open")[-1] == "OrderFilled"
    floor.rest()
    assert floor.story("y/open")[-1] == "OrderFilled"


def test_while_the_terminal_is_away_orders_wait_and_expire(floor: Floor) -> None:
    gateway = floor.start()
    floor.turn()
    link = gateway._terminal._terminal._link  # type: ignore[attr-defined] # reach through the count
    link.reachable = False
    link.close()
    floor.run(2.0)
    floor.accept("x/open", expires_at_us=floor.clock.now_us() + 2_000_000)
    floor.accept("y/open", "GBPUSD")
    floor.run(4.0)
    assert floor.story("x/open") == ["OrderAccepted", "OrderExpired"]
    assert floor.story("y/open") == ["OrderAccepted"]
    link.reachable = True
    floor.rest()
    assert floor.story("y/open")[-1] == "OrderFilled"


def test_a_link_that_broke_unnoticed_is_made_again_for_the_order(floor: Floor) -> None:
    gateway = floor.start()
    floor.turn()
    gateway._terminal.shutdown()
    floor.accept("x/open")
    floor.turn()
    assert floor.story("x/open")[-1] == "OrderFilled"


@pytest.mark.parametrize("call", ["intend", "symbol_info_tick"])
def test_a_process_that_froze_before_the_send_does_not_send(floor: Floor, call: str) -> None:
    """It may have been given up for dead, and its order settled by another, meanwhile."""

    class Freezing:
        def __init__(self, port: Any) -> None:
            self._port = port

        def __getattr__(self, name: str) -> Any:
            answered = getattr(self._port, name)
            return thawed(answered) if name == call else answered

    def thawed(ask: Any) -> Any:
        def asked(*arguments: Any) -> Any:
            answer = ask(*arguments)
            floor.virtual.advance(5_000)
            return answer

        return asked

    floor.start(Freezing)
    floor.accept("x/open")
    floor.rest()
    assert floor.sent == []
    assert "its time was over" in evidence(floor, "x/open")


def test_a_terminal_of_another_account_is_sent_nothing(floor: Floor) -> None:
    gateway = floor.start()
    floor.turn()
    terminal = gateway._terminal
    assert terminal.login(2, "paper")
    floor.accept("x/open")
    floor.run(2.0)
    assert floor.sent == []
    assert any(isinstance(event, AccountHalted) for event in floor.events())
    assert terminal.login(LOGIN)
    floor.accept("y/open")
    floor.rest()
    assert floor.sent == []
    assert "logged in to 2" in evidence(floor, "x/open")
    assert "halted" in evidence(floor, "y/open")


def test_one_look_that_finds_nothing_is_not_enough(floor: Floor) -> None:
    """The venue executes between the first look that counts and the second."""
    floor.spoil(FaultRule(kind="lose_before"))
    floor.start()
    floor.accept("x/open")
    floor.run(1.5)
    assert floor.story("x/open")[-1] == "OrderUnresolved"
    floor.look().order_send(floor.sent[0])
    floor.rest()
    assert floor.story("x/open")[2:] == ["OrderUnresolved", "OrderFilled"]


def evidence(floor: Floor, order_id: str) -> str:
    """Why an order was not executed."""
    verdict = floor.events(order_id)[-1]
    assert isinstance(verdict, OrderNotExecuted)
    return verdict.evidence
