"""Scripted faults: rules that wait for a call and spoil its answer."""

from typing import Literal

import msgspec

from infra.mt5.tuples import TradeRequest

Kind = Literal["reject", "fail", "lose_before", "lose_after", "delay"]


class FaultRule(msgspec.Struct, frozen=True, kw_only=True):
    """One spoiled answer, given `times` times to calls that match.

    `reject` answers `retcode` and does nothing; `fail` fails the call with `error` and keeps the
    link; `lose_before` breaks the link with nothing done; `lose_after` executes and breaks it;
    `delay` waits `delay_ms` and then executes. A rule waits for `order_send`, or for another
    function whose name begins with `function` (`history_deals`, `positions_get`, ...), where
    `reject` has no meaning; of trade requests it takes every one, or those of one `action`,
    `symbol` or `magic`. It lets `skip` calls pass first.
    """

    kind: Kind
    retcode: int = 10006
    error: int = -1
    delay_ms: int = 0
    times: int = 1
    skip: int = 0
    function: str = "order_send"
    action: int | None = None
    symbol: str | None = None
    magic: int | None = None

    def matches(self, function: str, request: TradeRequest | None) -> bool:
        """Whether a call is one that the rule waits for."""
        if not function.startswith(self.function):
            return False
        return request is None or (
            self.action in (None, request.action)
            and self.symbol in (None, request.symbol)
            and self.magic in (None, request.magic)
        )


class Faults:
    """The rules of one account, in the order given. The first that matches acts."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []

    def replace(self, rules: tuple[FaultRule, ...]) -> None:
        """Forget the old rules and follow these."""
        self._rules = list(rules)

    def take(self, function: str, request: TradeRequest | None) -> FaultRule | None:
        """The rule that spoils this call, if any, one of its times used up."""
        for index, rule in enumerate(self._rules):
            if not rule.matches(function, request):
                continue
            if rule.skip > 0:
                self._rules[index] = msgspec.structs.replace(rule, skip=rule.skip - 1)
                continue
            self._use(index, rule)
            return rule
        return None

    def _use(self, index: int, rule: FaultRule) -> None:
        if rule.times <= 1:
            del self._rules[index]
        else:
            self._rules[index] = msgspec.structs.replace(rule, times=rule.times - 1)
