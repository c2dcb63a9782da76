"""What an accepted order becomes in the dictionary that is sent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.orders import magic_of
from events.values import Side, lots, price
from infra.mt5 import constants as mt5
from infra.mt5.requests import Request, Unsendable, comment_of, filling_of, request_of
from tests.infra.mt5.desk import order, quote, symbol

VENDOR_TYPES = {
    **dict.fromkeys(("action", "type", "type_filling", "type_time", "magic", "deviation"), int),
    **dict.fromkeys(("volume", "price", "sl", "tp"), float),
    **dict.fromkeys(("symbol", "comment"), str),
    "position": int,
}


def sent(*args: Any, **kwargs: Any) -> Request:
    request = request_of(*args, **kwargs)
    assert isinstance(request, dict), request
    return request


def refused(*args: Any) -> Unsendable:
    answer = request_of(*args)
    assert isinstance(answer, Unsendable), answer
    return answer


def test_a_buy_pays_the_ask_and_carries_its_name() -> None:
    request = sent(order(), symbol(), quote())
    assert request["type"] == mt5.ORDER_TYPE_BUY
    assert request["price"] == 1.10002
    assert request["magic"] == magic_of(order().order_id)
    assert request["comment"] == comment_of(order().order_id)
    assert "position" not in request


def test_a_close_names_its_position_and_gets_the_bid() -> None:
    closing = order(side=Side.SELL, closes_position=77, stop_loss=None, take_profit=None)
    request = sent(closing, symbol(), quote())
    assert (request["position"], request["price"]) == (77, 1.09998)
    assert "sl" not in request


def test_every_value_has_the_type_that_the_package_takes() -> None:
    request = sent(order(closes_position=7), symbol(), quote())
    assert set(request) <= set(VENDOR_TYPES)
    assert all(type(value) is VENDOR_TYPES[name] for name, value in request.items())


@given(st.text(max_size=80))
def test_a_comment_is_27_ascii_characters_and_a_magic_63_bits(order_id: str) -> None:
    comment = comment_of(order_id)
    assert len(comment) == 27
    assert comment.isascii()
    assert 0 <= magic_of(order_id) < 1 << 63


@given(
    wanted=st.decimals("0.0001", "200", places=4),
    step=st.sampled_from(["0.01", "0.1", "1", "0.001"]),
    most=st.sampled_from(["0.5", "50", "100"]),
)
def test_volume_is_only_ever_rounded_down(wanted: Decimal, step: str, most: str) -> None:
    spec = symbol(volume_step=float(step), volume_min=float(step), volume_max=float(most))
    request = request_of(order(volume_lots=lots(wanted)), spec, quote())
    if isinstance(request, Unsendable):
        assert min(wanted, Decimal(most)) < Decimal(step)
        return
    volume = Decimal(str(request["volume"]))
    assert volume <= min(wanted, Decimal(most))
    assert min(wanted, Decimal(most)) - volume < Decimal(step)
    assert volume % Decimal(step) == 0


def test_volume_under_the_least_is_not_sent() -> None:
    answer = refused(order(volume_lots=lots("0.0099")), symbol(), quote())
    assert answer.retcode == mt5.TRADE_RETCODE_INVALID_VOLUME


def test_a_close_takes_no_more_than_the_position_has() -> None:
    closing = order(side=Side.SELL, closes_position=77, stop_loss=None, take_profit=None)
    assert sent(closing, symbol(), quote(), Decimal("0.03"))["volume"] == 0.03


def test_far_stops_stay_where_they_are() -> None:
    request = sent(order(), symbol(), quote())
    assert (request["sl"], request["tp"]) == (1.09, 1.12)


@pytest.mark.parametrize(
    ("side", "fields", "stops"),
    [
        (Side.BUY, {"stop_loss": price("1.09995"), "take_profit": price("1.10000")},
         {"sl": 1.09978, "tp": 1.10018}),
        (Side.SELL, {"stop_loss": price("1.10005"), "take_profit": price("1.10000")},
         {"sl": 1.10022, "tp": 1.09982}),
    ],
)  # fmt: skip
def test_a_stop_that_is_too_near_goes_to_the_stops_level(
    side: Side, fields: dict[str, Any], stops: dict[str, float]
) -> None:
    request = sent(order(side=side, **fields), symbol(), quote())
    assert {name: request[name] for name in stops} == stops


def test_a_stop_is_never_rounded_towards_the_market() -> None:
    wide = symbol(trade_tick_size=0.0005, trade_stops_level=0)
    request = sent(
        order(stop_loss=price("1.0968"), take_profit=price("1.1032")), wide, quote(1.1, 1.1005)
    )
    assert (request["sl"], request["tp"]) == (1.0965, 1.1035)


@pytest.mark.parametrize("fields", [{"stop_loss": price("1.11")}, {"take_profit": price("1.09")}])
def test_a_stop_that_the_market_has_passed_is_never_dropped(fields: dict[str, Any]) -> None:
    answer = refused(order(**fields), symbol(), quote())
    assert answer.retcode == mt5.TRADE_RETCODE_INVALID_STOPS


def test_a_market_that_has_left_takes_no_risk_but_may_be_closed() -> None:
    gone = quote(1.11998, 1.12002)
    naked = {"stop_loss": None, "take_profit": None}
    assert refused(order(**naked), symbol(), gone).retcode == mt5.TRADE_RETCODE_PRICE_OFF
    assert sent(order(closes_position=7, **naked), symbol(), gone)["price"] == 1.12002


@pytest.mark.parametrize(
    ("mask", "execution", "filling"),
    [
        (1, mt5.SYMBOL_TRADE_EXECUTION_MARKET, mt5.ORDER_FILLING_FOK),
        (2, mt5.SYMBOL_TRADE_EXECUTION_MARKET, mt5.ORDER_FILLING_IOC),
        (3, mt5.SYMBOL_TRADE_EXECUTION_EXCHANGE, mt5.ORDER_FILLING_FOK),
        (0, mt5.SYMBOL_TRADE_EXECUTION_EXCHANGE, mt5.ORDER_FILLING_RETURN),
        (0, mt5.SYMBOL_TRADE_EXECUTION_INSTANT, mt5.ORDER_FILLING_FOK),
        (2, mt5.SYMBOL_TRADE_EXECUTION_REQUEST, mt5.ORDER_FILLING_FOK),
    ],
)
def test_the_filling_mode_comes_from_the_mask(mask: int, execution: int, filling: int) -> None:
    assert filling_of(symbol(filling_mode=mask, trade_exemode=execution)) == filling
