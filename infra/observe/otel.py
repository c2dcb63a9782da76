"""OpenTelemetry spans whose ids are the messages' own: one trace from a tick to its deals.

The trace is the correlation, the span is the message and the parent is its cause, so no context
has to travel beside the headers that every record carries anyway.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from events.envelope import Envelope, Event, Message
from infra.stream import wire
from infra.stream.wire import Outgoing


class MessageIds(IdGenerator):
    """Gives the ids of the message that is being written, in place of random ones."""

    def __init__(self) -> None:
        self.trace_id = 0
        self.span_id = 0

    def generate_trace_id(self) -> int:
        """The trace of the message."""
        return self.trace_id

    def generate_span_id(self) -> int:
        """The span of the message."""
        return self.span_id


class Exported:
    """Each message becomes a span. Not shared between threads: a role writes from one."""

    def __init__(self, role: str, processor: SpanProcessor) -> None:
        self._ids = MessageIds()
        provider = TracerProvider(
            resource=Resource.create({"service.name": f"tapedeck.{role}"}), id_generator=self._ids
        )
        provider.add_span_processor(processor)
        self._tracer = provider.get_tracer("tapedeck")

    def written(self, messages: Sequence[Message[Event]], since_ns: int) -> None:
        """One span per message, from `since_ns` (wall clock) until now."""
        until_ns = time.time_ns()
        for message in messages:
            name = type(message.event).__name__
            self._span(name, message.key, message.envelope, since_ns, until_ns)

    def sent(self, records: Sequence[Outgoing], since_ns: int) -> None:
        """One span per record."""
        until_ns = time.time_ns()
        for record in records:
            name = dict(record.headers)["ce_type"].decode().rpartition(".")[2]
            envelope = wire.envelope_of(record.headers)
            self._span(name, record.key.decode(), envelope, since_ns, until_ns)

    def _span(self, name: str, key: str, envelope: Envelope, since_ns: int, until_ns: int) -> None:
        self._ids.trace_id = _trace_id(envelope)
        self._ids.span_id = _span_id(envelope.message_id)
        span = self._tracer.start_span(
            name,
            context=_parent(envelope),
            start_time=since_ns,
            attributes={
                "tapedeck.message_id": envelope.message_id,
                "tapedeck.key": key,
                "tapedeck.source": envelope.source,
                "tapedeck.sequence": envelope.sequence,
            },
        )
        span.end(until_ns)


def otlp(address: str) -> SpanProcessor:
    """A processor that sends batches to a collector, such as `http://127.0.0.1:4318`."""
    return BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{address.rstrip('/')}/v1/traces"))


def _parent(envelope: Envelope):  # type: ignore[no-untyped-def] # the API's Context is not exported
    if envelope.causation_id is None:
        return None
    context = SpanContext(
        _trace_id(envelope),
        _span_id(envelope.causation_id),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
    return set_span_in_context(NonRecordingSpan(context))


def _trace_id(envelope: Envelope) -> int:
    return int(envelope.correlation_id.replace("-", ""), 16)


def _span_id(message_id: str) -> int:
    return int(message_id.replace("-", "")[:16], 16)
