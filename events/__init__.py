"""What happened: frozen facts in past tense.

One class per fact, one sentence of docstring (it becomes the Avro `doc`), units in the field
names, decimals where it is money. To add one: write the class, list it in `EVENTS`, give it a
topic in `schemas/catalog.py`, run `tapedeck schemas freeze`.
"""

from events.accounts import (
    AccountHalted,
    AccountOpened,
    AccountReported,
    AccountResumed,
    BreakerClosed,
    BreakerHalfOpened,
    BreakerOpened,
    CredentialRotated,
    ExternalDealFound,
    TerminalHealthChanged,
)
from events.bars import BarClosed
from events.canaries import CanarySent
from events.envelope import Event
from events.execution import (
    ExecutionCompensated,
    ExecutionCompleted,
    ExecutionOpened,
    ExecutionStuck,
)
from events.letters import DeadLettered, LetterDiscarded, LetterReleased
from events.limits import LimitsSet
from events.market import QuoteQuarantined, TickReceived
from events.models import ModelPromoted, ModelTrained, PromotionRefused
from events.orders import (
    DealDisputed,
    OrderAccepted,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderIntended,
    OrderNotExecuted,
    OrderRejected,
    OrderUnresolved,
    PositionClosed,
)
from events.predictions import FeaturesComputed, PredictionMade
from events.roles import RoleStarted
from events.signals import Abstained, SignalRaised
from events.subjects import SubjectErased, SubjectFreed, SubjectHeld
from events.upcast import Upcast

EVENTS: tuple[type[Event], ...] = (
    TickReceived,
    QuoteQuarantined,
    BarClosed,
    FeaturesComputed,
    PredictionMade,
    SignalRaised,
    Abstained,
    OrderAccepted,
    OrderDenied,
    OrderIntended,
    OrderFilled,
    OrderRejected,
    OrderUnresolved,
    OrderNotExecuted,
    OrderExpired,
    PositionClosed,
    DealDisputed,
    ExecutionOpened,
    ExecutionCompleted,
    ExecutionCompensated,
    ExecutionStuck,
    AccountOpened,
    AccountReported,
    AccountHalted,
    AccountResumed,
    BreakerOpened,
    BreakerHalfOpened,
    BreakerClosed,
    TerminalHealthChanged,
    CredentialRotated,
    ExternalDealFound,
    LimitsSet,
    ModelTrained,
    ModelPromoted,
    PromotionRefused,
    DeadLettered,
    LetterReleased,
    LetterDiscarded,
    RoleStarted,
    CanarySent,
    SubjectErased,
    SubjectHeld,
    SubjectFreed,
)

UPCASTS: tuple[Upcast, ...] = ()
"""In the order in which they came. Nothing has moved its meaning yet."""
