"""Faults by script and by seed: of the terminal, of its way to the broker, of the market."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from infra.mt5 import constants as mt5
from infra.mt5.link import CallError
from infra.mt5.simulator.faults import KINDS, FaultRule, seeded
from infra.mt5.simulator.mishaps import MarketFault
from infra.mt5.simulator.quotes import Quotes
from infra.mt5.simulator.settings import SERVER, MarketSettings
from infra.mt5.simulator.symbols import SYMBOLS
from infra.mt5.simulator.terminal import simulated_terminal
from infra.mt5.simulator.ticks import Market
from tests.infra.mt5.simulator.hand import BUY, SELL, dealt, desk, floor, order, sent
from tests.infra.mt5.worlds import HOUR_MS, LOGIN, OTHER, START_MS

SOLID = MarketSettings(symbols=SYMBOLS[:2])


def test_a_crashed_terminal_breaks_every_link_and_comes_back_later() -> None:
    made = floor()
    beside = simulated_terminal(made.broker, LOGIN)
    assert beside.initialize()
    made.spoil(FaultRule(kind="crash", for_ms=4_000))
    assert made.terminal.order_send(order(BUY)._asdict()) is None
    assert made.terminal.last_error()[0] == mt5.RES_E_INTERNAL_FAIL_RECEIVE
    assert beside.positions_get() is None
    assert not made.terminal.initialize()
    assert made.terminal.last_error()[0] == mt5.RES_E_INTERNAL_FAIL_INIT
    other = simulated_terminal(made.broker, OTHER)
    assert other.initialize()
    made.clock.advance(4_000)
    assert made.terminal.initialize()
    assert made.terminal.positions_get() == ()


def test_an_updated_terminal_has_another_build() -> None:
    made = floor()
    before = made.terminal.version()
    made.spoil(FaultRule(kind="update", for_ms=1_000, function="positions_get"))
    assert made.terminal.positions_get() is None
    made.clock.advance(1_000)
    assert made.terminal.initialize()
    after, info = made.terminal.version(), made.terminal.terminal_info()
    assert before is not None
    assert after is not None
    assert info is not None
    assert after[1] == info.build == before[1] + 1


def test_a_frozen_terminal_answers_nobody_until_it_is_over() -> None:
    made = floor()
    beside = simulated_terminal(made.broker, LOGIN)
    assert beside.initialize()
    made.spoil(FaultRule(kind="freeze", for_ms=9_000, function="account_info"))
    assert made.terminal.account_info() is not None
    assert made.clock.now_ms() == START_MS + 9_000
    made.spoil(FaultRule(kind="freeze", for_ms=9_000, function="account_info"))
    made.account.faults.take("account_info", None, made.broker.now_ms())
    assert beside.positions_get() == ()
    assert made.clock.now_ms() == START_MS + 18_000


def test_a_login_may_end_in_another_account() -> None:
    made = floor()
    made.spoil(FaultRule(kind="wrong_account", function="login", login=OTHER))
    assert made.terminal.initialize()
    info = made.terminal.account_info()
    assert info is not None
    assert info.login == OTHER
    assert made.terminal.initialize()
    info = made.terminal.account_info()
    assert info is not None
    assert info.login == LOGIN


def test_the_server_may_be_another_for_a_while() -> None:
    made = floor()
    made.spoil(FaultRule(kind="server", function="account_info", text="Elsewhere", for_ms=1_000))
    names = []
    for _ in range(2):
        info = made.terminal.account_info()
        assert info is not None
        names.append(info.server)
        made.clock.advance(1_000)
    assert names == ["Elsewhere", SERVER]


def test_the_servers_clock_may_jump() -> None:
    made = floor({"EURUSD": [(3_600_000, 1.2)]})
    made.spoil(FaultRule(kind="clock_jump", delay_ms=HOUR_MS, function="symbol_info_tick"))
    tick = made.terminal.symbol_info_tick("EURUSD")
    assert tick is not None
    assert (tick.bid, tick.time_msc) == (1.2, START_MS + HOUR_MS)
    assert made.clock.now_ms() == START_MS


def test_a_lost_broker_is_not_heard_and_not_reached() -> None:
    made = floor({"EURUSD": [(500, 1.2), (1_500, 1.3)]})
    made.spoil(FaultRule(kind="disconnect", for_ms=1_000, function="version"))
    assert made.terminal.version() is not None
    made.clock.advance(600)
    tick = made.terminal.symbol_info_tick("EURUSD")
    assert tick is not None
    assert tick.bid == 1.1
    assert made.code(order(BUY)) == mt5.TRADE_RETCODE_CONNECTION
    made.clock.advance(1_000)
    tick = made.terminal.symbol_info_tick("EURUSD")
    assert tick is not None
    assert tick.bid == 1.3


@pytest.mark.parametrize(("kind", "held"), [("lose_before", 0), ("lose_after", 1)])
def test_an_answer_may_be_lost_before_or_after(kind: str, held: int) -> None:
    made = floor()
    made.spoil(msgspec.convert({"kind": kind}, FaultRule))
    assert made.terminal.order_send(order(BUY)._asdict()) is None
    assert made.terminal.initialize()
    assert made.terminal.positions_total() == held


def test_history_may_be_slow() -> None:
    made = floor()
    made.spoil(FaultRule(kind="delay", delay_ms=8_000, function="history_"))
    assert made.terminal.positions_total() == 0
    assert made.clock.now_ms() == START_MS
    assert made.terminal.history_deals_get(position=1) == ()
    assert made.clock.now_ms() == START_MS + 8_000


def test_a_broker_may_cut_or_rewrite_comments() -> None:
    made = floor(comment_chars_max=5)
    made.spoil(FaultRule(kind="comment", text="abc", skip=1))
    for _ in range(2):
        made.done(order(BUY, comment="c123456789"))
    comments = [position.comment for position in made.terminal.positions_get() or ()]
    assert comments == ["c1234", "abc"]


def test_others_trade_on_the_account() -> None:
    made = floor({"EURUSD": [(500, 1.2)]})
    theirs = order(SELL, price=1.2, comment="by hand")
    made.spoil(FaultRule(kind="other", request=theirs, delay_ms=700, function="version"))
    assert made.terminal.version() is not None
    assert made.terminal.positions_total() == 0
    made.clock.advance(1_000)
    (position,) = made.terminal.positions_get() or ()
    assert (position.comment, position.reason) == ("by hand", mt5.POSITION_REASON_CLIENT)
    assert position.time_msc == START_MS + 700


def test_people_trade_where_programs_may_not() -> None:
    made = floor(experts_allowed=False, terminal_trade_allowed=False)
    made.spoil(FaultRule(kind="other", request=order(BUY), function="version"))
    assert made.terminal.version() is not None
    assert made.terminal.positions_total() == 1
    assert made.code(order(BUY)) == mt5.TRADE_RETCODE_CLIENT_DISABLES_AT


def test_a_shock_stops_one_position_out_after_the_other() -> None:
    shock = MarketFault(
        kind="shock", from_ms=START_MS + HOUR_MS, to_ms=START_MS + 2 * HOUR_MS, size=-0.01
    )
    market = Market(replace(SOLID, faults=(shock,)))
    before, at = (market.quote("EURUSD", START_MS + HOUR_MS + ms) for ms in (-1, 10_000))
    assert before is not None
    assert at is not None
    assert at.bid == pytest.approx(before.bid * 0.99, rel=1e-3)
    assert at.bid == round(at.bid, 5)
    account = desk({"EURUSD": [(10, 1.09)]}, deposit=1_500.0)
    for _ in range(4):
        sent(account, order(BUY, volume=0.3))
    account.advance(START_MS + 10)
    reasons = [deal.reason for deal in dealt(account)[4:]]
    assert reasons == [mt5.DEAL_REASON_SO] * len(reasons)
    assert len(reasons) >= 2


def test_a_weekend_ends_with_a_gap() -> None:
    closed = MarketFault(kind="closed", from_ms=START_MS, to_ms=START_MS + 48 * HOUR_MS)
    market = Market(replace(SOLID, faults=(closed,)))
    whole = Market(SOLID)
    assert len(market.ticks("EURUSD", START_MS, START_MS + 48 * HOUR_MS)) == 0
    assert not market.is_open("EURUSD", START_MS)
    assert market.is_open("EURUSD", START_MS + 48 * HOUR_MS)
    after = START_MS + 49 * HOUR_MS
    assert market.quote("EURUSD", after) == whole.quote("EURUSD", after)
    assert market.quote("EURUSD", after - HOUR_MS) == whole.quote("EURUSD", START_MS - 1)


def test_a_price_outlives_a_week_without_quotes() -> None:
    closed = MarketFault(kind="stalled", from_ms=START_MS, to_ms=START_MS + 400 * HOUR_MS)
    market = Market(replace(SOLID, faults=(closed,)))
    assert market.quote("EURUSD", START_MS + 399 * HOUR_MS) == market.quote("EURUSD", START_MS)


def test_quotes_may_stall_while_trade_goes_on() -> None:
    stalled = MarketFault(
        kind="stalled", from_ms=START_MS, to_ms=START_MS + HOUR_MS, symbol="EURUSD"
    )
    market = Market(replace(SOLID, faults=(stalled,)))
    assert len(market.ticks("EURUSD", START_MS, START_MS + HOUR_MS)) == 0
    assert len(market.ticks("GBPUSD", START_MS, START_MS + HOUR_MS)) > 0
    assert market.is_open("EURUSD", START_MS)


@pytest.mark.parametrize("kind", ["duplicate", "disorder"])
def test_ticks_may_come_twice_or_in_the_wrong_order(kind: str) -> None:
    span = {"kind": kind, "from_ms": START_MS, "to_ms": START_MS + HOUR_MS}
    market = Market(replace(SOLID, faults=(msgspec.convert(span, MarketFault),)))
    first_s, all_ = START_MS // 1000, mt5.COPY_TICKS_ALL
    told = Quotes(market, "USD").ticks_range(
        START_MS + 2 * HOUR_MS, "EURUSD", first_s, first_s + 5_400, all_
    )
    true = market.ticks("EURUSD", START_MS, first_s * 1000 + 5_400_001)
    steps = np.diff(told["time_msc"])
    late = told["time_msc"][1:] >= START_MS + HOUR_MS
    assert (steps[late] >= 0).all()
    if kind == "duplicate":
        assert len(told) > len(true)
        assert set(told["time_msc"].tolist()) == set(true.time_ms.tolist())
    else:
        assert (steps < 0).any()
        assert sorted(told["time_msc"].tolist()) == true.time_ms.tolist()


def test_mishaps_are_the_seeds() -> None:
    many = replace(SOLID, mishaps_per_day=6.0)
    one, two = Market(many), Market(many)
    other = Market(replace(many, seed=8))
    spans = (START_MS, START_MS + 48 * HOUR_MS)
    assert one.faults("EURUSD", *spans) == two.faults("EURUSD", *spans)
    assert one.faults("EURUSD", *spans) != other.faults("EURUSD", *spans)
    assert {fault.kind for fault in one.faults("EURUSD", *spans)} > {"stalled", "shock"}
    times = one.ticks("EURUSD", *spans).time_ms
    assert times.tolist() == two.ticks("EURUSD", *spans).time_ms.tolist()
    assert len(times) < len(Market(SOLID).ticks("EURUSD", *spans))


def test_faults_of_a_terminal_are_the_seeds() -> None:
    hour = (START_MS, START_MS + HOUR_MS)
    rules = seeded(7, LOGIN, *hour, per_hour=200.0)
    assert rules == seeded(7, LOGIN, *hour, per_hour=200.0)
    assert rules != seeded(7, OTHER, *hour, per_hour=200.0)
    assert rules != seeded(8, LOGIN, *hour, per_hour=200.0)
    assert len(rules) == 200
    assert {rule.kind for rule in rules} < set(KINDS)
    assert len({rule.kind for rule in rules}) == 10
    assert all(hour[0] <= rule.from_ms < hour[1] for rule in rules)


def test_a_rule_waits_for_its_moment() -> None:
    made = floor()
    made.spoil(FaultRule(kind="reject", from_ms=START_MS + 1_000))
    made.done(order(BUY))
    made.clock.advance(1_000)
    assert made.code(order(BUY)) == mt5.TRADE_RETCODE_REJECT
    made.done(order(BUY))


def test_rules_travel() -> None:
    rule = FaultRule(kind="other", request=order(SELL), delay_ms=3)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(rule), type=FaultRule) == rule


def test_no_rules_end_all_troubles() -> None:
    made = floor()
    made.spoil(FaultRule(kind="disconnect", for_ms=HOUR_MS))
    assert made.code(order(BUY)) == mt5.TRADE_RETCODE_CONNECTION
    made.spoil()
    made.done(order(BUY))


@pytest.mark.parametrize(
    "rule",
    [
        FaultRule(kind="delay", delay_ms=-1),
        FaultRule(kind="wrong_account", login=5),
        FaultRule(kind="other"),
    ],
)
def test_a_rule_without_sense_is_refused_in_words(rule: FaultRule) -> None:
    with pytest.raises(CallError, match=rule.kind):
        floor().spoil(rule)
