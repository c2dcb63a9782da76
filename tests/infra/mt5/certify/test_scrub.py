"""Whatever words a broker finds, they name nobody."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest

from infra.mt5.certify.answers import written
from infra.mt5.certify.scrub import Scrubber
from infra.mt5.tuples import (
    AccountInfo,
    OrderCheckResult,
    OrderSendResult,
    SymbolInfo,
    TerminalInfo,
    TradeRequest,
)

LOGIN, OTHER = 777888, 999111
TOLD = (str(LOGIN), str(OTHER), "jane", "roe", "bank", "acme")
ZERO: dict[Any, Any] = {int: 0, float: 0.0, str: "", bool: False}


def made(kind: Any, **fields: Any) -> Any:
    plain = {name: ZERO.get(of) for name, of in get_type_hints(kind).items()}
    return written(kind(**{**plain, **fields}))


@pytest.fixture
def scrubber() -> Scrubber:
    known = Scrubber(LOGIN, 5_000.0, 0)
    for login in (LOGIN, OTHER):
        who = {"name": "Jane Roe", "server": "Bank-Live", "company": "Acme Bank"}
        known.answered(made(AccountInfo, login=login, **who))
    where = {"path": r"C:\Program Files\Acme", "data_path": r"C:\Users\jane\AppData"}
    known.answered(made(TerminalInfo, **where))
    return known


@pytest.mark.parametrize(
    "text",
    [
        f"login {LOGIN} failed",
        f"login {OTHER} failed",
        f"acct{LOGIN}@Bank-Live",
        f"{LOGIN}_x at BANK-LIVE",
        "JANE ROE of acme bank",
        r"c:\program files\acme\terminal64.exe",
        r"C:\Users\jane\Desktop\notes.txt",
        "/" + "home/jane/.mt5",
    ],
)
def test_an_error_names_nobody(scrubber: Scrubber, text: str) -> None:
    said = scrubber.text(text).lower()
    assert [each for each in TOLD if each in said] == []


def test_a_number_that_only_holds_the_login_stays(scrubber: Scrubber) -> None:
    assert scrubber.text(f"order 1{LOGIN}5") == f"order 1{LOGIN}5"


def test_no_answer_names_anybody_in_free_text(scrubber: Scrubber) -> None:
    request = TradeRequest(*(0, 0, 0, "EURUSD"), *(0.0,) * 5, *(0,) * 5, "", 0, 0)
    comment = f"no money on {LOGIN}, Jane Roe"
    page = {"bank": "Acme Bank", "page": "https://acme.example/fx"}
    for answer in (
        made(OrderSendResult, comment=comment, request=request),
        made(OrderCheckResult, comment=comment, request=request),
        made(SymbolInfo, name="EURUSD", path="Acme Bank\\Forex\\EURUSD", **page),
    ):
        told = str(scrubber.answered(answer)).lower()
        assert [each for each in TOLD if each in told.replace("'bank'", "")] == []


def test_what_says_nothing_of_anybody_stays(scrubber: Scrubber) -> None:
    answer = made(OrderSendResult, comment="Request executed")
    assert scrubber.answered(answer)["fields"]["comment"] == "Request executed"
    symbol = scrubber.answered(made(SymbolInfo, name="EURUSD", path="Forex\\EURUSD"))
    assert symbol["fields"]["path"] == "Forex\\EURUSD"
