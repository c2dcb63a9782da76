"""A batch of orders or of signals gets the verdicts of single calls, whatever is known."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from commands.accounts import Account
from events.accounts import AccountOpened, AccountReported
from events.limits import QUOTE_AGE_MS_MAX, LimitsSet
from events.orders import OrderAccepted
from events.signals import SignalRaised
from events.values import Side, lots, money, price
from infra.mt5 import constants as mt5
from infra.mt5.gateway.checks import Books, checked
from infra.mt5.gateway.health import Health, Rung
from infra.mt5.gateway.room import Missing, Room
from infra.mt5.gateway.verdict import (
    SPEC_AGE_S_MAX,
    Known,
    Market,
    Sendable,
    verdict,
    verdicts,
)
from tests.infra.mt5.desk import order
from tests.infra.mt5.gateway.test_verdict import NOW_US, TRADING, limits, market, position

QUOTE_AGE_S_MAX = QUOTE_AGE_MS_MAX / 1_000
SYMBOLS = ("EURUSD", "GBPUSD", "AUDUSD", "NZDUSD")
SEEDS = st.integers(0, 2**32)
"""Plain luck by seed: strategies of so many fields would seldom draw an order that may go."""
RARE = 0.05


class Luck(random.Random):
    """Draws what an order may meet: mostly what is usual, now and then what is not."""

    def but(self, usual: Any, *seldom: Any) -> Any:
        return self.choice(seldom) if self.random() < RARE else usual

    def lots(self, most: float) -> Decimal:
        return lots(round(self.uniform(0.0001, most), 4))

    def near(self, value: float, by: float) -> Decimal | None:
        return None if self.random() < 0.4 else price(round(value + self.uniform(-by, by / 9), 5))

    def order(self) -> OrderAccepted:
        side = self.choice((Side.BUY, Side.SELL))
        stop, take = self.near(1.09, 0.02), self.near(1.12, 0.02)
        return order(
            order_id=self.choice("abc"),
            symbol=self.choice(SYMBOLS),
            side=side,
            volume_lots=self.lots(1.5),
            stop_loss=stop if side is Side.BUY else take,
            take_profit=take if side is Side.BUY else stop,
            closes_position=self.but(None, 7),
            limits_version=self.but(1, 2),
            expires_at_us=self.but(NOW_US + 1, NOW_US - 1),
        )

    def limits(self, account: str = "90001") -> LimitsSet:
        return limits(
            account=account,
            volume_lots_max=self.choice((lots("0.8"), lots(2))),
            open_lots_max=self.choice((lots(3), lots(20))),
            open_positions_max=self.choice((3, 9)),
            confidence_min=self.choice((0.0, 0.5)),
            symbols=self.but(SYMBOLS, SYMBOLS[:1]),
        )

    def market(self) -> Market:
        age_s = self.but(1.0, QUOTE_AGE_S_MAX, QUOTE_AGE_S_MAX + 0.1, float("nan"))
        return market(
            age_s,
            self.but(1.0, SPEC_AGE_S_MAX, SPEC_AGE_S_MAX + 0.1),
            volume_step=self.choice((0.01, 0.1)),
            volume_min=self.choice((0.01, 0.3)),
            volume_limit=self.choice((0.0, 0.0, 1.0)),
            trade_mode=self.but(mt5.SYMBOL_TRADE_MODE_FULL, 0, 1, 2, 3),
            trade_stops_level=self.choice((0, 20, 2_000)),
            filling_mode=self.but(self.choice((1, 2, 3)), 0),
        )

    def room(self) -> Room:
        held = tuple(
            position(symbol=self.choice(SYMBOLS), type=self.choice((0, 1)), volume=self.random())
            for _ in range(self.randrange(4))
        )
        shown = self.but(held, Missing("no link"))
        return Room(self.but(self.limits(), None), shown, tuple(self.orders(2)))

    def orders(self, most: int) -> list[OrderAccepted]:
        return [self.order() for _ in range(self.randrange(most + 1))]

    def known(self) -> Known:
        unwell = [Health(rung, f"only {rung.name}") for rung in Rung]
        return Known(
            NOW_US,
            self.but(TRADING, *unwell),
            self.room(),
            {name: self.but(self.market(), Missing("no quote")) for name in SYMBOLS[:3]},
            self.but(frozenset(), frozenset({"told to"})),
            self.but(False, True),
            self.choice(({}, {7: Decimal("0.02")})),
        )

    def signal(self) -> SignalRaised:
        return SignalRaised(
            signal_id=self.choice("xyz"),
            symbol=self.choice(SYMBOLS),
            side=self.choice((Side.BUY, Side.SELL)),
            confidence=self.uniform(0.4, 1.0),
            horizon_s=60,
            raised_at_us=NOW_US - self.but(0, 50_000_000),
            expires_at_us=self.but(NOW_US + 60_000_000, NOW_US - 1),
            price_reference=self.but(1.1, 1.2, 0.0, float("nan")),
            stop_distance=self.choice((0.0, 0.01, 0.02)),
            take_distance=self.but(0.02, 5.0),
            model_digest="",
        )

    def books(self, account: str) -> Books:
        opened = AccountOpened(account=account, login=1, server="s", currency="USD")
        reported = AccountReported(
            account=account,
            balance=money(9),
            equity=money(9),
            margin=money(0),
            open_lots=self.lots(2),
            open_positions=self.randrange(4),
            reported_at_us=NOW_US,
        )
        state = Account(
            opened=self.but(opened, None),
            reported=self.but(reported, None),
            halted_for=self.but(frozenset(), frozenset({"told to"})),
        )
        return Books(account, state, self.but(self.limits(account), None), self.known())


def fresh(of: Known) -> Known:
    """The same knowledge without anything that was worked out of it before."""
    room = Room(of.room.limits, of.room.positions, of.room.doubtful)
    fields = (of.health, room, of.markets, of.halted_for, of.login_refused, of.left_lots)
    return Known(of.now_us, *fields)


@settings(max_examples=500, deadline=None)
@given(SEEDS)
def test_a_batch_of_orders_gets_the_verdicts_of_single_calls(seed: int) -> None:
    luck = Luck(seed)
    batch, known = luck.orders(100), luck.known()
    singly = tuple(verdict(each, fresh(known)) for each in batch)
    assert verdicts(batch, known) == singly
    assert verdicts(batch[::-1], known) == singly[::-1]


@settings(max_examples=200, deadline=None)
@given(SEEDS)
def test_a_batch_of_signals_over_accounts_gets_the_verdicts_of_single_calls(seed: int) -> None:
    luck = Luck(seed)
    signals = [luck.signal() for _ in range(luck.randrange(12))]
    books = [luck.books(name) for name in ("1", "2", "3")]
    together = checked(signals, books)
    assert len(together) == len(signals)
    for signal, found in zip(signals, together, strict=True):
        singly = tuple(checked((signal,), (each,))[0][0] for each in books)
        assert found == singly


@settings(max_examples=300, deadline=None)
@given(SEEDS)
def test_what_goes_is_no_more_than_was_asked_and_on_the_symbols_step(seed: int) -> None:
    luck = Luck(seed)
    asked, known = luck.order(), luck.known()
    found = verdict(asked, known)
    if isinstance(found, Sendable):
        on = known.markets[asked.symbol]
        assert isinstance(on, Market)
        volume, step = Decimal(str(found.request["volume"])), Decimal(str(on.spec.volume_step))
        assert Decimal(str(on.spec.volume_min)) <= volume <= asked.volume_lots
        assert volume % step == 0


def test_the_batches_hold_a_good_share_of_each_kind_of_verdict() -> None:
    lucks = [Luck(seed) for seed in range(300)]
    of_orders = Counter(type(verdict(luck.order(), luck.known())).__name__ for luck in lucks)
    rows = [checked((luck.signal(),), (luck.books("1"),))[0] for luck in lucks]
    of_signals = Counter(type(found).__name__ for row in rows for found in row)
    for counted in (of_orders, of_signals):
        assert min(counted[kind] for kind in ("Sendable", "Unsendable", "Withheld")) >= 10, counted
