"""The words in which rules say what they expect."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from infra.mt5.certify.rule import Deviation, NotProvokable

SHOWN = 160
_TOLERANCE = 1e-9


def same(what: str, got: object, expected: object) -> None:
    """Equal in value and in kind: `True` is no 1, and 1 is no 1.0."""
    if got != expected or type(got) is not type(expected):
        raise Deviation(f"{what} {_short(expected)}", _short(got))


def equal(what: str, got: float, expected: float, within: float = _TOLERANCE) -> None:
    """Equal but for so much."""
    if not abs(got - expected) <= within:
        raise Deviation(f"{what} {expected!r}", repr(got))


def holds(expected: str, condition: object, got: object) -> None:
    """Something is so, as the words say."""
    if not condition:
        raise Deviation(expected, _short(got))


def provided(condition: object, why: str) -> None:
    """What the rule is about is there: a rule that asks nothing has not passed."""
    if not condition:
        raise NotProvokable(why)


def among(what: str, got: object, allowed: Collection[Any]) -> None:
    """One of a few values."""
    if got not in allowed:
        raise Deviation(f"{what} one of {_short(sorted(allowed))}", _short(got))


def fields(got: Any, expected: Sequence[str]) -> None:
    """The names of a result's fields, in their order."""
    names = tuple(got._asdict())
    missing = [name for name in expected if name not in names]
    more = [name for name in names if name not in expected]
    if missing or more:
        raise Deviation(f"the fields {', '.join(expected)}", f"missing {missing}, more {more}")
    holds("the fields in the package's order", names == tuple(expected), names)
    holds("a tuple of its fields", tuple(got) == tuple(got._asdict().values()), got)


def kinds(got: Any, kind: type, names: Sequence[str]) -> None:
    """The type of some of a result's fields."""
    wrong = {
        name: type(getattr(got, name)).__name__
        for name in names
        if type(getattr(got, name)) is not kind
    }
    holds(f"{kind.__name__} in {', '.join(names)}", not wrong, wrong)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
