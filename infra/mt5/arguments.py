"""The package's argument rules: what it takes, what it refuses with -2 and a text."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from infra.mt5.constants import RES_E_INVALID_PARAMS
from infra.mt5.link import CallError
from infra.mt5.tuples import TradeRequest

SYMBOL_UNITS_MAX = COMMENT_UNITS_MAX = 29
GROUP_UNITS_MAX = 1997
PATH_UNITS_MAX = 257
SERVER_UNITS_MAX = 253
_U32, _U64 = 1 << 32, 1 << 64
_UNSIGNED = {
    **dict.fromkeys(("action", "type", "type_filling", "type_time"), _U32),
    **dict.fromkeys(("magic", "order", "deviation", "position", "position_by"), _U64),
}
_FLOATS = ("volume", "price", "stoplimit", "sl", "tp")
_TEXTS = ("symbol", "comment")
_UNNAMED = CallError(RES_E_INVALID_PARAMS, "Unnamed arguments not allowed")
_EMPTY = TradeRequest(0, 0, 0, "", 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0, 0, 0, 0, "", 0, 0)


def invalid(name: str) -> CallError:
    """What the package says about an argument that it refuses."""
    return CallError(RES_E_INVALID_PARAMS, f'Invalid "{name}" argument')


def text(name: str, value: object, units_max: int) -> str:
    """A text of at most so many UTF-16 units."""
    if not isinstance(value, str) or _units(value) > units_max:
        raise invalid(name)
    return value


def symbol(value: object) -> str:
    """A symbol's name."""
    return text("symbol", value, SYMBOL_UNITS_MAX)


def group(value: object) -> str:
    """A filter such as `"*USD*,!XAU*"`."""
    return text("group", value, GROUP_UNITS_MAX)


def credentials(login: object, password: object, server: object) -> tuple[int, str, str]:
    """Who logs in, and where. How long a password may be is for the trade server to say."""
    if not isinstance(password, str):
        raise invalid("password")
    return whole("login", login, _U64), password, text("server", server, SERVER_UNITS_MAX)


def none(unnamed: tuple[object, ...]) -> None:
    """Nothing, where the package takes keywords only."""
    if unnamed:
        raise _UNNAMED


def seconds(name: str, value: object) -> int:
    """A date as the package passes it on: whole seconds, 32 bits, a datetime by `.timestamp()`."""
    if isinstance(value, datetime):
        value = _timestamp(name, value)
    if not isinstance(value, int | float) or not 0 <= value < _U32:
        raise invalid(name)
    return int(value)


def whole(name: str, value: object, limit: int = 1 << 31) -> int:
    """A number that is not negative."""
    if not isinstance(value, int) or not 0 <= value < limit:
        raise invalid(name)
    return int(value)


def flags(value: object) -> int:
    """A set of flags: 32 bits with a sign."""
    if not isinstance(value, int) or not -(_U32 >> 1) <= value < _U32 >> 1:
        raise invalid("flags")
    return int(value)


def real(name: str, value: object) -> float:
    """A price or a volume, where the package takes any number."""
    if not isinstance(value, int | float):
        raise invalid(name)
    try:
        return float(value)
    except OverflowError:
        raise invalid(name) from None


def request(given: Mapping[str, Any] | None, fields: Mapping[str, Any]) -> TradeRequest:
    """A trade request from a dict or keywords: missing keys are zero, unknown ones ignored."""
    if not isinstance(given, dict) and (given is not None or not fields):
        raise _UNNAMED
    values = dict(given) if given is not None else dict(fields)
    known: dict[str, Any] = {
        name: _parsed(name, values[name]) for name in TradeRequest._fields if name in values
    }
    return _EMPTY._replace(**known)


def _parsed(name: str, value: object) -> int | float | str:
    if name in _UNSIGNED:
        return whole(name, value, _UNSIGNED[name])
    if name in _TEXTS:
        return text(name, value, SYMBOL_UNITS_MAX)
    if name in _FLOATS:
        if not isinstance(value, float):
            raise invalid(name)
        return float(value)
    if not isinstance(value, int) or not -(_U64 >> 1) <= value < _U64 >> 1:
        raise invalid(name)
    return int(value)


def _timestamp(name: str, date: datetime) -> float:
    try:
        return date.timestamp()
    except (OverflowError, OSError, ValueError):  # a naive one at the calendar's ends
        raise invalid(name) from None


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
