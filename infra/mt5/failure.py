"""How the package fails: the failure value as the answer, its cause kept for `last_error`."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from infra.mt5.constants import RES_E_INTERNAL_FAIL, RES_S_OK
from infra.mt5.link import CallError

SUCCESS = (RES_S_OK, "Success")


class Answering(Protocol):
    """Something with a `last_error`."""

    error: tuple[int, str]


S = TypeVar("S", bound=Answering)
P = ParamSpec("P")
R = TypeVar("R")


def or_none(
    function: Callable[Concatenate[S, P], R],
) -> Callable[Concatenate[S, P], R | None]:
    """Start with a clean `last_error`; a failure is `None`, and its cause in `last_error`."""

    @wraps(function)
    def answered(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R | None:
        self.error = SUCCESS
        try:
            return function(self, *args, **kwargs)
        except CallError as error:
            self.error = (error.code, error.text)
            return None

    return answered


def typed(kind: type[R], value: object) -> R:
    """The answer, if it is of the kind that the call asked for."""
    if not isinstance(value, kind):
        raise CallError(RES_E_INTERNAL_FAIL, "Internal fail: the answer is to another call")
    return value
