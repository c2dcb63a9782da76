"""Orders and signals are judged alike in a batch, one by one, and right before they are sent."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest

from commands.limits import SetLimits
from events.limits import QUOTE_AGE_MS_MAX, LimitsSet
from events.orders import OrderAccepted
from events.values import Side, lots
from infra.mt5 import constants as mt5
from infra.mt5.gateway.checks import weighed
from infra.mt5.gateway.health import Health, Rung
from infra.mt5.gateway.room import Missing, Room
from infra.mt5.gateway.verdict import (
    SPEC_AGE_S_MAX,
    Known,
    Market,
    Sendable,
    Withheld,
    verdict,
    verdicts,
)
from infra.mt5.requests import Unsendable
from infra.mt5.tuples import OrderCheckResult, TradePosition, TradeRequest
from tests.infra.mt5.desk import WIDE, order, quote, symbol

NOW_US = 1_700_000_000_000_000
TRADING = Health(Rung.TRADING, "")
QUOTE_AGE_S_MAX = QUOTE_AGE_MS_MAX / 1_000
SYMBOLS = ("EURUSD", "GBPUSD", "AUDUSD", "NZDUSD")
POSITION = TradePosition(
    *(0,) * 4, 0, mt5.POSITION_TYPE_BUY, 0, 0, 0, 0.1, 1.1, *(0.0,) * 3, 0.0, 0.0, "EURUSD", "", ""
)
TRADED = {"order_mode": 127, "trade_mode": mt5.SYMBOL_TRADE_MODE_FULL}


def limits(**figures: Any) -> LimitsSet:
    plain = {name: getattr(WIDE, name) for name in SetLimits.__struct_fields__}
    return LimitsSet(**{**plain, "version": 1, **figures})


def position(**figures: Any) -> TradePosition:
    return POSITION._replace(**figures)


def market(age_s: float = 0.1, spec_age_s: float = 1.0, **figures: Any) -> Market:
    return Market(symbol(**{**TRADED, **figures}), spec_age_s, quote(), age_s)


def known(**fields: Any) -> Known:
    plain: dict[str, Any] = {
        "now_us": NOW_US,
        "health": TRADING,
        "room": Room(limits(), ()),
        "markets": {"EURUSD": market()},
    }
    return Known(**{**plain, **fields})


def objection(given_order: OrderAccepted, **fields: Any) -> str:
    found = verdict(given_order, known(**fields))
    assert not isinstance(found, Sendable), found
    return found.detail


def test_an_order_that_nothing_speaks_against_goes_as_its_request() -> None:
    found = verdict(order(), known())
    assert isinstance(found, Sendable)
    assert (found.request["volume"], found.request["price"]) == (0.1, 1.10002)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"halted_for": frozenset({"b", "a"})}, "the account is halted: a; b"),
        ({"health": Health(Rung.LINKED, "no broker")}, "no broker"),
        ({"room": Room(None, ())}, "version 1 of the account's limits is not known"),
        ({"room": Room(limits(), Missing("(-1, 'no')"))}, "the open positions cannot be read"),
        ({"room": Room(limits(), (position(volume=nan),))}, "one has no finite volume"),
        ({"markets": {}}, "nothing is known of EURUSD"),
        ({"markets": {"EURUSD": Missing("no quote of EURUSD")}}, "no quote of EURUSD"),
        (
            {"markets": {"EURUSD": market(QUOTE_AGE_S_MAX + 0.1)}},
            "quote of EURUSD: 60.1 s old",
        ),
        ({"markets": {"EURUSD": market(inf)}}, "none has come since the gateway looks"),
        (
            {"markets": {"EURUSD": market(2.1)}, "room": Room(limits(quote_age_ms_max=2_000), ())},
            "quote of EURUSD: 2.1 s old, at most 2 s",
        ),
        ({"markets": {"EURUSD": market(float("nan"))}}, "quote of EURUSD: nan s old"),
        (
            {"markets": {"EURUSD": market(spec_age_s=SPEC_AGE_S_MAX + 1)}},
            "figures of EURUSD: 121.0 s old",
        ),
        ({"now_us": order().expires_at_us + 1}, "its time was over"),
    ],
)
def test_what_is_not_known_or_too_old_lets_no_order_go(fields: dict[str, Any], words: str) -> None:
    assert words in objection(order(), **fields)


@pytest.mark.parametrize("tick", [quote(0.0, 0.0), quote(1.1, 1.0), quote(1.1, float("inf"))])
def test_a_quote_that_names_no_price_lets_no_order_go(tick: Any) -> None:
    senseless = Market(symbol(**TRADED), 0.0, tick, 0.0)
    assert "are no prices" in objection(order(), markets={"EURUSD": senseless})


SELL = {"side": Side.SELL, "stop_loss": None, "take_profit": None}


@pytest.mark.parametrize(
    ("figures", "fields", "retcode"),
    [
        ({"trade_mode": mt5.SYMBOL_TRADE_MODE_DISABLED}, {}, mt5.TRADE_RETCODE_TRADE_DISABLED),
        ({"trade_mode": mt5.SYMBOL_TRADE_MODE_CLOSEONLY}, {}, mt5.TRADE_RETCODE_CLOSE_ONLY),
        ({"trade_mode": mt5.SYMBOL_TRADE_MODE_LONGONLY}, SELL, mt5.TRADE_RETCODE_LONG_ONLY),
        ({"trade_mode": mt5.SYMBOL_TRADE_MODE_SHORTONLY}, {}, mt5.TRADE_RETCODE_SHORT_ONLY),
        ({"order_mode": 126}, {}, mt5.TRADE_RETCODE_INVALID),
        ({"filling_mode": 0}, {}, mt5.TRADE_RETCODE_INVALID_FILL),
        ({"volume_limit": 0.05}, {}, mt5.TRADE_RETCODE_LIMIT_VOLUME),
        ({"volume_min": 0.2}, {}, mt5.TRADE_RETCODE_INVALID_VOLUME),
    ],
)
def test_what_the_symbols_terms_forbid_is_refused_as_the_venue_would(
    figures: dict[str, Any], fields: dict[str, Any], retcode: int
) -> None:
    found = verdict(order(**fields), known(markets={"EURUSD": market(**figures)}))
    assert isinstance(found, Unsendable)
    assert found.retcode == retcode


def test_a_close_goes_whatever_keeps_openings_back() -> None:
    closing = order(side=Side.SELL, closes_position=7, stop_loss=None, take_profit=None)
    nothing = known(
        room=Room(None, Missing("not asked")),
        halted_for=frozenset({"stop"}),
        markets={"EURUSD": market(9_999.0, 9_999.0, trade_mode=mt5.SYMBOL_TRADE_MODE_CLOSEONLY)},
    )
    assert isinstance(verdict(closing, nothing), Sendable)


def test_two_orders_that_fit_singly_both_fit_in_a_batch() -> None:
    """None takes room from the next: so says the docstring, so it is singly."""
    one = known(room=Room(limits(open_positions_max=1), ()))
    both = (order(), order(order_id="y"))
    assert [type(found) for found in verdicts(both, one)] == [Sendable, Sendable]


def test_a_volume_limit_counts_what_is_held_that_way_alone() -> None:
    held = (position(volume=0.9), position(type=mt5.POSITION_TYPE_SELL, volume=5.0))
    room = Room(limits(open_lots_max=lots(90)), held)
    tight = {"EURUSD": market(volume_limit=1.0)}
    assert isinstance(verdict(order(), known(room=room, markets=tight)), Sendable)
    more = order(volume_lots=lots("0.11"))
    assert "0.9000 are, 0.11 more" in objection(more, room=room, markets=tight)


@pytest.mark.parametrize(
    ("retcode", "kind"), [(0, Sendable), (mt5.TRADE_RETCODE_NO_MONEY, Unsendable)]
)
def test_margin_is_the_brokers_word(retcode: int, kind: type) -> None:
    nothing = TradeRequest(*(0,) * 3, "", *(0.0,) * 5, *(0,) * 5, "", 0, 0)
    answer = OrderCheckResult(retcode, 1.0, 1.0, 0.0, 9.0, -8.0, 11.0, "", nothing)
    assert type(weighed(Sendable({}), answer, (1, "Success"))) is kind
    assert type(weighed(Sendable({}), None, (-10004, "no link"))) is Withheld


@pytest.mark.parametrize(
    "figures",
    [
        {"volume_step": 0.0},
        {"volume_step": -0.01},
        {"volume_min": float("nan")},
        {"volume_max": float("inf")},
        {"volume_limit": float("nan")},
        {"trade_tick_size": 0.0, "point": 0.0},
        {"point": float("nan")},
        {"digits": -1},
    ],
)
@pytest.mark.parametrize("closes", [None, 77])
def test_figures_that_make_no_sense_let_nothing_go(
    figures: dict[str, Any], closes: int | None
) -> None:
    senseless = {"EURUSD": market(**figures)}
    why = objection(order(closes_position=closes), markets=senseless)
    assert "figures of EURUSD make no sense" in why
    assert next(iter(figures)) in why


def test_a_close_waits_for_a_price_that_is_a_number() -> None:
    wild = replace(market(), tick=quote(float("inf"), float("inf")))
    assert "no prices" in objection(order(closes_position=77), markets={"EURUSD": wild})


def test_a_stop_never_goes_as_none() -> None:
    """On a grid as coarse as the price a stop below it is zero, which asks for no stop."""
    coarse = {"EURUSD": market(point=2.0, trade_tick_size=2.0, digits=0, trade_stops_level=0)}
    assert "sl 1.09" in objection(order(), markets=coarse)
