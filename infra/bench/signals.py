"""Signals for benchmarks, and accounts that follow them."""

from __future__ import annotations

import time
from typing import Any

from commands.accounts import Account
from events.accounts import AccountOpened, AccountReported
from events.limits import LimitsSet
from events.signals import SignalRaised
from events.values import Side, lots, money
from infra.mt5.simulator.settings import SERVER

LIFE_US = 600_000_000


def account_of(name: str) -> Account:
    """An account that is open and flat."""
    opened = AccountOpened(account=name, login=int(name), server=SERVER, currency="USD")
    reported = AccountReported(
        account=name,
        balance=money(100_000),
        equity=money(100_000),
        margin=money(0),
        open_lots=lots(0),
        open_positions=0,
        reported_at_us=time.time_ns() // 1_000,
    )
    return Account(opened=opened, reported=reported)


def limits_of(name: str, symbols: tuple[str, ...]) -> LimitsSet:
    """Limits that leave room on these symbols."""
    return LimitsSet(
        account=name,
        version=1,
        volume_lots_max=lots(1),
        open_lots_max=lots(10),
        open_positions_max=10,
        confidence_min=0.5,
        signal_age_ms_max=LIFE_US // 1_000,
        symbols=symbols,
    )


def signal(number: int, symbol: str, price: float, **fields: Any) -> SignalRaised:
    """A signal of now, to buy unless told otherwise."""
    now_us = time.time_ns() // 1_000
    plain: dict[str, Any] = {
        "signal_id": f"{now_us}-{number}",
        "symbol": symbol,
        "side": Side.BUY,
        "confidence": 0.8,
        "horizon_s": 60,
        "raised_at_us": now_us,
        "expires_at_us": now_us + LIFE_US,
        "price_reference": price,
        "stop_distance": price / 50,
        "take_distance": 0.0,
        "model_digest": "",
    }
    return SignalRaised(**{**plain, **fields})
