"""Every terminal trades alike: orders, deals, positions, their ends, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from infra.mt5 import constants as mt5
from infra.mt5.simulator.settings import AccountSettings
from infra.mt5.terminal import Terminal
from infra.mt5.tuples import TradeDeal
from tests.infra.mt5.worlds import (
    EVER,
    HOUR_MS,
    MINUTE_MS,
    START_MS,
    WORLDS,
    World,
    closing,
    deal,
    opened,
    quote,
    send,
    settings,
)

BUY, SELL = mt5.ORDER_TYPE_BUY, mt5.ORDER_TYPE_SELL
DONE = mt5.TRADE_RETCODE_DONE


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with WORLDS[request.param](settings()) as made:
        yield made


@pytest.fixture
def terminal(world: World) -> Terminal:
    return world.ready()


def deals(terminal: Terminal) -> tuple[TradeDeal, ...]:
    found = terminal.history_deals_get(*EVER)
    assert found is not None
    assert found[0].type == mt5.DEAL_TYPE_BALANCE
    return found[1:]


def balance(terminal: Terminal) -> float:
    account = terminal.account_info()
    assert account is not None
    return account.balance


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_market_order_becomes_a_deal_and_a_position(terminal: Terminal, side: int) -> None:
    result = send(terminal, deal(terminal, side))
    tick = quote(terminal)
    assert (result.retcode, result.comment) == (DONE, "Request executed")
    assert result.price == (tick.ask if side == BUY else tick.bid)
    (position,) = terminal.positions_get() or ()
    (order,) = terminal.history_orders_get(ticket=result.order) or ()
    (made,) = deals(terminal)
    assert (position.ticket, position.identifier, position.type) == (
        result.order,
        result.order,
        side,
    )
    assert (position.magic, position.comment, position.price_open) == (77, "test", result.price)
    assert (order.state, order.position_id) == (mt5.ORDER_STATE_FILLED, position.ticket)
    assert (made.ticket, made.order, made.position_id) == (result.deal, order.ticket, order.ticket)
    assert (made.entry, made.type, made.commission) == (mt5.DEAL_ENTRY_IN, side, -0.35)
    assert result.request._asdict()["magic"] == 77


def test_closing_a_position_books_its_profit(world: World, terminal: Terminal) -> None:
    position = opened(terminal, symbol="USDJPY", volume=1.0)
    world.clock.advance(10 * MINUTE_MS)
    before = balance(terminal)
    result = send(terminal, closing(terminal, position))
    assert (result.retcode, terminal.positions_get()) == (DONE, ())
    out = deals(terminal)[-1]
    gained = (result.price - position.price_open) * 100_000 / result.price
    assert (out.entry, out.position_id) == (mt5.DEAL_ENTRY_OUT, position.ticket)
    assert out.profit == pytest.approx(gained, abs=0.006)
    assert balance(terminal) == pytest.approx(before + out.profit - 3.5, abs=0.006)


def test_a_part_of_a_position_can_be_closed(terminal: Terminal) -> None:
    position = opened(terminal, volume=0.3)
    assert send(terminal, closing(terminal, position, volume=0.1)).retcode == DONE
    (left,) = terminal.positions_get() or ()
    assert (left.ticket, left.volume) == (position.ticket, 0.2)
    too_much = send(terminal, closing(terminal, position, volume=0.3))
    assert too_much.retcode == mt5.TRADE_RETCODE_INVALID_CLOSE_VOLUME
    assert send(terminal, closing(terminal, left)).retcode == DONE
    again = send(terminal, closing(terminal, left))
    assert again.retcode == mt5.TRADE_RETCODE_POSITION_CLOSED


def test_opposite_positions_live_side_by_side_and_close_each_other(terminal: Terminal) -> None:
    long, short = opened(terminal, BUY, volume=0.3), opened(terminal, SELL, volume=0.2)
    assert terminal.positions_total() == 2
    request = {
        "action": mt5.TRADE_ACTION_CLOSE_BY,
        "position": long.ticket,
        "position_by": short.ticket,
    }
    assert send(terminal, request).retcode == DONE
    (left,) = terminal.positions_get() or ()
    one, other = deals(terminal)[-2:]
    assert (left.ticket, left.volume) == (long.ticket, 0.1)
    assert {one.position_id, other.position_id} == {long.ticket, short.ticket}
    assert one.entry == other.entry == mt5.DEAL_ENTRY_OUT_BY
    assert one.profit == pytest.approx((short.price_open - long.price_open) * 20_000, abs=0.006)


def test_covered_lots_need_less_margin(terminal: Terminal) -> None:
    opened(terminal, BUY, volume=1.0)
    alone = terminal.account_info()
    opened(terminal, SELL, volume=1.0)
    covered = terminal.account_info()
    assert alone is not None
    assert covered is not None
    assert covered.margin == pytest.approx(alone.margin / 2, rel=1e-3)


@pytest.mark.parametrize(("stop", "word"), [("sl", "sl"), ("tp", "tp")])
def test_the_broker_executes_stops(world: World, terminal: Terminal, stop: str, word: str) -> None:
    tick = quote(terminal)
    away = {"sl": -0.0004, "tp": 0.0004}[stop]
    level = round(tick.bid + away, 5)
    position = opened(terminal, BUY, **{stop: level})
    for _ in range(200):
        world.clock.advance(5 * MINUTE_MS)
        if terminal.positions_total() == 0:
            break
    out = deals(terminal)[-1]
    order = (terminal.history_orders_get(ticket=out.order) or ())[0]
    assert (out.position_id, out.comment) == (position.ticket, f"[{word} {level:.5f}]")
    assert out.reason == order.reason
    assert out.reason == (mt5.DEAL_REASON_SL if stop == "sl" else mt5.DEAL_REASON_TP)
    assert out.price <= level if stop == "sl" else out.price >= level
    ticks = terminal.copy_ticks_range("EURUSD", out.time, out.time + 1, mt5.COPY_TICKS_ALL)
    assert ticks is not None
    assert out.price in ticks["bid"][ticks["time_msc"] == out.time_msc]


def test_stops_are_moved_and_taken_away(terminal: Terminal) -> None:
    position = opened(terminal)
    moved = {
        "action": mt5.TRADE_ACTION_SLTP,
        "symbol": "EURUSD",
        "position": position.ticket,
        "sl": round(position.price_current - 0.01, 5),
        "tp": round(position.price_current + 0.01, 5),
    }
    assert send(terminal, moved).retcode == DONE
    (now,) = terminal.positions_get() or ()
    assert (now.sl, now.tp) == (moved["sl"], moved["tp"])
    assert send(terminal, moved).retcode == mt5.TRADE_RETCODE_NO_CHANGES
    assert send(terminal, {**moved, "sl": 0.0, "tp": 0.0}).retcode == DONE
    wrong = {**moved, "sl": round(position.price_current + 0.01, 5)}
    assert send(terminal, wrong).retcode == mt5.TRADE_RETCODE_INVALID_STOPS


def test_holding_overnight_costs_swap_and_wednesday_counts_three_times(world: World) -> None:
    terminal = world.ready()
    opened(terminal, volume=1.0)  # Thursday noon
    charges: list[float] = []
    for _night in range(7):
        world.clock.advance(24 * HOUR_MS)
        (position,) = terminal.positions_get() or ()
        charges.append(position.swap - sum(charges))
    assert [round(charge, 2) for charge in charges] == [-7.2, -7.2, 0, 0, -7.2, -7.2, -21.6]
    (position,) = terminal.positions_get() or ()
    send(terminal, closing(terminal, position))
    assert deals(terminal)[-1].swap == pytest.approx(-50.4)


@pytest.mark.thorough
@pytest.mark.parametrize("name", list(WORLDS))
def test_the_broker_closes_the_largest_loss_when_equity_is_gone(name: str) -> None:
    terms = AccountSettings(deposit=1_250.0, leverage=100)
    with WORLDS[name](settings(terms=terms)) as world:
        terminal = world.ready()
        wrong, right = _sides_that_lose_and_win(world)
        opened(terminal, wrong, volume=0.6)
        opened(terminal, wrong, volume=0.5)
        opened(terminal, right, volume=0.01)
        world.clock.advance(30 * 24 * HOUR_MS)
        first = deals(terminal)[3]
        assert first.reason == mt5.DEAL_REASON_SO
        assert first.volume == 0.6
        assert first.comment.startswith("[so ")
        level = float(first.comment[4:].split("%")[0])
        assert level <= 50.0


def _sides_that_lose_and_win(world: World) -> tuple[int, int]:
    """The market can be asked what will be."""
    month = world.broker.market.ticks("EURUSD", START_MS, START_MS + 30 * 24 * HOUR_MS).bid
    falls = month[0] - month.min() > month.max() - month[0]
    return (BUY, SELL) if falls else (SELL, BUY)


@pytest.mark.parametrize("filters", [{}, {"group": "*USD"}, {"group": "!XAU*,*USD*"}])
def test_history_is_read_by_dates_ticket_position_and_group(
    terminal: Terminal, filters: dict[str, Any]
) -> None:
    position = opened(terminal)
    opened(terminal, symbol="USDJPY")
    send(terminal, closing(terminal, position))
    names = {d.symbol for d in terminal.history_deals_get(*EVER, **filters) or ()} - {""}
    assert names == ({"EURUSD", "USDJPY"} if filters.get("group") != "*USD" else {"EURUSD"})
    of_position = terminal.history_deals_get(position=position.ticket) or ()
    assert [made.entry for made in of_position] == [mt5.DEAL_ENTRY_IN, mt5.DEAL_ENTRY_OUT]
    of_order = terminal.history_deals_get(ticket=position.ticket) or ()
    assert of_order == of_position[:1]
    assert len(terminal.history_orders_get(position=position.ticket) or ()) == 2
    assert (terminal.history_deals_total(*EVER), terminal.history_orders_total(*EVER)) == (4, 3)
    assert terminal.history_deals_get(ticket=1) == ()
    assert (terminal.positions_get(ticket=1), terminal.orders_get(ticket=1)) == ((), ())
    assert terminal.last_error() == (mt5.RES_S_OK, "Success")
    assert terminal.history_deals_get(1, 2) == ()
