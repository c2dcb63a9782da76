"""Faults of a terminal and of its way to the broker: rules that wait for a call and spoil it."""

from collections.abc import Iterator
from typing import Literal, get_args

import msgspec

from infra.mt5.simulator.draws import bits, stream_key, uniforms
from infra.mt5.tuples import TradeRequest

Kind = Literal[
    "reject",
    "fail",
    "lose_before",
    "lose_after",
    "delay",
    "late",
    "comment",
    "disconnect",
    "freeze",
    "crash",
    "update",
    "wrong_account",
    "server",
    "clock_jump",
    "other",
]
_DRAWN: tuple[Kind, ...] = (
    *("fail", "lose_before", "lose_after", "delay", "late", "comment"),
    *("disconnect", "freeze", "crash", "update"),
)
_DURATION_MS_MAX = 5_000


class FaultRule(msgspec.Struct, frozen=True, kw_only=True):
    """One spoiled call, given `times` times to calls that match.

    `reject` answers `retcode` and does nothing; `fail` fails the call with `error` and keeps the
    link; `lose_before` breaks the link with nothing done; `lose_after` executes and breaks it;
    `delay` waits `delay_ms` and then executes; `late` has the server's desk take `delay_ms` longer;
    `comment` has the broker write `text` where the request's comment was. `disconnect` takes the
    broker away from the terminal for `for_ms`, `freeze` has every call wait so long, `crash` ends
    the terminal, which can be started again after `for_ms`, `update` the same with a newer build.
    `wrong_account` waits for `login` and gives the account `login`; `server` names another server
    for `for_ms`; `clock_jump` puts the server's clock forward by `delay_ms`; `other` has somebody
    else send `request` on the account, `delay_ms` after the call.

    A rule waits for `order_send`, or for another function whose name begins with `function`
    (`history_deals`, `positions_get`, ...), where `reject`, `late` and `comment` have no meaning;
    of trade requests it takes every one, or those of one `action`, `symbol` or `magic`. It lets
    `skip` calls pass first, and all before `from_ms` of the server's clock.
    """

    kind: Kind
    retcode: int = 10006
    error: int = -1
    delay_ms: int = 0
    for_ms: int = 0
    times: int = 1
    skip: int = 0
    from_ms: int = 0
    function: str = "order_send"
    action: int | None = None
    symbol: str | None = None
    magic: int | None = None
    text: str = ""
    login: int = 0
    request: TradeRequest | None = None

    def matches(self, function: str, request: TradeRequest | None, at_ms: int) -> bool:
        """Whether a call is one that the rule waits for."""
        if not function.startswith(self.function) or at_ms < self.from_ms:
            return False
        return request is None or (
            self.action in (None, request.action)
            and self.symbol in (None, request.symbol)
            and self.magic in (None, request.magic)
        )


class Faults:
    """The rules of one account, in the order given (the first that matches acts), and the troubles
    that its terminal is in."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []
        self._until_ms: dict[Kind, int] = {}
        self._server = ""
        self._lost_ms = 0
        self.crashes = 0  # every link of the terminal is lost with it
        self.updates = 0

    @property
    def quiet(self) -> bool:
        """Whether nothing is wrong and nothing waits to go wrong."""
        return not self._rules and not self._until_ms

    def replace(self, rules: tuple[FaultRule, ...]) -> None:
        """Forget the old rules and their troubles, and follow these."""
        self._rules = list(rules)
        self._until_ms.clear()

    def take(self, function: str, request: TradeRequest | None, at_ms: int) -> FaultRule | None:
        """The rule that spoils this call, if any, one of its times used up."""
        for index, rule in enumerate(self._rules):
            if not rule.matches(function, request, at_ms):
                continue
            if rule.skip > 0:
                self._rules[index] = msgspec.structs.replace(rule, skip=rule.skip - 1)
                continue
            self._use(index, rule)
            self._strike(rule, at_ms)
            return rule
        return None

    def offline(self, at_ms: int) -> bool:
        """Whether the terminal has lost the broker."""
        return at_ms < self._until_ms.get("disconnect", 0)

    def heard_ms(self, at_ms: int) -> int:
        """Up to when the terminal has heard from the broker."""
        return min(at_ms, self._lost_ms) if self.offline(at_ms) else at_ms

    def frozen_ms(self, at_ms: int) -> int:
        """How long the terminal still answers nothing."""
        return max(0, self._until_ms.get("freeze", 0) - at_ms)

    def down(self, at_ms: int) -> bool:
        """Whether the terminal cannot be started yet."""
        return at_ms < max(self._until_ms.get("crash", 0), self._until_ms.get("update", 0))

    def server(self, at_ms: int, named: str) -> str:
        """The server that the terminal says it is at."""
        return self._server if at_ms < self._until_ms.get("server", 0) else named

    def _strike(self, rule: FaultRule, at_ms: int) -> None:
        """The trouble begins that the rule is about."""
        if rule.for_ms:
            self._until_ms[rule.kind] = at_ms + rule.for_ms
        if rule.kind == "server":
            self._server = rule.text
        if rule.kind == "disconnect":
            self._lost_ms = at_ms
        self.crashes += rule.kind in ("crash", "update")
        self.updates += rule.kind == "update"

    def _use(self, index: int, rule: FaultRule) -> None:
        if rule.times <= 1:
            del self._rules[index]
        else:
            self._rules[index] = msgspec.structs.replace(rule, times=rule.times - 1)


def seeded(
    seed: int, login: int, from_ms: int, to_ms: int, per_hour: float
) -> tuple[FaultRule, ...]:
    """Faults at random moments of a span, the same for the same seed and account."""
    return tuple(_drawn(seed, login, from_ms, to_ms, per_hour))


def _drawn(seed: int, login: int, from_ms: int, to_ms: int, per_hour: float) -> Iterator[FaultRule]:
    count = round((to_ms - from_ms) / 3_600_000 * per_hour)
    drawn = uniforms(bits(stream_key(seed, "faults", str(login)), 0, 4 * count)).reshape(count, 4)
    for at, which, size, what in sorted(drawn.tolist()):
        kind = _DRAWN[int(which * len(_DRAWN))]
        lasts_ms = 1 + int(size * _DURATION_MS_MAX)
        reads = kind in ("delay", "freeze", "disconnect") and what < 0.5
        yield FaultRule(
            kind=kind,
            delay_ms=lasts_ms,
            for_ms=lasts_ms,
            from_ms=from_ms + int(at * (to_ms - from_ms)),
            function="" if reads else "order_send",
            text=f"b{int(what * 1e6)}",
        )


KINDS: tuple[Kind, ...] = get_args(Kind)
