"""The broker's books beside the tape's: what is equal, and that every kind of difference shows."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest
from msgspec.structs import replace

from events.accounts import ExternalDealFound
from events.envelope import Event
from events.orders import OrderFilled, PositionClosed
from events.values import Side, lots, money, price
from infra.mt5 import constants as mt5
from infra.mt5.books import differences
from infra.mt5.tuples import TradeDeal, TradePosition
from tests.infra.mt5.desk import ACCOUNT, EMPTY

FILLED = OrderFilled(
    order_id="x/open",
    execution_id="x",
    account=ACCOUNT,
    symbol="EURUSD",
    side=Side.BUY,
    volume_lots=lots("0.10"),
    volume_left_lots=lots("0"),
    price=price("1.1"),
    commission=money("-0.35"),
    profit=money("0"),
    deal_ticket=5,
    position_id=9,
    dealt_at_us=1,
)
CLOSED = PositionClosed(
    order_id="x/open",
    execution_id="x",
    account=ACCOUNT,
    symbol="EURUSD",
    position_id=9,
    deal_ticket=6,
    side=Side.SELL,
    volume_lots=lots("0.04"),
    price=price("1.2"),
    commission=money("-0.14"),
    swap=money("-0.10"),
    profit=money("40"),
    reason="stop_loss",
    dealt_at_us=2,
)
EXTERNAL = ExternalDealFound(
    account=ACCOUNT,
    deal_ticket=7,
    position_id=11,
    symbol="EURUSD",
    volume_lots=lots("1"),
    profit=money("-3.5"),
    magic=0,
    dealt_at_us=3,
)
EVENTS: tuple[Event, ...] = (FILLED, CLOSED, EXTERNAL)
BALANCE = 100_000 - 0.35 + 40 - 0.14 - 0.10 - 3.5


def made(kind: Any, **fields: Any) -> Any:
    plain = {name: EMPTY[of] for name, of in get_type_hints(kind).items()}
    return kind(**{**plain, **fields})


POSITION: TradePosition = made(TradePosition, ticket=9, volume=0.06, type=mt5.POSITION_TYPE_BUY)
FOREIGN: TradePosition = made(TradePosition, ticket=11, volume=1.0, type=mt5.POSITION_TYPE_BUY)
DEPOSIT: TradeDeal = made(TradeDeal, ticket=1, type=mt5.DEAL_TYPE_BALANCE, profit=100_000.0)
DEALS: tuple[TradeDeal, ...] = (
    DEPOSIT,
    made(TradeDeal, ticket=5, volume=0.1),
    made(TradeDeal, ticket=6, volume=0.04, type=mt5.DEAL_TYPE_SELL),
    made(TradeDeal, ticket=7, volume=1.0),
)


def found(
    events: tuple[Event, ...] = EVENTS,
    positions: tuple[TradePosition, ...] = (POSITION, FOREIGN),
    deals: tuple[TradeDeal, ...] = DEALS,
    balance: float = BALANCE,
) -> list[str]:
    return [each.what for each in differences(ACCOUNT, events, positions, deals, balance)]


def test_equal_books_have_no_difference() -> None:
    assert found() == []


def test_another_account_s_events_count_for_nothing() -> None:
    elsewhere = replace(FILLED, account="2", deal_ticket=50)
    assert found((*EVENTS, elsewhere)) == []


@pytest.mark.parametrize(
    ("books", "what"),
    [
        ({"deals": DEALS[:-1]}, ["deal 7"]),
        ({"events": EVENTS[:-1]}, ["deal 7", "position 11", "balance"]),
        ({"events": (*EVENTS, FILLED)}, ["deal 5", "position 9", "balance"]),
        ({"positions": (FOREIGN,)}, ["position 9"]),
        ({"positions": (POSITION._replace(volume=0.1), FOREIGN)}, ["position 9"]),
        ({"positions": (POSITION._replace(type=1), FOREIGN)}, ["position 9"]),
        ({"balance": BALANCE + 0.01}, ["balance"]),
        ({"deals": (*DEALS[:2], DEALS[2]._replace(volume=0.05), DEALS[3])}, ["deal 6"]),
    ],
)
def test_every_kind_of_difference_is_named(books: dict[str, Any], what: list[str]) -> None:
    assert found(**books) == what
