"""Spans of events on their way: the trace of a request goes on through outbox and broker."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from opentelemetry.trace import SpanKind

from chassis import telemetry_names as names
from chassis.events import Event
from chassis.telemetry import Telemetry


@contextmanager
def sending(telemetry: Telemetry, events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    """Runs the publishing of a batch inside a span per topic and trace, each a child of the span its events were recorded in.

    Args:
        telemetry: Of the service.
        events: What is published.

    Yields:
        The events in their order, to be continued from those spans by whoever reads them; as they are without tracing.
    """
    if not telemetry.tracing:
        yield events
        return
    counts: dict[tuple[str, str], int] = {}
    for event in events:
        origin = (event.traceparent, event.topic)
        counts[origin] = counts.get(origin, 0) + 1
    sent: dict[tuple[str, str], str] = {}
    with ExitStack() as spans:
        for (traceparent, topic), count in counts.items():
            span = telemetry.child(
                f"{names.SPAN_EVENT_SEND} {topic}",
                traceparent=traceparent,
                kind=SpanKind.PRODUCER,
                attributes={
                    names.ATTRIBUTE_MESSAGING_DESTINATION: topic,
                    names.ATTRIBUTE_MESSAGING_OPERATION: names.SPAN_EVENT_SEND,
                    names.ATTRIBUTE_MESSAGING_BATCH: count,
                },
            )
            sent[traceparent, topic] = spans.enter_context(span)
        yield [replace(event, traceparent=sent[event.traceparent, event.topic]) for event in events]
