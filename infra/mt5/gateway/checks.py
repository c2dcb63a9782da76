"""Signals checked beforehand: what saga, decider and gateway would say of them, and nothing done.

Nothing here has an opinion of its own. A signal goes through the values that trade it, up to the
`verdict` that the gateway asks before it sends.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from commands.accounts import Account
from commands.order_life import ORDERS
from commands.orders import RequestOrder
from events.accounts import AccountHalted
from events.limits import LimitsSet
from events.orders import OrderAccepted, OrderDenied
from events.signals import SignalRaised
from infra.mt5 import constants as mt5
from infra.mt5.gateway.clock import Clock
from infra.mt5.gateway.health import LOOKS, Identity, look
from infra.mt5.gateway.room import Missing, Room
from infra.mt5.gateway.verdict import Known, Sendable, Verdict, Withheld, verdict
from infra.mt5.gateway.warm import Warm
from infra.mt5.requests import Unsendable
from infra.mt5.retcodes import of_retcode
from infra.mt5.terminal import Terminal
from infra.mt5.tuples import OrderCheckResult
from sagas.order_execution import ORDER_EXECUTION, Context, Execution


@dataclass(frozen=True, slots=True)
class Books:
    """An account: its streams as they stand, and what is known of its terminal."""

    name: str
    account: Account
    limits: LimitsSet | None
    known: Known


def checked(
    signals: Iterable[SignalRaised], books: Sequence[Books]
) -> tuple[tuple[Verdict, ...], ...]:
    """For each signal a verdict for each account, in their orders.

    Each signal is judged by itself, as if it were the only one, and so is each account: whether
    many are checked in one call or one in each, the verdicts are the same.
    """
    known = Execution()
    for event in (e for b in books for e in context(b.name, b.account, b.limits)):
        known = ORDER_EXECUTION.evolve(known, event)
    return tuple(_checked(ORDER_EXECUTION.evolve(known, signal), books) for signal in signals)


def weighed(fits: Sendable, answer: OrderCheckResult | None, error: tuple[int, str]) -> Verdict:
    """The verdict, after the broker was asked whether the account has the margin."""
    if answer is None:
        return Withheld(f"the broker does not say whether the margin is there: {error}")
    if answer.retcode == 0:
        return fits
    name = of_retcode(answer.retcode).name
    figures = f"margin {answer.margin:.2f}, free after it {answer.margin_free:.2f}"
    return Unsendable(answer.retcode, f"not sent: the broker's check says {name}: {figures}")


def known_of(
    terminal: Terminal,
    warm: Warm,
    identity: Identity,
    clock: Clock,
    symbols: Collection[str],
    account: Account,
    limits: LimitsSet | None,
    unresolved: Iterable[OrderAccepted] = (),
) -> Known:
    """All that is known of an account now, for orders on any of the symbols.

    `unresolved`: its orders that may be at the venue.
    """
    terminal.ahead(*LOOKS, ("positions_get",), *(("symbol_info_tick", name) for name in symbols))
    health = look(terminal, identity)
    shown = terminal.positions_get()
    positions = Missing(str(terminal.last_error())) if shown is None else shown
    room = Room(limits, positions, tuple(unresolved))
    markets = {symbol: warm.market(symbol) for symbol in symbols}
    return Known(clock.now_us(), health, room, markets, account.halted_for)


def margin_asked(terminal: Terminal, found: Verdict) -> Verdict:
    """The verdict; where the order may go, the broker is asked about its margin. One call each."""
    if not isinstance(found, Sendable):
        return found
    return weighed(found, terminal.order_check(found.request), terminal.last_error())


def in_words(found: Verdict) -> str:
    """A verdict as one line."""
    match found:
        case Sendable(request):
            side = "buy" if request["type"] == mt5.ORDER_TYPE_BUY else "sell"
            stops = "".join(f", {name} {request[name]}" for name in ("sl", "tp") if name in request)
            return f"goes: {side} {request['volume']} lots at {request['price']}{stops}"
        case Unsendable(retcode, detail):
            return f"does not go: {detail.removeprefix('not sent: ')} ({retcode})"
        case Withheld(detail):
            return f"does not go: {detail}"


def context(name: str, account: Account, limits: LimitsSet | None) -> Iterator[Context]:
    """The events that make a saga know of an account what its streams say."""
    if account.opened is not None:
        yield account.opened
    if account.reported is not None:
        yield account.reported
    for reason in sorted(account.halted_for):
        yield AccountHalted(account=name, reason=reason)
    if limits is not None:
        yield limits


def _checked(execution: Execution, books: Sequence[Books]) -> tuple[Verdict, ...]:
    wishes = ORDER_EXECUTION.next(execution)
    legs = {wish.account: wish for wish in wishes if isinstance(wish, RequestOrder)}
    left_out = dict(execution.left_out)
    return tuple(
        _decided(legs[each.name], each.known)
        if each.name in legs
        else Withheld(left_out.get(each.name, "not opened"))
        for each in books
    )


def _decided(leg: RequestOrder, known: Known) -> Verdict:
    (decided,) = ORDERS.decide(leg, ORDERS.initial)
    if isinstance(decided, OrderDenied):
        return Withheld(f"{decided.limit} {decided.allowed}, observed {decided.observed}")
    assert isinstance(decided, OrderAccepted), "a new order is accepted or denied"
    return verdict(decided, known)
