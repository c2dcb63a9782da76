"""What a signal comes to: the saga and the deciders, run in memory on what was known then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from events.envelope import Message
from events.execution import ExecutionOpened
from events.orders import OrderAccepted, OrderDenied
from infra.run.hearing import answered, hears, unborn
from infra.store.draft import AnyDecider, Draft, Stream
from infra.store.stored import kept
from infra.whatif.outcomes import Verdict, Verdicts
from sagas.legs import closing_number
from sagas.order_execution import ORDER_EXECUTION


def decided(signal: Message[Any], context: Sequence[Message[Any]]) -> Verdicts:
    """What would be decided on a signal, account by account. Nothing is written or sent."""
    saga = ORDER_EXECUTION
    instance = hears(saga, unborn(saga, signal.event.signal_id), signal, context)
    draft = Draft(_unknown)
    answered(saga, instance, draft)
    events = [kept(entry).message.event for entry in draft.entries]
    opened = next((event for event in events if isinstance(event, ExecutionOpened)), None)
    if opened is None:
        return {}
    return verdicts(opened, [e for e in events if isinstance(e, OrderAccepted | OrderDenied)])


def verdicts(opened: ExecutionOpened, orders: Iterable[OrderAccepted | OrderDenied]) -> Verdicts:
    """By account, what an execution's beginning came to. What closes it again is not of it."""
    found = {
        account: Verdict(account, reason=f"left out: {reason}")
        for account, reason in zip(opened.left_out, opened.reasons, strict=True)
    }
    for account in opened.accounts:
        found[account] = Verdict(account, reason="not decided")
    for order in orders:
        if closing_number(order.order_id) is None:
            found[order.account] = _verdict(order)
    return found


def _verdict(order: OrderAccepted | OrderDenied) -> Verdict:
    if isinstance(order, OrderDenied):
        text = f"denied: {order.limit} {order.allowed}, observed {order.observed}"
        return Verdict(order.account, reason=text)
    return Verdict(order.account, order.side, order.volume_lots, order.stop_loss, order.take_profit)


def _unknown(missing: Mapping[str, AnyDecider]) -> dict[str, Stream]:
    """Every stream begins here: what is decided is of this signal alone."""
    return {stream: Stream(0, decider.initial) for stream, decider in missing.items()}
