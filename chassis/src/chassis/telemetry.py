"""Traces and metrics of one service, with providers of its own.

The global providers of OpenTelemetry are process-wide, so they cannot tell the services of an embedded run apart; they are
never set and never read here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from time import perf_counter
from typing import Any, Final, cast

import grpc
from opentelemetry.context import Context
from opentelemetry.instrumentation.grpc import aio_client_interceptors, aio_server_interceptor
from opentelemetry.instrumentation.grpc.filters import health_check, negate
from opentelemetry.metrics import Counter, Histogram, Meter, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, ParentBased, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import Link, Span, SpanKind, StatusCode, Tracer, TraceState, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes
from prometheus_client import CollectorRegistry, start_http_server
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import statements
from chassis import telemetry_names as names
from chassis.telemetry_names import Instrument, Metric

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0, 60.0)
"""Upper bounds of what a histogram of seconds counts: those of the semantic conventions, and two beyond for large batches."""


class Exporter(StrEnum):
    """Where spans and metrics go."""

    NONE = "none"
    OTLP = "otlp"
    MEMORY = "memory"


class PrometheusSettings(BaseModel):
    """Where a service shows its metrics to Prometheus, in the clear: an address that only Prometheus reaches.

    Attributes:
        host: To listen on.
        port: 0 takes a free one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(ge=0, le=65535)


class TelemetrySettings(BaseModel):
    """What a service reports, and to whom.

    Attributes:
        exporter: Of spans and metrics. `none` samples nothing; `memory` keeps everything, for tests.
        prometheus: Shows metrics to Prometheus, whatever the exporter is; None does not.
        endpoint: Of the OTLP collector, such as `http://collector:4317`; required by `otlp`.
        sample_ratio: Share of new traces that are kept, 0 to 1 inclusive; a caller's decision is followed.
        metric_interval_seconds: Time between two exports of metrics.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    exporter: Exporter = Exporter.NONE
    prometheus: PrometheusSettings | None = None
    endpoint: str = "http://127.0.0.1:4317"
    sample_ratio: float = Field(default=1.0, ge=0.0, le=1.0)
    metric_interval_seconds: float = Field(default=30.0, gt=0.0)


class _NoStatementsAlone(Sampler):
    """Begins no trace with a statement: what a relay or a runner asks its database over and over is no work of anybody's."""

    def __init__(self, ratio: float) -> None:
        self._others = TraceIdRatioBased(ratio)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        if names.ATTRIBUTE_DATABASE_SYSTEM in (attributes or {}):
            return SamplingResult(Decision.DROP)
        return self._others.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        return f"{self._others.get_description()}, no statements alone"


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
        sampler = ParentBased(_NoStatementsAlone(settings.sample_ratio)) if self.tracing else ALWAYS_OFF
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
        self._registry: CollectorRegistry | None = None
        if settings.prometheus is not None:
            # Imported only where it is used, as the exporters above.
            from opentelemetry.exporter.prometheus import PrometheusMetricReader  # noqa: PLC0415

            self._registry = CollectorRegistry()
            reader = PrometheusMetricReader(
                scope_info_enabled=False,
                resource_attribute_filter=lambda name: name == names.ATTRIBUTE_SERVICE_NAME,
                registry=self._registry,
            )
            readers.append(reader)
        self._engines: list[Engine] = []
        self._close_endpoint: Callable[[], None] = lambda: None
        self._meter_provider = MeterProvider(resource=resource, metric_readers=readers, shutdown_on_exit=False)
        self.tracer: Tracer = self._tracer_provider.get_tracer(names.SCOPE)
        self.meter: Meter = self._meter_provider.get_meter(names.SCOPE)

    @property
    def tracing(self) -> bool:
        """Whether spans are exported."""
        return self._settings.exporter is not Exporter.NONE

    @property
    def metering(self) -> bool:
        """Whether anybody is shown the metrics."""
        return self.tracing or self._settings.prometheus is not None

    def start(self) -> str:
        """Shows the metrics to Prometheus if the settings say so; ended by `shutdown`.

        Returns:
            The URL to scrape, "" when there is none.

        Raises:
            OSError: If the port is taken.
        """
        settings = self._settings.prometheus
        if settings is None or self._registry is None:
            return ""
        server, thread = start_http_server(settings.port, settings.host, self._registry)

        def close() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        self._close_endpoint = close
        return f"http://{settings.host}:{server.server_port}/metrics"

    def counter(self, metric: Metric) -> Counter:
        """Returns the instrument of a declared counter."""
        return self.meter.create_counter(metric, metric.unit, metric.description)

    def histogram(self, metric: Metric) -> Histogram:
        """Returns the instrument of a declared histogram, of seconds."""
        return self.meter.create_histogram(
            metric, metric.unit, metric.description, explicit_bucket_boundaries_advisory=list(_SECONDS)
        )

    def observe(self, metric: Metric, read: Callable[[], Iterable[Observation]]) -> None:
        """Records what `read` returns whenever somebody looks, for a declared gauge or up-down counter.

        Args:
            metric: Which.
            read: Called in another thread; returns a value per set of attributes.
        """
        create: Any = self.meter.create_observable_gauge
        if metric.instrument is Instrument.UP_DOWN_COUNTER:
            create = self.meter.create_observable_up_down_counter
        create(metric, callbacks=[lambda _: read()], unit=metric.unit, description=metric.description)

    @contextmanager
    def timed(self, duration: Histogram, attributes: Mapping[str, str] | None = None) -> Iterator[None]:
        """Records how long a block takes, whether it succeeds or fails.

        Args:
            duration: Where to.
            attributes: Keyed by declared names.
        """
        began = perf_counter()
        try:
            yield
        finally:
            duration.record(perf_counter() - began, attributes)

    def server_interceptors(self) -> list[grpc.aio.ServerInterceptor]:
        """Returns what a gRPC server needs to continue its callers' traces, health checks left out; nothing without tracing."""
        if not self.tracing:
            return []
        interceptor = aio_server_interceptor(  # type: ignore[no-untyped-call]
            tracer_provider=self._tracer_provider, filter_=negate(health_check())
        )
        return [cast("grpc.aio.ServerInterceptor", interceptor)]

    def client_interceptors(self) -> list[grpc.aio.ClientInterceptor]:
        """Returns what a gRPC channel needs to send its trace along, health checks left out; nothing without tracing."""
        if not self.tracing:
            return []
        interceptors = aio_client_interceptors(  # type: ignore[no-untyped-call]
            tracer_provider=self._tracer_provider, filter_=negate(health_check())
        )
        return cast("list[grpc.aio.ClientInterceptor]", interceptors)

    def instrument_engine(self, engine: AsyncEngine) -> None:
        """Records each statement of `engine` as a span, with its text and never its parameters, and its time; and its pool."""
        if not self.metering:
            return
        statements.watch(engine.sync_engine, self.tracer, self.histogram(names.METRIC_DATABASE_STATEMENT_DURATION))
        # One instrument for all: two of one name would each report, and the last one count.
        if not self._engines:
            self.observe(names.METRIC_DATABASE_CONNECTIONS, lambda: statements.connections(self._engines))
        self._engines.append(engine.sync_engine)

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
            name: One of `telemetry_names`, followed by its destination where there is one.
            traceparent: The span to continue; "" continues the current one, or starts a trace.
            kind: Its role.
            attributes: Keyed by `telemetry_names`.
        """
        parent = self._propagator.extract({"traceparent": traceparent}) if traceparent else None
        with self.tracer.start_as_current_span(name, context=parent, kind=kind, attributes=attributes) as span:
            yield span

    @contextmanager
    def child(
        self, name: str, *, traceparent: str, kind: SpanKind, attributes: Mapping[str, str | int] | None = None
    ) -> Iterator[str]:
        """Keeps a span open during a block without making it the current one; several can be open side by side.

        Args:
            name: As in `span`.
            traceparent: The span to continue; "" starts a trace.
            kind: Its role.
            attributes: Keyed by declared names.

        Yields:
            The `traceparent` of the span.
        """
        parent = self._propagator.extract({"traceparent": traceparent}, Context())
        span = self.tracer.start_span(name, parent, kind, attributes)
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier, set_span_in_context(span, Context()))
        try:
            yield carrier.get("traceparent", "")
        except Exception as error:
            span.set_status(StatusCode.ERROR, type(error).__name__)
            raise
        finally:
            span.end()

    def finished_spans(self) -> Sequence[ReadableSpan]:
        """Returns the spans that have ended, with exporter `memory`."""
        return self._spans.get_finished_spans()

    def collected_metrics(self) -> Mapping[str, int | float]:
        """Returns the last value of each metric by name, summed over its attributes, with exporter `memory`.

        That of a histogram is how often something was recorded.
        """
        found: dict[str, int | float] = {}
        data = self._metrics.get_metrics_data() if self._metrics is not None else None
        for resource in data.resource_metrics if data is not None else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    found[metric.name] = sum(
                        point.count if isinstance(point, HistogramDataPoint) else getattr(point, "value", 0)
                        for point in metric.data.data_points
                    )
        return found

    def shutdown(self) -> None:
        """Sends what is left, and ends the exporters' threads and the endpoint."""
        self._close_endpoint()
        self._tracer_provider.shutdown()
        self._meter_provider.shutdown()
