import ast
import asyncio
import io
import json
import logging
from concurrent import futures
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.trace import StatusCode
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from chassis import telemetry_names as names
from chassis.database import Database
from chassis.event_spans import sending
from chassis.events import Event
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


def event(number: int, traceparent: str = "", topic: str = "metering.reading.v1") -> Event:
    return Event(
        id=str(number),
        source="/metering",
        type="metering.events.v1.Read",
        subject="",
        time=datetime(2026, 3, 1, tzinfo=UTC),
        topic=topic,
        key="park",
        data=b"",
        tenant_id="t1",
        traceparent=traceparent,
    )


OTHER = "00-11111111111111111111111111111111-2222222222222222-01"


def test_a_batch_is_sent_in_a_span_per_topic_and_origin(telemetry: Telemetry) -> None:
    events = [event(1, PARENT), event(2, OTHER), event(3, PARENT), event(4, PARENT, "metering.meter.v1")]
    with sending(telemetry, events) as sent:
        assert telemetry.finished_spans() == ()
    spans = {f"{span.context.span_id:016x}": span for span in telemetry.finished_spans() if span.context is not None}
    assert len(spans) == 3
    assert [each.id for each in sent] == ["1", "2", "3", "4"]
    for before, after in zip(events, sent, strict=True):
        _, trace_id, span_id, _ = after.traceparent.split("-")
        span = spans[span_id]
        assert span.parent is not None
        assert (trace_id, f"{span.parent.span_id:016x}") == tuple(before.traceparent.split("-")[1:3])
        assert span.name == f"send {before.topic}"
    assert sent[0].traceparent == sent[2].traceparent


def test_a_batch_that_is_not_sent_ends_its_spans_as_failed(telemetry: Telemetry) -> None:
    with pytest.raises(ConnectionError), sending(telemetry, [event(1, PARENT)]):
        raise ConnectionError("secret-address")
    (span,) = telemetry.finished_spans()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "ConnectionError")


def test_an_event_of_a_trace_that_is_not_kept_stays_in_it(telemetry: Telemetry) -> None:
    with sending(telemetry, [event(1, PARENT[:-2] + "00")]) as sent:
        pass
    assert sent[0].traceparent.split("-")[1::2] == [PARENT.split("-")[1], "00"]
    assert telemetry.finished_spans() == ()


def test_without_tracing_events_are_sent_as_they_are() -> None:
    events = [event(1, PARENT)]
    with sending(Telemetry("silent", TelemetrySettings()), events) as sent:
        assert sent is events


# --- statements ---------------------------------------------------------------------------------------------------------


async def test_a_statement_that_fails_says_how_and_not_with_which_values(database_url: str, telemetry: Telemetry) -> None:
    database = Database(database_url, telemetry=telemetry)
    insert = text("INSERT INTO meter VALUES (:name)")
    with telemetry.span(names.SPAN_JOB_RUN):
        async with database.begin() as session:
            await session.execute(text("CREATE TABLE meter (name text PRIMARY KEY)"))
            await session.execute(insert, {"name": "secret-payload"})
            with pytest.raises(IntegrityError):
                await session.execute(insert, {"name": "secret-payload"})
    await database.dispose()
    inserts = [span for span in telemetry.finished_spans() if span.name == "INSERT meter"]
    assert [span.status.status_code for span in inserts] == [StatusCode.UNSET, StatusCode.ERROR]
    assert (inserts[1].attributes or {})[names.ATTRIBUTE_ERROR_TYPE] in ("IntegrityError", "UniqueViolation")
    assert all("secret-payload" not in span.to_json() for span in inserts)


async def test_statements_are_timed_and_connections_counted(database_url: str, telemetry: Telemetry) -> None:
    database = Database(database_url, telemetry=telemetry)
    async with database.read() as session:
        await session.execute(text("SELECT 1"))
        held = telemetry.collected_metrics()
    await database.dispose()
    assert held[names.METRIC_DATABASE_STATEMENT_DURATION] >= 1
    assert held[names.METRIC_DATABASE_CONNECTIONS] == 1


async def test_a_statement_alone_begins_no_trace(database_url: str, telemetry: Telemetry) -> None:
    database = Database(database_url, telemetry=telemetry)
    async with database.read() as session:
        await session.execute(text("SELECT 1"))
    await database.dispose()
    assert telemetry.finished_spans() == ()


def test_a_name_carries_what_is_fixed_about_its_metric(telemetry: Telemetry) -> None:
    metrics = [value for value in vars(names).values() if isinstance(value, names.Metric)]
    assert [metric for metric in metrics if not (metric.unit and metric.description.endswith("."))] == []


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
