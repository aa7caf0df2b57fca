import ast
import asyncio
import io
import json
import logging
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from chassis import telemetry_names as names
from chassis.logs import Level, Renderer, capture_library_logs, configure
from chassis.telemetry import Exporter, Telemetry, TelemetrySettings

SOURCE = Path(names.__file__).parent
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_span_continues_the_trace_it_is_given(telemetry: Telemetry) -> None:
    with telemetry.span(names.SPAN_JOB_RUN, traceparent=PARENT):
        own = telemetry.traceparent()
    assert own.split("-")[1] == "0af7651916cd43dd8448eb211c80319c"
    assert own.split("-")[2] != "b7ad6b7169203331"
    (span,) = telemetry.finished_spans()
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"


def test_a_damaged_traceparent_starts_a_trace_of_its_own(telemetry: Telemetry) -> None:
    with telemetry.span(names.SPAN_JOB_RUN, traceparent="00-nonsense"):
        assert telemetry.traceparent() != ""


def test_outside_of_a_span_there_is_no_traceparent(telemetry: Telemetry) -> None:
    assert telemetry.traceparent() == ""


def test_without_an_exporter_nothing_is_sampled_or_intercepted() -> None:
    silent = Telemetry("silent", TelemetrySettings())
    with silent.span(names.SPAN_JOB_RUN) as span:
        assert not span.is_recording()
    assert (silent.server_interceptors(), silent.client_interceptors()) == ([], [])
    assert silent.finished_spans() == ()


def test_services_of_one_process_report_under_their_own_names() -> None:
    both = [Telemetry(name, TelemetrySettings(exporter=Exporter.MEMORY)) for name in ("accounting", "forecast")]
    for telemetry in both:
        with telemetry.span(names.SPAN_JOB_RUN):
            pass
    reported = [telemetry.finished_spans()[0].resource.attributes[names.ATTRIBUTE_SERVICE_NAME] for telemetry in both]
    assert reported == ["accounting", "forecast"]
    assert [len(telemetry.finished_spans()) for telemetry in both] == [1, 1]


def test_the_global_providers_are_left_alone(telemetry: Telemetry) -> None:
    assert not any(provider is trace.get_tracer_provider() for provider in vars(telemetry).values())


def test_metrics_are_summed_by_name(telemetry: Telemetry) -> None:
    counter = telemetry.counter(names.METRIC_EVENTS_HANDLED)
    counter.add(2, {names.ATTRIBUTE_OUTCOME: "handled"})
    counter.add(3, {names.ATTRIBUTE_OUTCOME: "skipped"})
    assert telemetry.collected_metrics() == {names.METRIC_EVENTS_HANDLED: 5}


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """An OTLP collector that keeps what it gets."""

    def __init__(self) -> None:
        self.received: list[str] = []

    def Export(self, request: Any, context: Any) -> Any:
        for resource in request.resource_spans:
            self.received += [span.name for scope in resource.scope_spans for span in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()


async def test_spans_reach_a_collector_at_the_latest_at_shutdown() -> None:
    collector = Collector()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    add: Any = trace_service_pb2_grpc.add_TraceServiceServicer_to_server
    add(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    settings = TelemetrySettings(exporter=Exporter.OTLP, endpoint=f"http://127.0.0.1:{port}", metric_interval_seconds=3600)
    telemetry = Telemetry("test", settings)
    with telemetry.span(names.SPAN_JOB_RUN):
        pass
    await asyncio.to_thread(telemetry.shutdown)
    server.stop(None).wait()
    assert collector.received == [names.SPAN_JOB_RUN]


NAMING = {"span", "start_span", "start_as_current_span", "create_counter", "create_up_down_counter",
          "create_histogram", "create_observable_gauge", "set_attribute", "set_attributes"}  # fmt: skip


def literal_names(tree: ast.AST) -> list[str]:
    """Literals handed to what names a span, a metric or an attribute, directly or as keys of a dict."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in NAMING:
            keywords = [keyword.value for keyword in node.keywords if keyword.arg in ("name", "attributes")]
            for argument in [*node.args[:1], *keywords]:
                keys = argument.keys if isinstance(argument, ast.Dict) else [argument]
                found += [str(key.value) for key in keys if isinstance(key, ast.Constant)]
    return found


@pytest.mark.parametrize("module", sorted(SOURCE.rglob("*.py")), ids=lambda path: path.stem)
def test_no_module_writes_a_telemetry_name_of_its_own(module: Path) -> None:
    assert literal_names(ast.parse(module.read_text())) == []


def test_a_name_written_elsewhere_would_be_found() -> None:
    code = 'telemetry.span("mine", attributes={"own": 1}); meter.create_counter(names.METRIC); x.set_attribute("a", 1)'
    assert sorted(literal_names(ast.parse(code))) == ["a", "mine", "own"]


def test_every_declared_name_is_used_and_unlike_the_others() -> None:
    declared = {name: value for name, value in vars(names).items() if name.isupper()}
    used = "".join(path.read_text() for path in SOURCE.rglob("*.py") if path.name != "telemetry_names.py")
    assert [name for name in declared if f"names.{name}" not in used] == []
    assert len(set(declared.values())) == len(declared)


# --- logs ---------------------------------------------------------------------------------------------------------------


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_service_and_trace(telemetry: Telemetry) -> None:
    stream = io.StringIO()
    logger = configure("accounting", stream=stream)
    with telemetry.span(names.SPAN_JOB_RUN, traceparent=PARENT) as span:
        logger.info("园区 recorded", rows=3)
    (line,) = lines(stream)
    assert (line["event"], line["service"], line["level"], line["rows"]) == ("园区 recorded", "accounting", "info", 3)
    assert line["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert line["span_id"] == f"{span.get_span_context().span_id:016x}"
    assert line["timestamp"].endswith("Z")


def test_a_line_outside_of_a_span_has_no_trace() -> None:
    stream = io.StringIO()
    configure("accounting", stream=stream).info("started")
    assert "trace_id" not in lines(stream)[0]


def test_services_of_one_process_log_under_their_own_names() -> None:
    stream = io.StringIO()
    first, second = configure("accounting", stream=stream), configure("forecast", stream=stream)
    first.info("a")
    second.info("b")
    assert [line["service"] for line in lines(stream)] == ["accounting", "forecast"]


def test_a_traceback_shows_no_values() -> None:
    stream = io.StringIO()
    logger = configure("accounting", stream=stream)
    payload = "secret-payload"
    try:
        _ = payload, 1 / 0
    except ZeroDivisionError:
        logger.exception("failed")
    assert "secret-payload" not in stream.getvalue()
    assert lines(stream)[0]["exception"][0]["exc_type"] == "ZeroDivisionError"


def test_lines_below_the_level_are_left_out() -> None:
    stream = io.StringIO()
    logger = configure("accounting", level=Level.WARNING, stream=stream)
    logger.info("no")
    logger.warning("yes")
    assert [line["event"] for line in lines(stream)] == ["yes"]


def test_a_terminal_gets_text() -> None:
    stream = io.StringIO()
    configure("accounting", renderer=Renderer.TERMINAL, stream=stream).info("started", port=1)
    assert "started" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_what_libraries_log_becomes_a_line_of_ours() -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        capture_library_logs(configure("accounting", stream=stream))
        logging.getLogger("grpc").warning("channel %s", "lost")
        logging.getLogger("grpc").info("quiet")
    finally:
        root.handlers[:], _ = before
        root.setLevel(before[1])
    assert [(line["event"], line["library"], line["service"]) for line in lines(stream)] == [("channel lost", "grpc", "accounting")]
