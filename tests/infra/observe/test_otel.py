"""Spans carry the messages' own ids, so that a trace runs from a tick to its deals."""

from __future__ import annotations

from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from events.accounts import AccountHalted
from events.envelope import caused_by, first_cause
from infra.observe.otel import Exported
from infra.stream.wire import Outgoing, headers_of


def test_a_message_is_a_child_of_its_cause_in_one_trace() -> None:
    event = AccountHalted(account="alpha", reason="drill")
    tick = first_cause(event, source="mt5", sequence="1", key="EURUSD", time_us=1)
    bar = caused_by(tick, event, source="bars", sequence="1", key="EURUSD", step="bars.0")
    order = caused_by(bar, event, source="orders", sequence="1", key="o", step="orders.0")
    spans = InMemorySpanExporter()

    Exported("test", SimpleSpanProcessor(spans)).written((tick, bar, order), since_ns=1)

    first, second, third = spans.get_finished_spans()
    assert first.parent is None
    assert second.parent is not None
    assert third.parent is not None
    assert second.parent.span_id == first.context.span_id
    assert third.parent.span_id == second.context.span_id
    assert len({span.context.trace_id for span in (first, second, third)}) == 1
    trace, span = order.envelope.traceparent.split("-")[1:3]
    assert (f"{third.context.trace_id:032x}", f"{third.context.span_id:016x}") == (trace, span)


def test_a_record_of_a_stream_is_the_same_span_as_its_message() -> None:
    message = first_cause(
        AccountHalted(account="alpha", reason="drill"),
        source="mt5",
        sequence="1",
        key="alpha",
        time_us=1,
    )
    record = Outgoing(
        "account-events", b"alpha", b"", headers_of(message.envelope, "AccountHalted")
    )
    spans = InMemorySpanExporter()
    exported = Exported("test", SimpleSpanProcessor(spans))

    exported.written((message,), since_ns=1)
    exported.sent((record,), since_ns=1)

    first, second = spans.get_finished_spans()
    assert (first.name, first.context, first.attributes) == (
        second.name,
        second.context,
        second.attributes,
    )
