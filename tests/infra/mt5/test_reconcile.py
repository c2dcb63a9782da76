"""What four reads of a terminal say about an order whose answer was lost."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest

from events.accounts import ExternalDealFound
from events.orders import magic_of
from events.values import Side, lots
from infra.mt5 import constants as mt5
from infra.mt5.reconcile import Absent, Books, Found, Undealt, Undecided, is_fill, judge
from infra.mt5.requests import comment_of
from infra.mt5.simulator.faults import FaultRule
from infra.mt5.tuples import TradeDeal, TradeOrder, TradePosition
from tests.infra.mt5.desk import EMPTY, ORDER, order
from tests.infra.mt5.floor import LOGIN, Floor

MAGIC = magic_of(ORDER.order_id)
COMMENT = comment_of(ORDER.order_id)
NOTHING = Books((), (), (), ())


def made(kind: Any, **fields: Any) -> Any:
    plain = {name: EMPTY[of] for name, of in get_type_hints(kind).items()}
    return kind(**{**plain, "symbol": "EURUSD", **fields})


def deal(**fields: Any) -> TradeDeal:
    usual = {"ticket": 1, "order": 7, "position_id": 7, "volume": 0.1, "price": 1.1}
    found: TradeDeal = made(TradeDeal, **{**usual, "magic": MAGIC, "comment": COMMENT, **fields})
    return found


def done(**fields: Any) -> TradeOrder:
    found: TradeOrder = made(
        TradeOrder, **{"ticket": 7, "magic": MAGIC, "state": mt5.ORDER_STATE_FILLED, **fields}
    )
    return found


def judged(
    books: Books, explained: tuple[int, ...] = (), venue_order: int = 0, since_us: int = 0
) -> Any:
    return judge(ORDER, books, lambda ticket: ticket in explained, since_us, venue_order)


@pytest.mark.parametrize("read", ["positions", "orders", "orders_done", "deals"])
def test_a_read_that_failed_is_not_evidence_of_absence(read: str) -> None:
    reads: dict[str, Any] = {
        "positions": (), "orders": (), "orders_done": (), "deals": (deal(),), read: None
    }  # fmt: skip
    assert isinstance(judged(Books(**reads)), Undecided)


def test_four_empty_reads_are_absence() -> None:
    assert judged(NOTHING) == Absent()


def test_an_order_that_the_venue_gave_a_ticket_is_never_absent() -> None:
    assert isinstance(judged(NOTHING, venue_order=7), Undecided)


@pytest.mark.parametrize(
    "seen",
    [
        {},
        {"comment": "rewritten by the broker"},
        {"magic": 0},
        {"magic": 0, "comment": COMMENT[:16]},
        {"magic": 0, "comment": COMMENT + " #12"},
    ],
)
def test_a_deal_is_found_by_magic_or_by_what_is_left_of_the_comment(seen: dict[str, Any]) -> None:
    books = Books((), (), (), (deal(**seen), deal(ticket=2, magic=5, comment="")))
    assert judged(books) == Found((deal(**seen),))


def test_a_deal_is_found_by_the_ticket_that_the_venue_gave() -> None:
    nameless = deal(magic=0, comment="", volume=0.03)
    asked = done(magic=0, volume_initial=0.1, volume_current=0.07)
    assert judged(Books((), (), (asked,), (nameless,)), venue_order=7) == Found((nameless,))


def test_one_nameless_twin_that_nobody_has_explained_is_the_order_s() -> None:
    twin = deal(magic=0, comment="")
    assert judged(Books((), (), (), (twin,))) == Found((twin,))
    assert judged(Books((), (), (), (twin,)), explained=(1,)) == Absent()
    assert judged(Books((), (), (), (twin, twin._replace(ticket=2)))) == Absent()


@pytest.mark.parametrize("volumes", [(0.04,), (0.04, 0.03), (0.04, 0.06)])
def test_a_nameless_part_is_known_by_what_its_order_had_asked_for(
    volumes: tuple[float, ...],
) -> None:
    parts = tuple(
        deal(ticket=n, magic=0, comment="", volume=volume) for n, volume in enumerate(volumes, 1)
    )
    asked = done(magic=0, volume_initial=0.1, volume_current=0.1 - sum(volumes))
    assert judged(Books((), (), (asked,), parts)) == Found(parts)


@pytest.mark.parametrize(
    ("state", "left"),
    [
        (mt5.ORDER_STATE_FILLED, 0.0),
        (mt5.ORDER_STATE_CANCELED, 0.03),
        (mt5.ORDER_STATE_EXPIRED, 0.03),
    ],
)
def test_what_the_venue_dealt_and_has_not_written_down_is_waited_for(
    state: int, left: float
) -> None:
    ended = done(state=state, volume_initial=0.1, volume_current=left)
    first, second = deal(volume=0.06), deal(ticket=2, volume=0.04 - left)
    assert isinstance(judged(Books((), (), (ended,), ()), venue_order=7), Undecided)
    assert isinstance(judged(Books((), (), (ended,), (first,))), Undecided)
    assert judged(Books((), (), (ended,), (first, second))) == Found((first, second))


def test_a_part_whose_order_the_venue_does_not_show_yet_is_waited_for() -> None:
    assert isinstance(judged(Books((), (), (), (deal(volume=0.06),))), Undecided)
    assert judged(Books((), (), (), (deal(),))) == Found((deal(),))


def test_a_nameless_twin_from_before_the_order_is_not_taken_for_its_own() -> None:
    sent_ms = 1_700_000_000_000
    hour_ms = 3_600_000
    for behind_ms, name, finding in (
        (30_000, {"magic": 0, "comment": ""}, Found),
        (90_000, {"magic": 0, "comment": ""}, Undecided),
        (5 * hour_ms, {}, Found),  # a venue's clock may be in another zone: a name is proof
    ):
        seen = Books((), (), (), (deal(time_msc=sent_ms - behind_ms, **name),))
        assert isinstance(judged(seen, since_us=sent_ms * 1_000), finding)


def test_a_part_of_what_a_stranger_had_asked_for_is_nobody_s() -> None:
    for volume in (0.04, 0.1):
        part = deal(magic=0, comment="", volume=volume)
        assert judged(Books((), (), (done(magic=0, volume_initial=0.3),), (part,))) == Absent()


@pytest.mark.parametrize(
    "other", [{"type": mt5.DEAL_TYPE_SELL}, {"volume": 0.2}, {"symbol": "GBPUSD"}, {"magic": 9}]
)
def test_a_nameless_deal_of_another_kind_is_nobody_s(other: dict[str, Any]) -> None:
    assert judged(Books((), (), (), (deal(**{"magic": 0, "comment": "", **other}),))) == Absent()


def test_an_order_that_is_still_active_decides_nothing() -> None:
    active = done(state=mt5.ORDER_STATE_PLACED)
    assert isinstance(judged(Books((), (active,), (), (deal(),))), Undecided)


@pytest.mark.parametrize(
    "state", [mt5.ORDER_STATE_CANCELED, mt5.ORDER_STATE_REJECTED, mt5.ORDER_STATE_EXPIRED]
)
def test_an_order_that_ended_without_a_deal_was_not_dealt(state: int) -> None:
    assert isinstance(judged(Books((), (), (done(state=state),), ())), Undealt)


def test_an_order_that_was_cut_off_after_a_part_keeps_the_part() -> None:
    part = deal(volume=0.04)
    books = Books((), (), (done(state=mt5.ORDER_STATE_CANCELED),), (part,))
    assert judged(books) == Found((part,))


@pytest.mark.parametrize(
    "books",
    [
        Books((), (), (done(),), ()),
        Books((made(TradePosition, magic=MAGIC),), (), (), ()),
    ],
)
def test_a_venue_that_contradicts_itself_is_asked_again(books: Books) -> None:
    assert isinstance(judged(books), Undecided)


def test_the_stop_that_closed_a_position_is_not_the_fill_that_opened_it() -> None:
    stop = deal(ticket=2, entry=mt5.DEAL_ENTRY_OUT, type=mt5.DEAL_TYPE_SELL, order=8)
    assert judged(Books((), (), (), (deal(), stop))) == Found((deal(),))
    assert not is_fill(ORDER, stop)
    closing = order(side=Side.SELL, closes_position=7, volume_lots=lots("0.10"))
    assert is_fill(closing, stop)
    assert not is_fill(closing, stop._replace(position_id=9))


class Failing:
    """A terminal whose history cannot be read for a while."""

    def __init__(self, terminal: Any, until_s: float, floor: Floor) -> None:
        self._terminal = terminal
        self._until_s = until_s
        self._floor = floor

    def __getattr__(self, name: str) -> Any:
        if name == "history_deals_get" and self._floor.clock.monotonic_s() < self._until_s:
            return lambda *_args, **_kwargs: None
        return getattr(self._terminal, name)


def test_while_history_cannot_be_read_an_order_stays_unresolved() -> None:
    floor = Floor()
    floor.spoil(FaultRule(kind="lose_before"))
    until_s = floor.clock.monotonic_s() + 20.0
    floor.start(lambda port: port if port is floor.ledger else Failing(port, until_s, floor))
    floor.accept("x/open")
    floor.run(19.0)
    assert floor.story("x/open")[-1] == "OrderUnresolved"
    floor.rest()
    assert floor.story("x/open")[-1] == "OrderNotExecuted"


def test_an_order_that_was_taken_but_shows_no_deal_is_searched_not_sent_again() -> None:
    floor = Floor()
    until_s = floor.clock.monotonic_s() + 20.0
    floor.start(lambda port: port if port is floor.ledger else Failing(port, until_s, floor))
    floor.accept("x/open")
    floor.run(19.0)
    assert floor.story("x/open")[-1] == "OrderUnresolved"
    floor.rest()
    assert floor.story("x/open")[-1] == "OrderFilled"
    assert floor.sends_of("x/open") == 1


class Elsewhere:
    """A terminal that shows another account's books until it is mended."""

    mended = False

    def __init__(self, terminal: Any, floor: Floor) -> None:
        self._terminal = terminal
        self._floor = floor

    def __getattr__(self, name: str) -> Any:
        unresolved = "OrderUnresolved" in self._floor.story("x/open")
        if name == "account_info" and unresolved and not self.mended:
            return lambda: self._terminal.account_info()._replace(login=LOGIN + 1)
        return getattr(self._terminal, name)


def test_another_account_s_books_prove_nothing() -> None:
    floor, terminals = Floor(), []

    def wrapped(port: Any) -> Any:
        if port is floor.ledger:
            return port
        terminals.append(Elsewhere(port, floor))
        return terminals[-1]

    floor.spoil(FaultRule(kind="lose_after"))
    floor.start(wrapped)
    floor.accept("x/open")
    floor.run(20.0)
    assert floor.story("x/open")[-1] == "OrderUnresolved"
    terminals[0].mended = True
    floor.rest()
    assert floor.story("x/open")[-1] == "OrderFilled"


class Anonymous:
    """A broker that keeps neither magic numbers nor comments; `mute`: nor shows active orders."""

    mute = True

    def __init__(self, terminal: Any) -> None:
        self._terminal = terminal

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._terminal, name)
        if name == "orders_get" and self.mute:
            return lambda: None
        if not name.startswith(("history_", "positions_", "orders_")):
            return function
        return lambda *a, **k: tuple(
            each._replace(magic=0, comment="") for each in function(*a, **k) or ()
        )


@pytest.mark.parametrize("kind", ["lose_after", "delay"])
def test_a_broker_that_keeps_no_names_is_told_by_what_was_ordered(kind: Any) -> None:
    """Its deal is not taken for a stranger's while the order is still looked for."""
    floor, terminals = Floor(), []

    def wrapped(port: Any) -> Any:
        if port is floor.ledger:
            return port
        terminals.append(Anonymous(port))
        return terminals[-1]

    floor.spoil(FaultRule(kind=kind))
    floor.start(wrapped)
    floor.accept("x/open")
    floor.run(5.0)
    terminals[0].mute = False
    floor.rest()
    assert floor.story("x/open")[-1] == "OrderFilled"
    assert not any(isinstance(event, ExternalDealFound) for event in floor.events())
