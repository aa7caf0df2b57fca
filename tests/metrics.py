"""Every metric that the code declares, and what Prometheus calls it."""

from accounting.api import measures
from chassis import telemetry_names
from chassis.telemetry_names import Instrument, Metric
from evaluation.api import measures as evaluation_measures
from gateway.api import tracing

KINDS = {
    Instrument.COUNTER: "counter",
    Instrument.GAUGE: "gauge",
    Instrument.HISTOGRAM: "histogram",
    Instrument.UP_DOWN_COUNTER: "gauge",
}


def declared() -> list[Metric]:
    """Returns the metrics of the chassis and of every service."""
    modules = (telemetry_names, measures, evaluation_measures, tracing)
    return [value for module in modules for value in vars(module).values() if isinstance(value, Metric)]


def prometheus_name(metric: Metric) -> str:
    """Returns what Prometheus calls the family of a metric; tests/system holds it against a real endpoint."""
    unit = "_seconds" if metric.unit == "s" else ""
    return metric.replace(".", "_") + unit + ("_total" if metric.instrument is Instrument.COUNTER else "")
