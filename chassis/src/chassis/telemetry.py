"""Traces and metrics of one service, with providers of its own.

The global providers of OpenTelemetry are process-wide, so they cannot tell the services of an embedded run apart; they are
never set and never read here.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import cast

import grpc
from opentelemetry.instrumentation.grpc import aio_client_interceptors, aio_server_interceptor
from opentelemetry.instrumentation.sqlalchemy.engine import EngineTracer
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import telemetry_names as names


class Exporter(StrEnum):
    """Where spans and metrics go."""

    NONE = "none"
    OTLP = "otlp"
    MEMORY = "memory"


class TelemetrySettings(BaseModel):
    """What a service reports, and to whom.

    Attributes:
        exporter: `none` never samples and adds nothing to the path of a call; `memory` keeps everything, for tests.
        endpoint: Of the OTLP collector, such as `http://collector:4317`; required by `otlp`.
        sample_ratio: Share of new traces that are kept, 0 to 1 inclusive; a caller's decision is followed.
        metric_interval_seconds: Time between two exports of metrics.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    exporter: Exporter = Exporter.NONE
    endpoint: str = "http://127.0.0.1:4317"
    sample_ratio: float = Field(default=1.0, ge=0.0, le=1.0)
    metric_interval_seconds: float = Field(default=30.0, gt=0.0)


class Telemetry:
    """The tracer and the meter of one service."""

    def __init__(self, service_name: str, settings: TelemetrySettings) -> None:
        """Builds the providers.

        Args:
            service_name: Names the service in every span and metric.
            settings: Exporter and sampling.
        """
        self._settings = settings
        self._propagator = TraceContextTextMapPropagator()
        self._spans = InMemorySpanExporter()
        self._metrics: InMemoryMetricReader | None = None
        resource = Resource.create({names.ATTRIBUTE_SERVICE_NAME: service_name})
        sampler = ParentBased(TraceIdRatioBased(settings.sample_ratio)) if self.enabled else ALWAYS_OFF
        self._tracer_provider = TracerProvider(resource=resource, sampler=sampler, shutdown_on_exit=False)
        readers: list[MetricReader] = []
        if settings.exporter is Exporter.OTLP:
            # Imported only where it is used: it takes a third of a second, which every start without it would wait for.
            from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
            from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

            self._tracer_provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.endpoint)))
            readers.append(
                PeriodicExportingMetricReader(
                    OTLPMetricExporter(endpoint=settings.endpoint),
                    export_interval_millis=settings.metric_interval_seconds * 1000,
                )
            )
        elif settings.exporter is Exporter.MEMORY:
            self._tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
            self._metrics = InMemoryMetricReader()
            readers.append(self._metrics)
        self._meter_provider = MeterProvider(resource=resource, metric_readers=readers, shutdown_on_exit=False)
        self.tracer: Tracer = self._tracer_provider.get_tracer(names.SCOPE)
        self.meter: Meter = self._meter_provider.get_meter(names.SCOPE)

    @property
    def enabled(self) -> bool:
        """Whether anything is exported at all."""
        return self._settings.exporter is not Exporter.NONE

    def server_interceptors(self) -> list[grpc.aio.ServerInterceptor]:
        """Returns what a gRPC server needs to continue its callers' traces; nothing when disabled."""
        if not self.enabled:
            return []
        interceptor = aio_server_interceptor(tracer_provider=self._tracer_provider)  # type: ignore[no-untyped-call]
        return [cast("grpc.aio.ServerInterceptor", interceptor)]

    def client_interceptors(self) -> list[grpc.aio.ClientInterceptor]:
        """Returns what a gRPC channel needs to send its trace along; nothing when disabled."""
        if not self.enabled:
            return []
        interceptors = aio_client_interceptors(tracer_provider=self._tracer_provider)  # type: ignore[no-untyped-call]
        return cast("list[grpc.aio.ClientInterceptor]", interceptors)

    def instrument_engine(self, engine: AsyncEngine) -> None:
        """Records a span for each statement of `engine`, with its text and never its parameters."""
        if not self.enabled:
            return
        # SQLAlchemyInstrumentor is a process-wide singleton that instruments with the first provider it is given; its
        # engine tracer is the same code without the singleton, and has no check of SQLAlchemy's version either.
        usage = self.meter.create_up_down_counter(names.METRIC_DATABASE_CONNECTIONS, unit="connections")
        EngineTracer(self.tracer, engine.sync_engine, usage)  # type: ignore[no-untyped-call]

    def traceparent(self) -> str:
        """Returns the W3C `traceparent` of the current span, or "" outside of any."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier.get("traceparent", "")

    @contextmanager
    def span(
        self,
        name: str,
        *,
        traceparent: str = "",
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, str | int] | None = None,
    ) -> Iterator[Span]:
        """Runs a block inside a span.

        Args:
            name: One of `telemetry_names`.
            traceparent: The span to continue; "" continues the current one, or starts a trace.
            kind: Its role.
            attributes: Keyed by `telemetry_names`.
        """
        parent = self._propagator.extract({"traceparent": traceparent}) if traceparent else None
        with self.tracer.start_as_current_span(name, context=parent, kind=kind, attributes=attributes) as span:
            yield span

    def finished_spans(self) -> Sequence[ReadableSpan]:
        """Returns the spans that have ended, with exporter `memory`."""
        return self._spans.get_finished_spans()

    def collected_metrics(self) -> Mapping[str, int | float]:
        """Returns the last value of each metric by name, summed over its attributes, with exporter `memory`."""
        found: dict[str, int | float] = {}
        data = self._metrics.get_metrics_data() if self._metrics is not None else None
        for resource in data.resource_metrics if data is not None else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    found[metric.name] = sum(getattr(point, "value", 0) for point in metric.data.data_points)
        return found

    def shutdown(self) -> None:
        """Sends what is left and ends the exporters' threads."""
        self._tracer_provider.shutdown()
        self._meter_provider.shutdown()
