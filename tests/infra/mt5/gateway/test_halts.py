"""A halt holds: whoever decided it, whenever the tape tells of it, and over every restart."""

from __future__ import annotations

import threading
import time
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from commands.accounts import ACCOUNTS, HaltAccount, ResumeAccount
from events.accounts import AccountHalted, AccountResumed
from events.envelope import Message, first_cause
from events.orders import OrderNotExecuted
from events.values import lots
from infra.config import Config
from infra.mt5 import constants as mt5
from infra.mt5.gateway import warm
from infra.mt5.gateway.clock import SystemClock
from infra.mt5.gateway.connect import refusal_of
from infra.mt5.simulator.faults import FaultRule
from infra.run import gateway as role
from infra.store.offsets import Advance
from tests.infra.mt5.desk import ACCOUNT, WIDE
from tests.infra.mt5.floor import Floor
from tests.infra.mt5.memory_ledger import MemoryLedger

READ = (Advance("account-events", 0, 0, 1),)


@pytest.fixture
def floor() -> Floor:
    return Floor()


def told(event: Any, number: int) -> Message[Any]:
    """As the tape brings what the relay published."""
    sequence = f"{number:016d}"
    return first_cause(event, source="event-store", sequence=sequence, key=ACCOUNT, time_us=0)


def decide(floor: Floor, wish: Any) -> None:
    """Somebody else commands the account; the tape has not told of it yet."""
    sequence = type(wish).__name__
    command = first_cause(wish, source="operator", sequence=sequence, key=ACCOUNT, time_us=0)
    floor.ledger.store.handle(ACCOUNTS, command)


def test_a_halt_decided_while_the_gateway_was_dead_holds_before_it_reads_on(floor: Floor) -> None:
    floor.start()
    floor.accept("x/open")
    floor.ledger.wait([floor.tape[0]], (Advance("order-events", 0, 0, 1),))
    decide(floor, HaltAccount(account=ACCOUNT, reason="news"))
    floor.start()
    floor.rest()
    assert floor.sends_of("x/open") == 0
    assert floor.story("x/open")[-1] == "OrderNotExecuted"


def test_a_resume_told_late_does_not_lift_a_newer_halt(floor: Floor) -> None:
    gateway = floor.start()
    decide(floor, HaltAccount(account=ACCOUNT, reason="money"))
    gateway.handle([told(AccountResumed(account=ACCOUNT, reason="of before"), 1)], READ)
    floor.accept("x/open")
    floor.rest()
    assert floor.sends_of("x/open") == 0


def test_resumed_it_trades_again(floor: Floor) -> None:
    gateway = floor.start()
    decide(floor, HaltAccount(account=ACCOUNT, reason="news"))
    gateway.handle([told(AccountHalted(account=ACCOUNT, reason="news"), 1)], READ)
    decide(floor, ResumeAccount(account=ACCOUNT, reason="over"))
    gateway.handle([told(AccountResumed(account=ACCOUNT, reason="over"), 2)], ())
    floor.accept("x/open")
    floor.rest()
    assert floor.sends_of("x/open") == 1


def test_where_the_tape_cannot_be_read_on_only_closes_go_whoever_resumes(floor: Floor) -> None:
    gateway = floor.start()
    floor.accept("x/open")
    floor.rest()
    gateway.held("account-events/0")
    decide(floor, ResumeAccount(account=ACCOUNT, reason="in a hurry"))
    gateway.handle([told(AccountResumed(account=ACCOUNT, reason="in a hurry"), 2)], READ)
    floor.accept("y/open", "GBPUSD")
    floor.close("x/close", "x/open")
    floor.rest()
    assert floor.sends_of("y/open") == 0
    assert floor.story("x/close")[-1] == "OrderFilled"
    halts = [event.reason for event in floor.events() if isinstance(event, AccountHalted)]
    assert halts == ["account-events/0 holds a record that cannot be read"]


@pytest.mark.parametrize(("at", "sends"), [(1, (1, 0)), (3, (3, 0))])
def test_a_halt_decided_while_it_waits_for_the_venue_s_pace_holds_before_the_next_send(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, at: int, sends: tuple[int, int]
) -> None:
    floor.start()
    floor.run(2.0)
    floor.spoil(FaultRule(kind="reject", retcode=mt5.TRADE_RETCODE_TOO_MANY_REQUESTS, times=9))
    floor.accept("x/open")
    floor.accept("y/open", "GBPUSD")
    sleep, slept = floor.clock.sleep, count(1)

    def wait(seconds: float) -> None:
        sleep(seconds)
        if next(slept) == at:
            decide(floor, HaltAccount(account=ACCOUNT, reason="news"))

    monkeypatch.setattr(floor.clock, "sleep", wait)
    floor.rest()
    assert (floor.sends_of("x/open"), floor.sends_of("y/open")) == sends


@pytest.mark.parametrize(
    ("newer", "why"),
    [
        ({"volume_lots_max": lots("0.01")}, "volume_lots_max 0.0100: 0.1000 asked for"),
        ({"symbols": ("GBPUSD",)}, "symbols GBPUSD: EURUSD asked for"),
    ],
)
def test_the_newest_limits_hold_for_what_was_accepted_under_older_ones(
    floor: Floor, newer: dict[str, Any], why: str
) -> None:
    floor.accept("x/open")
    floor.limit(replace(WIDE, **newer))
    floor.start()
    floor.rest()
    assert floor.sends_of("x/open") == 0
    assert why in str(floor.events("x/open")[-1])


class Refusing:
    """A terminal whose broker does not know the password."""

    def __init__(self) -> None:
        self.logins = 0

    def initialize(self, **_: Any) -> bool:
        self.logins += 1
        return False

    def last_error(self) -> tuple[int, str]:
        return mt5.RES_E_AUTH_FAILED, "Authorization failed"

    def terminal_info(self) -> None:
        return None

    def life(self) -> str:
        return "well"

    def ahead(self, *_: Any) -> None:
        pass


class Dropping(Refusing):
    """A terminal that works until it is `gone`."""

    gone = False

    def __init__(self, terminal: Any) -> None:
        super().__init__()
        self._terminal = terminal

    def __getattribute__(self, name: str) -> Any:
        own = name in ("gone", "logins", "_terminal") or self.gone
        return object.__getattribute__(self, name) if own else getattr(self._terminal, name)


class Stop(threading.Event):
    """Told to stop at the eleventh wait; somebody resumes the account at the eighth, if asked."""

    def __init__(self, resumed: Any = None) -> None:
        super().__init__()
        self.waits = 0
        self._resumed = resumed

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout
        self.waits += 1
        if self.waits == 8 and self._resumed is not None:
            self._resumed()
        if self.waits > 10:
            self.set()
        return self.is_set()


def test_a_refused_login_is_not_repeated_until_somebody_resumes_the_account(floor: Floor) -> None:
    terminal: Any = Refusing()
    for _ in range(3):  # sessions, or processes: what is remembered is in the ledger
        assert role._opened(terminal, floor.ledger, 90001, SystemClock(), Stop()) is None
    assert terminal.logins == 1
    (reason,) = floor.ledger.halted_for()
    assert "then resume the account" in reason
    stop = Stop(lambda: decide(floor, ResumeAccount(account=ACCOUNT, reason="mended")))
    role._opened(terminal, floor.ledger, 90001, SystemClock(), stop)
    assert terminal.logins == 2


def test_a_login_refused_at_work_is_remembered_by_the_next_session(floor: Floor) -> None:
    floor.start()
    terminal = Refusing()
    for _ in range(3):
        gateway = floor.start(lambda port: port if isinstance(port, MemoryLedger) else terminal)
        gateway.beat()
        floor.clock.sleep(30)
        gateway.beat()
    assert terminal.logins == 1
    decide(floor, ResumeAccount(account=ACCOUNT, reason="mended"))
    gateway.handle([told(AccountResumed(account=ACCOUNT, reason="mended"), 9)], READ)
    gateway.beat()
    assert terminal.logins == 2


def test_a_login_refused_right_before_a_send_is_remembered_at_once(floor: Floor) -> None:
    terminals: list[Dropping] = []

    def wrap(port: Any) -> Any:
        if isinstance(port, MemoryLedger):
            return port
        terminals.append(Dropping(port))
        return terminals[-1]

    gateway = floor.start(wrap)
    gateway.beat()
    floor.accept("x/open")
    terminals[0].gone = True
    gateway.handle([floor.tape[0]], (Advance("order-events", 0, 0, 1),))
    assert floor.story("x/open")[-1] == "OrderNotExecuted"
    assert terminals[0].logins == 1
    (reason,) = floor.ledger.halted_for()
    assert "then resume the account" in reason


def test_mended_in_the_terminal_and_not_resumed_the_account_keeps_its_one_reason(
    floor: Floor,
) -> None:
    floor.start()
    floor.ledger.halt(refusal_of(mt5.RES_E_AUTH_FAILED, "Authorization failed"), 0)
    terminal = floor.look()
    gateway = floor.start(lambda port: port if isinstance(port, MemoryLedger) else terminal)
    gateway.beat()
    assert gateway.health.readable
    assert len(floor.ledger.halted_for()) == 1


def test_the_role_tells_its_gateway_what_cannot_be_read_on(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def loop(*given: Any, held: Any, **_: Any) -> None:
        handle = given[4]
        held("limit-events/1")
        handle([floor.tape[0]], (Advance("order-events", 0, 0, 1),))

    monkeypatch.setattr(warm, "MOVES_WITHIN_S", 0.0)
    floor.start()
    floor.accept("x/open", expires_at_us=time.time_ns() // 1_000 + 60_000_000)
    monkeypatch.setattr(role, "loop", loop)
    config: Any = Config.load({"TAPEDECK_HOME": str(tmp_path)})
    unused: Any = None
    role._session(config, unused, Stop(), ACCOUNT, floor.look(), floor.ledger, unused)
    end = floor.events("x/open")[-1]
    assert isinstance(end, OrderNotExecuted)
    assert "limit-events/1 holds a record that cannot be read" in end.evidence
    assert len(floor.deals()) == 1  # the deposit
