"""One way to provoke each return code: settings, the state of market and account, timing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from infra.mt5 import constants as mt5
from infra.mt5.simulator.settings import AccountSettings, Dealer, MarketSettings, Plugin
from infra.mt5.simulator.symbols import Depth
from infra.mt5.terminal import Terminal
from infra.mt5.tuples import Tick
from tests.infra.mt5.worlds import (
    EVER,
    HOUR_MS,
    MINUTE_MS,
    START_MS,
    World,
    closing,
    deal,
    opened,
    pending,
    quote,
    send,
)

Act = Callable[[World, Terminal], int]
BUY_LIMIT = mt5.ORDER_TYPE_BUY_LIMIT
REQUEST, MARKET = mt5.SYMBOL_TRADE_EXECUTION_REQUEST, mt5.SYMBOL_TRADE_EXECUTION_MARKET
SOME_CODE = 10_917
"""A code of a server's plug-in that nobody else knows."""


@dataclass(frozen=True)
class Cause:
    """What the broker is told, and what is then done; the act gives the code of the last answer."""

    act: Act
    terms: AccountSettings = field(default_factory=AccountSettings)
    symbol: dict[str, Any] = field(default_factory=dict)
    market: MarketSettings = field(default_factory=MarketSettings)
    outages_ms: tuple[tuple[int, int], ...] = ()


def buy(**fields: Any) -> Act:
    """A market order to buy, sound but for these fields."""
    return lambda _world, terminal: send(terminal, deal(terminal, **fields)).retcode


def later(wait_ms: int, act: Act) -> Act:
    """Wait, then act."""

    def waited(world: World, terminal: Terminal) -> int:
        world.clock.advance(wait_ms)
        return act(world, terminal)

    return waited


def buy_at(fields: Callable[[Tick], dict[str, Any]]) -> Act:
    """A market order to buy, with fields that depend on the quote."""
    return lambda _world, terminal: (
        send(terminal, {**deal(terminal), **fields(quote(terminal))}).retcode
    )


def wait_for(**fields: Any) -> Act:
    """An order to buy below the market."""
    return lambda _world, terminal: send(terminal, below(terminal, **fields)).retcode


def below(terminal: Terminal, points: int = 1000, **fields: Any) -> dict[str, Any]:
    """An order to buy so many points below the market."""
    return {**pending(BUY_LIMIT, quote(terminal).ask - points * 1e-5), **fields}


def placed(terminal: Terminal, **fields: Any) -> int:
    """The ticket of an order that waits below the market."""
    return send(terminal, below(terminal, **fields)).order


def remove(terminal: Terminal, ticket: int) -> int:
    """Take an order back."""
    return send(terminal, {"action": mt5.TRADE_ACTION_REMOVE, "order": ticket}).retcode


def stops(terminal: Terminal, ticket: int, **levels: float) -> int:
    """Move a position's stops."""
    moved = {"action": mt5.TRADE_ACTION_SLTP, "symbol": "EURUSD", "position": ticket}
    return send(terminal, {**moved, **levels}).retcode


def stale_price(world: World, terminal: Terminal) -> int:
    request = deal(terminal, deviation=0)
    while quote(terminal).ask == request["price"]:
        world.clock.advance(MINUTE_MS)
    return send(terminal, request).retcode


def late_deal(world: World, terminal: Terminal) -> int:
    """Answered with nothing; the deal is there later."""
    result = send(terminal, deal(terminal, magic=12))
    assert (result.deal, result.order) == (0, 0)
    assert terminal.history_deals_total(*EVER) == 1
    world.clock.advance(20_000)
    made = (terminal.history_deals_get(*EVER) or ())[-1]
    assert (made.magic, made.time_msc) == (12, START_MS + 20_000)
    return result.retcode


def queued(world: World, terminal: Terminal) -> int:
    result = send(terminal, deal(terminal))
    assert (result.deal, terminal.orders_total(), terminal.positions_total()) == (0, 1, 0)
    world.clock.advance(300)
    assert (terminal.orders_total(), terminal.positions_total()) == (0, 1)
    return result.retcode


def part(_world: World, terminal: Terminal) -> int:
    result = send(terminal, deal(terminal, volume=50.0, type_filling=mt5.ORDER_FILLING_IOC))
    (position,) = terminal.positions_get() or ()
    assert 0 < result.volume == position.volume < 50.0
    return result.retcode


def often(_world: World, terminal: Terminal) -> int:
    return [send(terminal, deal(terminal, volume=0.0)).retcode for _ in range(6)][-1]


def just_removed(_world: World, terminal: Terminal) -> int:
    ticket = placed(terminal)
    assert remove(terminal, ticket) == mt5.TRADE_RETCODE_DONE
    return remove(terminal, ticket)


def same_stops(_world: World, terminal: Terminal) -> int:
    position = opened(terminal, sl=1.0)
    return stops(terminal, position.ticket, sl=1.0)


def removed_at_work(_world: World, terminal: Terminal) -> int:
    return remove(terminal, send(terminal, deal(terminal)).order)


def near_its_price(_world: World, terminal: Terminal) -> int:
    return remove(terminal, placed(terminal, points=100))


def twice_removed(world: World, terminal: Terminal) -> int:
    ticket = placed(terminal)
    remove(terminal, ticket)
    world.clock.advance(MINUTE_MS)
    return remove(terminal, ticket)


def twice_closed(_world: World, terminal: Terminal) -> int:
    close = closing(terminal, opened(terminal))
    assert send(terminal, close).retcode == mt5.TRADE_RETCODE_DONE
    return send(terminal, close).retcode


def closed_too_much(_world: World, terminal: Terminal) -> int:
    return send(terminal, closing(terminal, opened(terminal), volume=0.2)).retcode


def closed_while_closing(world: World, terminal: Terminal) -> int:
    send(terminal, deal(terminal))
    world.clock.advance(300)
    (position,) = terminal.positions_get() or ()
    close = closing(terminal, position)
    assert send(terminal, close).retcode == mt5.TRADE_RETCODE_PLACED
    return send(terminal, close).retcode


def activated_without_money(world: World, terminal: Terminal) -> int:
    """The order asks for more than the account has; when it is touched it is refused."""
    ticket = placed(terminal, points=10, volume=98.0)
    while terminal.orders_total():
        world.clock.advance(MINUTE_MS)
    (done,) = terminal.history_orders_get(ticket=ticket) or ()
    assert (done.state, done.comment) == (mt5.ORDER_STATE_REJECTED, "[no money]")
    return remove(terminal, ticket)


def younger_first(_world: World, terminal: Terminal) -> int:
    opened(terminal)
    return send(terminal, closing(terminal, opened(terminal))).retcode


def both_ways(_world: World, terminal: Terminal) -> int:
    opened(terminal)
    return send(terminal, deal(terminal, mt5.ORDER_TYPE_SELL)).retcode


def mode(trade_mode: int) -> dict[str, Any]:
    return {"trade_mode": trade_mode}


PLAIN = AccountSettings()
SLOW_MARKET = {"execution": MARKET, "execution_ms": 250}
THIN = {"execution": MARKET, "depth": Depth(levels=4, lots_per_level=2.0)}
WEEK = MarketSettings(week="fx")

CAUSES: dict[int, Cause] = {
    10004: Cause(stale_price),
    10006: Cause(buy(), replace(PLAIN, dealer=Dealer(rejects=1.0)), {"execution": REQUEST}),
    10007: Cause(buy(), replace(PLAIN, dealer=Dealer(cancels=1.0)), {"execution": REQUEST}),
    10008: Cause(queued, symbol=SLOW_MARKET),
    10009: Cause(buy()),
    10010: Cause(part, symbol=THIN),
    10011: Cause(buy(), replace(PLAIN, dealer=Dealer(fails=1.0)), {"execution": REQUEST}),
    10012: Cause(late_deal, symbol={"execution_ms": 20_000}),
    10013: Cause(buy(type=mt5.ORDER_TYPE_CLOSE_BY)),
    10014: Cause(buy(volume=0.015)),
    10015: Cause(wait_for(price=1.0000001)),
    10016: Cause(buy_at(lambda tick: {"sl": round(tick.bid - 0.00009, 5)})),
    10017: Cause(buy(), replace(PLAIN, trade_allowed=False)),
    10018: Cause(
        later(48 * HOUR_MS, buy()),
        market=WEEK,
    ),
    10019: Cause(buy(volume=98.0)),
    10020: Cause(stale_price, symbol={"execution": REQUEST}),
    10021: Cause(
        later(3_600, buy()),
        symbol={"execution": MARKET, "quote_age_ms_max": 2_000},
        market=MarketSettings(ticks_per_s=0.02),
    ),
    10022: Cause(wait_for(type_time=mt5.ORDER_TIME_DAY), symbol={"expiration_mask": 1}),
    10023: Cause(just_removed, replace(PLAIN, settling_ms=500)),
    10024: Cause(often, replace(PLAIN, requests_per_s_max=5)),
    10025: Cause(same_stops),
    10026: Cause(buy(), replace(PLAIN, experts_allowed=False)),
    10027: Cause(buy(), replace(PLAIN, terminal_trade_allowed=False)),
    10028: Cause(removed_at_work, symbol=SLOW_MARKET),
    10029: Cause(near_its_price, symbol={"freeze_level_points": 300}),
    10030: Cause(buy(type_filling=mt5.ORDER_FILLING_IOC), symbol={"filling_mask": 1}),
    10031: Cause(buy(), outages_ms=((START_MS, START_MS + MINUTE_MS),)),
    10032: Cause(buy(), symbol={"real_only": True}),
    10033: Cause(wait_for(), replace(PLAIN, orders_max=0)),
    10034: Cause(buy(), symbol={"volume_limit": 0.05}),
    10035: Cause(twice_removed),
    10036: Cause(twice_closed),
    10038: Cause(closed_too_much),
    10039: Cause(closed_while_closing, symbol=SLOW_MARKET),
    10040: Cause(buy(), replace(PLAIN, positions_max=0)),
    10041: Cause(activated_without_money),
    10042: Cause(
        lambda _world, terminal: send(terminal, deal(terminal, mt5.ORDER_TYPE_SELL)).retcode,
        symbol=mode(mt5.SYMBOL_TRADE_MODE_LONGONLY),
    ),
    10043: Cause(buy(), symbol=mode(mt5.SYMBOL_TRADE_MODE_SHORTONLY)),
    10044: Cause(buy(), symbol=mode(mt5.SYMBOL_TRADE_MODE_CLOSEONLY)),
    10045: Cause(younger_first, replace(PLAIN, fifo_close=True)),
    10046: Cause(both_ways, replace(PLAIN, hedging_allowed=False)),
    SOME_CODE: Cause(
        buy(volume=3.0), replace(PLAIN, plugin=Plugin(volume_max=2.0, retcode=SOME_CODE))
    ),
}
