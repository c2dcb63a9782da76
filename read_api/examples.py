"""One example of each answer, as the documentation shows it."""

from __future__ import annotations

from decimal import Decimal

from projections.accounts import Account
from projections.audit import Audited
from projections.bars import Bar
from projections.executions import Execution, Leg
from projections.orders import Order
from projections.positions import Held
from projections.predictions import Prediction
from projections.signals import Signal
from projections.ticks import Tick

SIGNAL_ID = "EURUSD-60-1773907200000000"
ORDER_ID = f"{SIGNAL_ID}/90001/open"
MESSAGE_ID = "5b1f1c0e-6c0f-5d0b-9a55-0d2f0f6f7a10"
CORRELATION_ID = "0f3c8b7e-2f6d-5a0e-8f3b-9d7c2c1a4e55"
CAUSATION_ID = "9a0c4d2b-7e1f-5b3c-a1d4-6f5e4d3c2b1a"
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
AS_OF_US = 1_773_907_200_000_000

TICK = Tick(
    symbol="EURUSD",
    bid=1.08412,
    ask=1.08418,
    bid_volume=None,
    ask_volume=None,
    source="venue",
    source_seq=184213,
    ts_source_us=AS_OF_US + 125_000,
    ts_received_us=AS_OF_US + 126_044,
    flags=6,
    backfilled=False,
    message_id=MESSAGE_ID,
    position="market-data-events/0/184213",
)

BAR = Bar(
    symbol="EURUSD",
    timeframe_s=60,
    opened_at_us=AS_OF_US - 60_000_000,
    closed_at_us=AS_OF_US,
    observed_at_us=AS_OF_US + 125_000,
    open=1.08402,
    high=1.08431,
    low=1.08397,
    close=1.08415,
    bid_close=1.08412,
    ask_close=1.08418,
    spread_mean=0.00006,
    tick_count=241,
    late_ticks=0,
    gap_bars=0,
    first_seq=183972,
    last_seq=184212,
    backfilled=False,
    message_id=MESSAGE_ID,
    position="bar-events/0/3070",
)

PREDICTION = Prediction(
    symbol="EURUSD",
    timeframe_s=60,
    as_of_us=AS_OF_US,
    observed_at_us=AS_OF_US + 125_000,
    horizon_s=300,
    probability_up=0.5731,
    confidence=0.91,
    close=1.08415,
    spread=0.00006,
    volatility=0.00021,
    model="up",
    model_digest=DIGEST,
    feature_digest=DIGEST,
    environment_digest=DIGEST,
    backfilled=False,
    message_id=MESSAGE_ID,
    position="prediction-events/0/3070",
)

SIGNAL = Signal(
    signal_id=SIGNAL_ID,
    symbol="EURUSD",
    outcome="raised",
    at_us=AS_OF_US,
    side="buy",
    confidence=0.91,
    horizon_s=300,
    expires_at_us=AS_OF_US + 5_000_000,
    price_reference=1.08418,
    stop_distance=0.0009,
    take_distance=0.0013,
    reason=None,
    observed=None,
    needed=None,
    model_digest=DIGEST,
    message_id=MESSAGE_ID,
    position="signal-events/0/3070",
)

ORDER = Order(
    order_id=ORDER_ID,
    execution_id=SIGNAL_ID,
    account="90001",
    symbol="EURUSD",
    as_of_us=AS_OF_US,
    state="filled",
    side="buy",
    volume_lots=Decimal("0.2000"),
    filled_lots=Decimal("0.2000"),
    left_lots=Decimal("0.0000"),
    price=Decimal("1.08419000"),
    price_reference=Decimal("1.08418000"),
    stop_loss=Decimal("1.08328000"),
    take_profit=Decimal("1.08548000"),
    commission=Decimal("-0.7000"),
    profit=Decimal("0.0000"),
    closes_position=None,
    position_id=500123,
    limits_version=3,
    limit_broken=None,
    allowed=None,
    observed=None,
    disputed=None,
    magic="4611686018427387904",
    attempts=1,
    retcode=None,
    detail=None,
    expires_at_us=AS_OF_US + 5_000_000,
    dealt_at_us=AS_OF_US + 171_000,
    correlation_id=CORRELATION_ID,
    message_id=MESSAGE_ID,
    position="order-events/1/812",
)

POSITION = Held(
    id="90001/500123",
    account="90001",
    position_id=500123,
    symbol="EURUSD",
    side="buy",
    state="closed",
    order_id=ORDER_ID,
    opened_lots=Decimal("0.2000"),
    closed_lots=Decimal("0.2000"),
    open_lots=Decimal("0.0000"),
    price_open=Decimal("1.08419000"),
    price_close=Decimal("1.08548000"),
    commission=Decimal("-1.4000"),
    swap=Decimal("0.0000"),
    profit=Decimal("25.8000"),
    opened_at_us=AS_OF_US + 171_000,
    last_closed_at_us=AS_OF_US + 211_000_000,
    last_closed_by="take_profit",
)

LEG = Leg(
    account="90001",
    state="filled",
    volume_lots=Decimal("0.2000"),
    filled_lots=Decimal("0.2000"),
    price=Decimal("1.08419000"),
    detail=None,
    order_id=ORDER_ID,
    close_order_id=None,
    close_state=None,
    closed_lots=Decimal("0.0000"),
    price_close=None,
    profit=Decimal("0.0000"),
)

EXECUTION = Execution(
    execution_id=SIGNAL_ID,
    symbol="EURUSD",
    side="buy",
    confidence=0.91,
    as_of_us=AS_OF_US,
    state="completed",
    accounts=("90001",),
    left_out={"90002": "halted"},
    exposed=(),
    legs=(LEG,),
    correlation_id=CORRELATION_ID,
    message_id=MESSAGE_ID,
    position="execution-events/0/41",
)

ACCOUNT = Account(
    account="90001",
    login=90001,
    server="Tapedeck-Demo",
    currency="USD",
    state="trading",
    reason=None,
    breaker="closed",
    connected=True,
    broker_connected=True,
    authorised=True,
    synchronised=True,
    trading_allowed=True,
    health_detail="",
    balance=Decimal("100025.8000"),
    equity=Decimal("100025.8000"),
    margin=Decimal("0.0000"),
    open_lots=Decimal("0.0000"),
    open_positions=0,
    reported_at_us=AS_OF_US,
    limits_version=3,
    volume_lots_max=Decimal("1.0000"),
    open_lots_max=Decimal("5.0000"),
    open_positions_max=10,
    confidence_min=0.6,
    signal_age_ms_max=2_000,
    quote_age_ms_max=60_000,
    symbols=("EURUSD", "XAUUSD"),
    external_deals=0,
    external_profit=Decimal("0.0000"),
    message_id=MESSAGE_ID,
    position="account-events/0/97",
)

AUDITED = Audited(
    message_id=MESSAGE_ID,
    type="OrderAccepted",
    topic="order-events",
    partition=1,
    offset=810,
    key=ORDER_ID,
    time_us=AS_OF_US + 125_000,
    correlation_id=CORRELATION_ID,
    causation_id=CAUSATION_ID,
    source="event-store",
    sequence="0000000000002204",
    tenant="default",
    actor="system",
    payload={"order_id": ORDER_ID, "volume_lots": "0.2000", "limits_version": 3},
)
