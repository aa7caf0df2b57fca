"""FastAPI's own instrumentation, directed to the service's tracer and meter instead of the process's."""

from typing import Any, Final

from fastapi.telemetry import TelemetryConfig
from opentelemetry.metrics import Meter, MeterProvider
from opentelemetry.trace import Tracer, TracerProvider

from chassis.telemetry import Telemetry
from chassis.telemetry_names import Instrument, Metric

METRIC_DURATION: Final = Metric(
    "http.server.request.duration", Instrument.HISTOGRAM, "s", "Time of one HTTP request at its server, by route and status."
)
METRIC_ACTIVE: Final = Metric(
    "http.server.active_requests", Instrument.UP_DOWN_COUNTER, "{request}", "HTTP requests that are being answered."
)
"""What FastAPI records, by the names that it has for it."""

_PROBES: Final = ("/healthz", "/readyz")
"""Asked every few seconds: they would be most of what there is to look at."""


class _OneTracer(TracerProvider):
    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def get_tracer(self, *_: Any, **__: Any) -> Tracer:
        return self._tracer


class _OneMeter(MeterProvider):
    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def get_meter(self, *_: Any, **__: Any) -> Meter:
        return self._meter


def instrumentation(telemetry: Telemetry) -> TelemetryConfig:
    """Returns what FastAPI is told: everything off when the service reports nothing, so that no request pays for it.

    FastAPI's log records stay off in any case: they hold exception messages, and those can hold what a caller sent.
    """
    return {
        "tracer_provider": _OneTracer(telemetry.tracer),
        "meter_provider": _OneMeter(telemetry.meter),
        "tracing": telemetry.tracing,
        "metrics": telemetry.metering,
        "exclude": lambda scope: scope["path"] in _PROBES,
        "logs": False,
        "operation_spans": False,
        "auto_configure": False,
    }
