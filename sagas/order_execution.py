"""A signal is followed on several accounts: on all of them, or on none.

Each account's leg is requested at once, sized by the confidence. When every leg is filled the
execution is complete. When one is refused, those that are filled, then or later, are closed again;
a close that fails is tried anew, a few times, and then a person is called. An order whose answer
was lost is waited for: evidence settles it, never time. A leg filled in part counts as filled. An
account that a limit leaves without volume is no leg, and refuses nothing.

Once the execution is complete its positions are the venue's to close, by stop or target.
"""

from __future__ import annotations

from typing import assert_never

from msgspec import Struct
from msgspec.structs import asdict, replace

from commands.executions import (
    CompensateExecution,
    CompleteExecution,
    ExecutionCommand,
    FlagExecution,
    OpenExecution,
)
from commands.order_life import LIFE_US_MAX
from commands.orders import RequestOrder
from events.accounts import AccountHalted, AccountOpened, AccountReported, AccountResumed
from events.execution import (
    ExecutionCompensated,
    ExecutionCompleted,
    ExecutionOpened,
    ExecutionStuck,
)
from events.limits import LimitsSet
from events.roles import RoleStarted
from events.signals import SignalRaised
from events.values import price
from sagas.legs import LEG_EVENTS, Answer, Leg, LegEvent, closing_id, opening_id
from sagas.levels import levels, senseless
from sagas.saga import Saga
from sagas.sizing import Account, volume_lots

NEVER_US = 253_402_300_799_000_000
"""The end of the year 9999: a close must go out however late it is."""

Context = AccountOpened | AccountReported | AccountHalted | AccountResumed | LimitsSet
End = ExecutionCompleted | ExecutionCompensated | ExecutionStuck
ExecutionEvent = Context | RoleStarted | SignalRaised | ExecutionOpened | End | LegEvent
Wish = ExecutionCommand | RequestOrder


class Execution(Struct, frozen=True):
    """`told` is the end as the tape has it. `reverting`, once true, stays so."""

    accounts: tuple[Account, ...] = ()
    signal: SignalRaised | None = None
    legs: tuple[Leg, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    opened: bool = False
    reverting: bool = False
    told: End | None = None
    environment_digest: str = ""


def evolve(execution: Execution, event: ExecutionEvent) -> Execution:
    """The execution after an event."""
    match event:
        case AccountOpened():
            return _with_account(execution, replace(_account(execution, event), opened=event))
        case AccountReported():
            return _with_account(execution, replace(_account(execution, event), reported=event))
        case AccountHalted() | AccountResumed():
            halted = isinstance(event, AccountHalted)
            return _with_account(execution, replace(_account(execution, event), halted=halted))
        case LimitsSet():
            return _with_account(execution, replace(_account(execution, event), limits=event))
        case RoleStarted():
            return replace(execution, environment_digest=event.environment_digest)
        case SignalRaised():
            return _born(execution, event) if execution.signal is None else execution
        case ExecutionOpened():
            return replace(execution, opened=True)
        case ExecutionCompleted() | ExecutionCompensated() | ExecutionStuck():
            return replace(execution, opened=True, told=event)
        case _:
            return _with_leg(execution, event)


def next_commands(execution: Execution) -> tuple[Wish, ...]:
    """What is missing. Sending it again is harmless: ids derive from signal, account, attempt."""
    signal = execution.signal
    if signal is None or not execution.accounts:
        return ()
    opening = () if execution.opened else (_open(execution, signal),)
    wanted = (leg for leg in execution.legs if leg.opening.answer is Answer.NONE)
    requests = tuple(_request(execution, signal, leg) for leg in wanted)
    end = _end(execution, signal)
    return (*opening, *requests, *_closes(execution, signal), *(() if end is None else (end,)))


def is_done(execution: Execution) -> bool:
    """Whether the end has been told, or there is nothing to do."""
    return not next_commands(execution) and (execution.told is not None or not execution.accounts)


def correlate(event: ExecutionEvent) -> str | None:
    """The execution that an event belongs to; what is known of accounts belongs to all of them."""
    if isinstance(event, SignalRaised):
        return event.signal_id
    return getattr(event, "execution_id", None)


def _born(execution: Execution, signal: SignalRaised) -> Execution:
    """Size every account. Where a price is senseless nobody can follow."""
    legs, left_out = [], []
    for account in execution.accounts:
        volume, reason = volume_lots(account, signal)
        reason = senseless(signal) or reason
        if reason:
            left_out.append((account.name, reason))
        else:
            legs.append(Leg(account.name, signal.side, volume))
    return replace(execution, signal=signal, legs=tuple(legs), left_out=tuple(left_out))


def _closes(execution: Execution, signal: SignalRaised) -> tuple[RequestOrder, ...]:
    if not execution.reverting:
        return ()
    return tuple(
        _close(execution, signal, leg, attempt)
        for leg in execution.legs
        if leg.opening.settled
        and leg.open_lots
        and not leg.is_closing
        and (attempt := leg.close_attempt) is not None
    )


def _end(execution: Execution, signal: SignalRaised) -> ExecutionCommand | None:
    """How it ended, unless it has not, or has been told already."""
    legs, names = execution.legs, {"execution_id": signal.signal_id, "symbol": signal.symbol}
    if not all(leg.opening.settled for leg in legs):
        return None
    if legs and not execution.reverting:
        return _untold(
            execution, CompleteExecution(**names, accounts=tuple(leg.account for leg in legs))
        )
    open_legs = [leg for leg in legs if leg.open_lots]
    if any(leg.close_attempt is not None for leg in open_legs):
        return None
    if open_legs:
        exposed = tuple(leg.account for leg in open_legs)
        return _untold(execution, FlagExecution(**names, exposed=exposed))
    refused = [leg.account for leg in legs if not leg.opening.filled_lots]
    closed = tuple(leg.account for leg in legs if leg.opening.filled_lots)
    missing = refused if legs else [account for account, _ in execution.left_out]
    return _untold(execution, CompensateExecution(**names, refused=tuple(missing), closed=closed))


def _untold(
    execution: Execution, end: CompleteExecution | CompensateExecution | FlagExecution
) -> ExecutionCommand | None:
    match end:
        case CompleteExecution():
            told: End = ExecutionCompleted(**asdict(end))
        case CompensateExecution():
            told = ExecutionCompensated(**asdict(end))
        case FlagExecution():
            told = ExecutionStuck(**asdict(end))
        case _:
            assert_never(end)
    return None if execution.told == told else end


def _open(execution: Execution, signal: SignalRaised) -> OpenExecution:
    return OpenExecution(
        execution_id=signal.signal_id,
        symbol=signal.symbol,
        side=signal.side,
        confidence=signal.confidence,
        accounts=tuple(leg.account for leg in execution.legs),
        volumes_lots=tuple(leg.volume_lots for leg in execution.legs),
        left_out=tuple(account for account, _ in execution.left_out),
        reasons=tuple(reason for _, reason in execution.left_out),
        environment_digest=execution.environment_digest,
    )


def _request(execution: Execution, signal: SignalRaised, leg: Leg) -> RequestOrder:
    """The leg, under the limits and figures that were known when the signal came."""
    account = next(a for a in execution.accounts if a.name == leg.account)
    limits, report = account.limits, account.reported
    assert limits is not None, "an account without limits is left out"
    assert report is not None, "an account that was never reported is left out"
    stop, take = levels(signal)
    age_us_max = min(limits.signal_age_ms_max * 1_000, LIFE_US_MAX)
    return RequestOrder(
        order_id=opening_id(signal.signal_id, leg.account),
        execution_id=signal.signal_id,
        account=leg.account,
        symbol=signal.symbol,
        side=signal.side,
        volume_lots=leg.volume_lots,
        price_reference=price(signal.price_reference),
        stop_loss=stop,
        take_profit=take,
        closes_position=None,
        confidence=signal.confidence,
        requested_at_us=signal.raised_at_us,
        signal_at_us=signal.raised_at_us,
        expires_at_us=min(signal.expires_at_us, signal.raised_at_us + age_us_max),
        limits_version=limits.version,
        volume_lots_max=limits.volume_lots_max,
        open_lots_max=limits.open_lots_max,
        open_lots=report.open_lots,
        open_positions_max=limits.open_positions_max,
        open_positions=report.open_positions,
        confidence_min=limits.confidence_min,
        signal_age_ms_max=limits.signal_age_ms_max,
        symbols_allowed=limits.symbols,
        halted=account.halted,
    )


def _close(execution: Execution, signal: SignalRaised, leg: Leg, attempt: int) -> RequestOrder:
    """As the leg was requested, the other way round, for what is open of it."""
    request = _request(execution, signal, leg)
    return replace(
        request,
        order_id=closing_id(signal.signal_id, leg.account, attempt),
        side=leg.side.opposite,
        volume_lots=leg.open_lots,
        price_reference=leg.price_filled or request.price_reference,
        stop_loss=None,
        take_profit=None,
        closes_position=leg.position_id,
        expires_at_us=NEVER_US,
    )


def _account(execution: Execution, event: Context) -> Account:
    known = (account for account in execution.accounts if account.name == event.account)
    return next(known, Account(event.account))


def _with_account(execution: Execution, account: Account) -> Execution:
    others = [known for known in execution.accounts if known.name != account.name]
    accounts = sorted([*others, account], key=lambda known: known.name)
    return replace(execution, accounts=tuple(accounts))


def _with_leg(execution: Execution, event: LegEvent) -> Execution:
    legs = tuple(
        leg.after(event) if leg.account == event.account else leg for leg in execution.legs
    )
    refused = any(leg.opening.answer is Answer.REFUSED for leg in legs)
    return replace(execution, legs=legs, reverting=execution.reverting or refused)


ORDER_EXECUTION: Saga[Execution, ExecutionEvent, Wish] = Saga(
    name="order_execution",
    starts_on=SignalRaised,
    reads=(
        ExecutionOpened,
        ExecutionCompleted,
        ExecutionCompensated,
        ExecutionStuck,
        *LEG_EVENTS,
    ),
    context=(AccountOpened, AccountReported, AccountHalted, AccountResumed, LimitsSet),
    correlate=correlate,
    initial=Execution(),
    evolve=evolve,
    next=next_commands,
    done=is_done,
)
