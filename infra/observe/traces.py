"""Where the spans of messages go: nowhere, unless an OpenTelemetry collector is configured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from events.envelope import Event, Message
from infra.config import Config
from infra.stream.wire import Outgoing


class Traces(Protocol):
    """Told of every message that a role has written."""

    def written(self, messages: Sequence[Message[Event]], since_ns: int) -> None:
        """These messages were made and acknowledged between `since_ns` (wall clock) and now."""

    def sent(self, records: Sequence[Outgoing], since_ns: int) -> None:
        """The same for messages that exist as records only: those of streams."""


class Untraced:
    """Spans go nowhere."""

    def written(self, messages: Sequence[Message[Event]], since_ns: int) -> None:
        """Nothing."""

    def sent(self, records: Sequence[Outgoing], since_ns: int) -> None:
        """Nothing."""


def traces(config: Config, role: str) -> Traces:
    """OTLP over HTTP when `TAPEDECK_OTLP` names a collector; the SDK is imported only then."""
    if not config.otlp:
        return Untraced()
    from infra.observe.otel import Exported, otlp

    return Exported(role, otlp(config.otlp))
