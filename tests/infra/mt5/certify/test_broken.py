"""A terminal that answers wrongly fails by the rules that are about it; no rule cannot fail."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest

from infra.mt5 import constants as mt5
from infra.mt5.certify.rules import FAMILIES, RULES, codes
from tests.infra.mt5.certify.broken import Alter, each, failed, of

POINT = 1e-5
BY_NUMBER = {rule.number: rule for rule in RULES}


def _without(name: str) -> Any:
    """A struct that lacks a field."""

    def change(answer: Any) -> Any:
        left = {key: value for key, value in answer._asdict().items() if key != name}
        return namedtuple(type(answer).__name__, left)(**left)

    return change


def _swapped(answer: Any) -> Any:
    """Structs whose first two fields have changed places."""
    names = answer[0]._fields if answer else ()
    kind = namedtuple("Swapped", (names[1], names[0], *names[2:])) if names else None
    return tuple(kind(**one._asdict()) for one in answer) if kind else answer


def _retyped(name: str, kind: str) -> Any:
    """Rows one of whose columns is of another type."""

    def change(rows: Any) -> Any:
        return rows.astype([(n, kind if n == name else t) for n, t in rows.dtype.descr])

    return change


def _bars_too_low(rows: Any) -> Any:
    rows = rows.copy()
    rows["high"] = rows["close"] - POINT
    return rows


def _no_error(name: str, answer: Any) -> Any:
    return (mt5.RES_S_OK, "Success") if name == "last_error" else answer


def _nothing_for_empty(answer: Any) -> Any:
    return answer or None


def _empty_for_none(name: str, answer: Any) -> Any:
    return () if answer is None and name.endswith("_get") else answer


def _logs_in_anyhow(name: str, answer: Any) -> Any:
    return True if name in ("initialize", "login") else answer


def _hour_later(time: int) -> int:
    return time + 3_600


# Of each fault, by its name: how answers are altered, and rules that must notice.
FAULTS: dict[str, tuple[Alter, set[int]]] = {
    "a column of another type": (of("copy_ticks*", _retyped("flags", "<i8")), {407, 409}),
    "a volume that is a float": (of("copy_rates*", _retyped("tick_volume", "<f8")), {506}),
    "a field is missing": (of("account_info", _without("fifo_close")), {201}),
    "a field too few of a symbol": (of("symbol_info", _without("page")), {331}),
    "fields in another order": (of("positions_get", _swapped), {1701}),
    "a bool that is an int": (of("account_info", each(trade_allowed=int)), {203}),
    "a float that is an int": (of("order_check", each(margin=int)), {1728, 932}),
    "a nested request that is a dict": (
        of("order_check", lambda found: found._replace(request=found.request._asdict())),
        {1741},
    ),
    "last_error is lost": (_no_error, {110 + 1, 153, 361, 445, 701, 761, 1901}),
    "an unknown symbol has a quote": (
        lambda name, answer: () if name == "symbol_info_tick" and answer is None else answer,
        {157, 362, 365},
    ),
    "False is None": (
        lambda name, answer: None if name == "symbol_select" and answer is False else answer,
        {158, 363, 374},
    ),
    "an empty tuple is None": (of("positions_get", _nothing_for_empty), {1508, 1509, 1921}),
    "a failed read is empty": (_empty_for_none, {172, 1907, 1908, 1909}),
    "prices a point too high": (
        of("positions_get", each(price_open=lambda price: round(price + POINT, 5))),
        {1001, 1002, 1037},
    ),
    "prices with a digit more": (of("symbol_info", each(bid=lambda p: p + POINT / 10)), {343}),
    "deals from the newest on": (of("history_deals_get", lambda d: d[::-1]), {1433}),
    "orders from the newest on": (of("history_orders_get", lambda d: d[::-1]), {1403}),
    "a deal is missing": (of("history_deals_get", lambda found: found[:-1]), {1432, 1434, 1462}),
    "ticks from the newest on": (of("copy_ticks*", lambda rows: rows[::-1]), {411, 421}),
    "a tick too few": (of("copy_ticks_from", lambda rows: rows[:-1]), {422}),
    "the newest tick is missing": (of("copy_ticks_range", lambda rows: rows[:-1]), {419}),
    "a bar too many": (of("copy_rates_range", lambda r: np.concatenate([r, r[-1:]])), {549, 550}),
    "bars that close above their high": (of("copy_rates*", _bars_too_low), {542, 554}),
    "the clock is an hour off": (of("positions_get", each(time=_hour_later)), {1801, 1805}),
    "margin is doubled": (of("order_calc_margin", lambda found: found * 2), {220, 904, 933}),
    "profit has the wrong sign": (of("order_calc_profit", lambda p: -p), {912, 913, 1303, 1543}),
    "the magic is lost": (of("history*get", each(magic=lambda _: 0)), {1022, 1033, 1903}),
    "the magic is cut": (of("positions_get", each(magic=lambda m: m % 2**32)), {1014}),
    "comments are cut": (of("positions_get", each(comment=lambda text: text[:3])), {1015}),
    "no commission is told": (of("history_deals_get", each(commission=lambda _: 0.0)), {222, 1462}),
    "profit of the account is late": (of("account_info", each(profit=lambda _: 0.0)), {217}),
    "the book is upside down": (of("market_book_get", lambda book: book[::-1]), {605, 606}),
    "the request comes back changed": (
        of("order_check", lambda r: r._replace(request=r.request._replace(comment=""))),
        {744, 750},
    ),
    "anybody is let in": (_logs_in_anyhow, {117, 118, 119, 177}),
    "a pending order that is one of the market": (of("orders_get", each(type=lambda _: 0)), {1101}),
    "stops are forgotten": (of("positions_get", each(sl=lambda _: 0.0)), {1017, 1201, 1252}),
    "why it was closed is lost": (
        of("history_deals_get", each(reason=lambda _: 3)),
        {1241, 1244, 1331},
    ),
    "a netted position has two sides": (of("positions_get", lambda found: found * 2), {1602, 1010}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_by_the_rules_that_are_about_it(fault: str) -> None:
    alter, wanted = FAULTS[fault]
    assert failed(tuple(BY_NUMBER[number] for number in sorted(wanted)), alter) == wanted


def test_a_sound_terminal_passes_what_broken_ones_fail() -> None:
    wanted = set().union(*(numbers for _, numbers in FAULTS.values()))
    sound = failed(tuple(BY_NUMBER[number] for number in wanted), lambda _name, answer: answer)
    assert sound == set()


@pytest.mark.parametrize("rule", codes.RULES, ids=lambda rule: rule.name)
def test_another_return_code_is_noticed(rule: Any) -> None:
    other = of("order_send", each(retcode=lambda code: code + 1_000))
    assert failed((rule,), other) == {rule.number}


def test_constants_of_other_values_are_noticed() -> None:
    family = FAMILIES["Constants"]
    shifted = {n: v + 1 for n, v in vars(mt5).items() if type(v) is int}
    found = failed(family, lambda _name, answer: answer, names=shifted)
    assert found == {rule.number for rule in family}


def test_keywords_where_there_are_none_are_noticed() -> None:
    rule = next(rule for rule in RULES if rule.title == "symbol_info takes no keywords")
    assert failed((rule,), lambda _name, answer: answer, lenient=True) == {rule.number}


WRONG_THROUGHOUT: tuple[Alter, ...] = (
    lambda name, answer: answer if name == "last_error" else None,
    lambda name, answer: (-1, "Generic fail") if name == "last_error" else answer,
    lambda name, answer: ("Success", 1) if name == "last_error" else answer,
    lambda _name, answer: 0 if answer is None or answer is False else answer,
    _no_error,
)


def test_no_rule_cannot_fail() -> None:
    """Each fails on one of a few terminals that are wrong throughout, or above."""
    left = RULES
    for alter in WRONG_THROUGHOUT:
        found = failed(left, alter)
        left = tuple(rule for rule in left if rule.number not in found)
    seen = ["symbol_info takes no keywords", *(rule.title for rule in FAMILIES["Constants"])]
    assert [rule.title for rule in left] == seen
