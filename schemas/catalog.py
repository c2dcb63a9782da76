"""The map of the system: which event is written to which topic, under which key, for how long."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter

from commands import accounts as account_commands
from commands import executions as execution_commands
from commands import letters as letter_commands
from commands import limits as limit_commands
from commands import models as model_commands
from commands import orders as order_commands
from commands import subjects as subject_commands
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

MARKET_PARTITIONS = 2
DECISION_PARTITIONS = 2
HOUR_MS = 60 * 60 * 1000
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of the tape. `key` is a field that every message on it has; None keeps for ever.

    `decisions`: a record that cannot be read stops its partition instead of being set aside.
    """

    name: str
    key: str
    partitions: int
    carries: tuple[type[Event], ...]
    decisions: bool
    retention_ms: int | None = None


def _market(name: str, *carries: type[Event], retention_ms: int | None = None) -> Topic:
    return Topic(name, "symbol", MARKET_PARTITIONS, carries, False, retention_ms)


def _decided(name: str, key: str, *carries: type[Event]) -> Topic:
    return Topic(name, key, DECISION_PARTITIONS, carries, True)


# Topics of the market are partitioned alike, so that one symbol stays in one partition all the way.
TOPICS: tuple[Topic, ...] = (
    _market("market-data-events", TickReceived),
    _market("market-data-quarantine", QuoteQuarantined, retention_ms=30 * DAY_MS),
    _market("bar-events", BarClosed),
    _market("feature-events", FeaturesComputed),
    _market("prediction-events", PredictionMade),
    _market("signal-events", SignalRaised, Abstained),
    _decided("order-commands", "order_id", *order_commands.COMMANDS),
    _decided(
        "order-events",
        "order_id",
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
    ),
    _decided("execution-commands", "execution_id", *execution_commands.COMMANDS),
    _decided(
        "execution-events",
        "execution_id",
        ExecutionOpened,
        ExecutionCompleted,
        ExecutionCompensated,
        ExecutionStuck,
    ),
    _decided("account-commands", "account", *account_commands.COMMANDS),
    _decided(
        "account-events",
        "account",
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
    ),
    _decided("limit-commands", "account", *limit_commands.COMMANDS),
    _decided("limit-events", "account", LimitsSet),
    _decided("model-commands", "model", *model_commands.COMMANDS),
    _decided("model-events", "model", ModelTrained, ModelPromoted, PromotionRefused),
    Topic("dead-letters", "topic", 1, (DeadLettered,), False),
    Topic("role-events", "role", 1, (RoleStarted,), False),
    _decided("letter-commands", "letter", *letter_commands.COMMANDS),
    _decided("letter-events", "letter", LetterReleased, LetterDiscarded),
    _decided("subject-commands", "subject", *subject_commands.COMMANDS),
    _decided("subject-events", "subject", SubjectErased, SubjectHeld, SubjectFreed),
)

CANARIES = Topic("canary-events", "sender", 1, (CanarySent,), False, retention_ms=HOUR_MS)
"""Beside the tape: what stands here is about us and not about the world. Read models fold it to
show that they live; no answer, audit, proof, replay or copy of the tape knows of it."""

EVERY_TOPIC = (*TOPICS, CANARIES)
TOPIC_OF: dict[type[Event], Topic] = {
    kind: topic for topic in EVERY_TOPIC for kind in topic.carries
}
_KEY_OF = {kind: attrgetter(topic.key) for kind, topic in TOPIC_OF.items()}
TYPES: dict[str, type[Event]] = {kind.__name__: kind for kind in TOPIC_OF}


def topic_of(kind: type[Event]) -> Topic:
    """The topic of an event or command class; `KeyError` if it has none."""
    return TOPIC_OF[kind]


def key_of(event: Event) -> str:
    """The partition key of an event: the aggregate's or the symbol's name."""
    return str(_KEY_OF[type(event)](event))
