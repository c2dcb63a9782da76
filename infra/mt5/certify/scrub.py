"""What a recording must not tell: whose account it was, how much it held, where it lives.

Who and what is named gets a stand-in, the same one each time, in answers and in what is asked
with them. What is logged in with is never written. Amounts of an account are shifted, so that
they still add up; deals of before the recording lose theirs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from infra.mt5.certify.answers import FIELDS, IS, MANY
from infra.mt5.constants import DEAL_TYPE_BALANCE

BALANCE = 10_000.0
"""What an account is said to have held when the recording began."""
_FIRST = 500_000_000_000
_HIDDEN = "hidden"
_TICKETS = ("ticket", "order", "deal", "position_id", "identifier", "position_by_id")
_TEXTS = {
    "AccountInfo": ("name", "server", "company"),
    "TerminalInfo": ("company", "name", "path", "data_path", "commondata_path"),
    "SymbolInfo": ("bank", "page"),
    **dict.fromkeys(("TradePosition", "TradeOrder", "TradeDeal"), ("comment", "external_id")),
}
_SAID = {
    "SymbolInfo": ("path", "description"),
    **dict.fromkeys(("OrderSendResult", "OrderCheckResult"), ("comment",)),
}
"""What a broker says in words of his own, which may name somebody."""
_PEOPLE = ("AccountInfo", "TerminalInfo", "SymbolInfo")
_HOME = re.compile(r"(?i)((?:^|[\\/])(?:users|home)[\\/])[^\\/:\"']+")
_NUMBERED = ("TradePosition", "TradeOrder", "TradeDeal", "OrderSendResult")
_SHIFTED = ("balance", "equity", "margin_free")
_GAINED = ("profit", "commission", "swap", "fee")
_CREDENTIALS = ("login", "password", "server", "path")


@dataclass(slots=True)
class Scrubber:
    """Stand-ins of one recording. `balance` is what the account held as it began, at `start_s`."""

    login: int
    balance: float
    start_s: int
    money: bool = True
    said: set[str] = field(default_factory=lambda: {""})
    _names: dict[Any, Any] = field(default_factory=dict)
    _people: set[Any] = field(default_factory=set)
    _first: int = 0
    _paid_in: int = 0

    def __post_init__(self) -> None:
        self._names[self.login] = self.stand_in
        self._people.add(self.login)

    @property
    def stand_in(self) -> int:
        """The login that the recording tells."""
        return 1_000_001

    def asked(self, value: Any, name: str = "") -> Any:
        """An argument: what an answer has named goes by its stand-in."""
        if name in _CREDENTIALS:
            return _HIDDEN
        if isinstance(value, dict):
            return {key: self.asked(each, key) for key, each in value.items()}
        if isinstance(value, list):
            return [self.asked(each) for each in value]
        if isinstance(value, str):
            if value not in self._names:
                self.said.add(value)
            return self._names.get(value, value)
        return self._names.get(value, value) if type(value) is int and value else value

    def answered(self, value: Any) -> Any:
        """An answer: what names the account, its orders or its owner gets a stand-in."""
        if not isinstance(value, dict):
            return value
        if MANY in value:
            return {MANY: [self.answered(each) for each in value[MANY]]}
        if FIELDS not in value:
            return value
        kind, fields = value[IS], dict(value[FIELDS])
        if kind == "AccountInfo":
            self._people.add(fields["login"])
            fields["login"] = self._names.setdefault(fields["login"], self.stand_in + 1)
        for name in _TEXTS.get(kind, ()):
            fields[name] = self._text(name, fields[name], person=kind in _PEOPLE)
        for name in _SAID.get(kind, ()):
            if isinstance(fields[name], str):
                fields[name] = self._without(self._people, fields[name])
        if kind in _NUMBERED:
            fields |= {n: self._number(fields[n]) for n in _TICKETS if n in fields}
        if self.money:
            self._amounts(kind, fields)
        if "request" in fields:
            fields["request"] = self.asked(fields["request"])
        return {IS: kind, FIELDS: fields}

    def text(self, text: str) -> str:
        """The text of an error, without what it may name."""
        named = {real for real in self._names if isinstance(real, str)}
        return self._without(named | self._people, text)

    def _without(self, named: set[Any], text: str) -> str:
        """A text without these, however they are written, and without anybody's home folder."""
        for real in sorted(map(str, named), key=len, reverse=True):
            edge = r"\d" if real.isdecimal() else r"\w"
            told = rf"(?<!{edge}){re.escape(real)}(?!{edge})"
            stand_in = self._names.get(int(real) if real.isdecimal() else real, _HIDDEN)
            text = re.sub(told, str(stand_in), text, flags=re.IGNORECASE)
        return _HOME.sub(rf"\g<1>{_HIDDEN}", text)

    def _text(self, name: str, value: Any, person: bool) -> Any:
        if not isinstance(value, str) or value in self.said:
            return value
        if person:
            self._people.add(value)
        return self._names.setdefault(value, f"{name} {len(self._names)}")

    def _number(self, value: Any) -> Any:
        """Tickets keep their order, and nothing else."""
        if type(value) is not int or value == 0:
            return value
        self._first = self._first or value
        return self._names.setdefault(value, value - self._first + _FIRST)

    def _amounts(self, kind: str, fields: dict[str, Any]) -> None:
        if kind in ("AccountInfo", "OrderCheckResult"):
            for name in _SHIFTED:
                fields[name] = round(fields[name] + BALANCE - self.balance, 2)
            if fields["margin"] and fields["margin_level"]:
                fields["margin_level"] = round(fields["equity"] / fields["margin"] * 100, 2)
        if kind == "TerminalInfo":
            fields["community_balance"] = 0.0
        if kind == "TradeDeal":
            self._gains(fields)

    def _gains(self, fields: dict[str, Any]) -> None:
        """The first deposit stands for all that was before; what came later is as it was."""
        before = fields["time"] < self.start_s
        if before:
            fields |= dict.fromkeys(_GAINED, 0.0)
        if fields["type"] == DEAL_TYPE_BALANCE and self._paid_in in (0, fields["ticket"]):
            self._paid_in = fields["ticket"]
            fields["profit"] = BALANCE if before else fields["profit"] + BALANCE - self.balance
