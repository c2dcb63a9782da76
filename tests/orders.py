"""Orders, accounts and signals for tests: sensible values, any of which a test can change."""

from __future__ import annotations

from typing import Any

from commands.accounts import OpenAccount, ReportAccount
from commands.limits import SetLimits
from commands.orders import IntendOrder, RecordFill, RecordPositionClosed, RequestOrder
from events.accounts import AccountOpened, AccountReported
from events.envelope import E, Event, Message, first_cause
from events.limits import LimitsSet
from events.orders import magic_of
from events.signals import SignalRaised
from events.values import Side, lots, money, price
from schemas.catalog import key_of

T0_US = 1_700_000_000_000_000
SIGNAL_ID = f"EURUSD-60-{T0_US}"


def request(account: str = "a", **changes: Any) -> RequestOrder:
    """A leg that keeps every limit."""
    wish: dict[str, Any] = {
        "order_id": f"{SIGNAL_ID}/{account}/open",
        "execution_id": SIGNAL_ID,
        "account": account,
        "symbol": "EURUSD",
        "side": Side.BUY,
        "volume_lots": lots("0.50"),
        "price_reference": price("1.1"),
        "stop_loss": price("1.09"),
        "take_profit": price("1.12"),
        "closes_position": None,
        "confidence": 0.7,
        "requested_at_us": T0_US,
        "signal_at_us": T0_US,
        "expires_at_us": T0_US + 5_000_000,
        "limits_version": 1,
        "volume_lots_max": lots("0.50"),
        "open_lots_max": lots("5"),
        "open_lots": lots("0"),
        "open_positions_max": 20,
        "open_positions": 0,
        "confidence_min": 0.5,
        "signal_age_ms_max": 5_000,
        "symbols_allowed": ("EURUSD",),
        "halted": False,
    }
    return RequestOrder(**{**wish, **changes})


def intent(order_id: str, attempt: int = 1, at_us: int = T0_US) -> IntendOrder:
    """The gateway is about to send."""
    return IntendOrder(
        order_id=order_id, magic=magic_of(order_id), attempt=attempt, intended_at_us=at_us
    )


def fill(order_id: str, volume: str = "0.50", left: str = "0", ticket: int = 7) -> RecordFill:
    """A deal for the order, which opened the position of the same number."""
    return RecordFill(
        order_id=order_id,
        volume_lots=lots(volume),
        volume_left_lots=lots(left),
        price=price("1.1001"),
        commission=money("-1"),
        profit=money("0"),
        deal_ticket=ticket,
        position_id=ticket,
        dealt_at_us=T0_US + 1_000,
    )


def closed(order_id: str, volume: str = "0.50", ticket: int = 8) -> RecordPositionClosed:
    """The venue closed what the order had opened, at its stop."""
    return RecordPositionClosed(
        order_id=order_id,
        position_id=7,
        deal_ticket=ticket,
        side=Side.SELL,
        volume_lots=lots(volume),
        price=price("1.09"),
        commission=money("-1"),
        swap=money("0"),
        profit=money("-50"),
        reason="stop_loss",
        dealt_at_us=T0_US + 9_000_000,
    )


def signal(**changes: Any) -> SignalRaised:
    """A signal to buy that every account may follow."""
    raised: dict[str, Any] = {
        "signal_id": SIGNAL_ID,
        "symbol": "EURUSD",
        "side": Side.BUY,
        "confidence": 0.75,
        "horizon_s": 60,
        "raised_at_us": T0_US,
        "expires_at_us": T0_US + 10_000_000,
        "price_reference": 1.1,
        "stop_distance": 0.01,
        "take_distance": 0.02,
        "model_digest": "m" * 64,
    }
    return SignalRaised(**{**raised, **changes})


def opened(account: str) -> AccountOpened:
    """The account exists."""
    return AccountOpened(account=account, login=1, server="Venue", currency="USD")


def reported(account: str, **changes: Any) -> AccountReported:
    """The account is flat."""
    books: dict[str, Any] = {
        "account": account,
        "balance": money("10000"),
        "equity": money("10000"),
        "margin": money("0"),
        "open_lots": lots("0"),
        "open_positions": 0,
        "reported_at_us": T0_US - 1,
    }
    return AccountReported(**{**books, **changes})


def limits(account: str, **changes: Any) -> LimitsSet:
    """The account may trade EURUSD, up to half a lot an order."""
    setting: dict[str, Any] = {
        "account": account,
        "version": 1,
        "volume_lots_max": lots("0.50"),
        "open_lots_max": lots("5"),
        "open_positions_max": 20,
        "confidence_min": 0.5,
        "signal_age_ms_max": 5_000,
        "symbols": ("EURUSD",),
    }
    return LimitsSet(**{**setting, **changes})


def said(event: E, number: int = 0, source: str = "test") -> Message[E]:
    """A message that nothing caused."""
    return first_cause(
        event, source=source, sequence=f"{number:016d}", key=key_of(event), time_us=T0_US + number
    )


def account_commands(account: str) -> tuple[Event, ...]:
    """What has to be commanded so that an account can follow a signal."""
    setting = limits(account)
    wish = {name: getattr(setting, name) for name in SetLimits.__struct_fields__}
    books = {name: getattr(reported(account), name) for name in ReportAccount.__struct_fields__}
    return (
        OpenAccount(account=account, login=1, server="Venue", currency="USD"),
        SetLimits(**wish),
        ReportAccount(**books),
    )
