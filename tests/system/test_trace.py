"""Telemetry of a stack that does its work: one trace from the request to the consumer, and metrics as they are declared."""

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from accounting.main import Accounting
from chassis import telemetry_names as names
from chassis.broker import Message
from chassis.clock import SystemClock
from chassis.embedded_log import EmbeddedLog
from chassis.logs import Level
from chassis.settings import LogSettings
from chassis.telemetry import Exporter, PrometheusSettings, TelemetrySettings
from evaluation.main import Evaluation
from gateway.main import Gateway, topic_registry
from tests.metrics import KINDS, declared, prometheus_name
from tests.system import ganzhou
from tests.system.in_process import PARK, in_process, register

TELEMETRY = TelemetrySettings(exporter=Exporter.MEMORY, prometheus=PrometheusSettings(port=0))


@dataclass
class Traced:
    """A stack whose services keep what they report."""

    accounting: Accounting
    evaluation: Evaluation
    gateway: Gateway
    broker: EmbeddedLog
    client: httpx.AsyncClient

    def spans(self, trace_id: int) -> dict[str, list[ReadableSpan]]:
        """Returns the finished spans of a trace by service, in the order they began."""
        return {
            name: sorted(
                (s for s in telemetry.finished_spans() if s.context is not None and s.context.trace_id == trace_id),
                key=lambda span: span.start_time or 0,
            )
            for name, telemetry in (("accounting", self.accounting.telemetry), ("gateway", self.gateway.telemetry))
        }

    async def scrape(self) -> str:
        """Returns what Prometheus gets from every service."""
        services = (self.accounting.monitoring, self.evaluation.monitoring, self.gateway.monitoring)
        async with httpx.AsyncClient() as client:
            return "\n".join([(await client.get(monitoring.metrics_address)).text for monitoring in services])


@asynccontextmanager
async def traced(folder: Path) -> AsyncIterator[Traced]:
    """Runs accounting and gateway over the embedded pair."""
    broker = EmbeddedLog(folder / "log.sqlite3", topic_registry(), clock=SystemClock())
    async with in_process(folder, broker, telemetry=TELEMETRY, logs=LogSettings(level=Level.INFO)) as stack:
        yield Traced(stack.accounting, stack.evaluation, stack.gateway, broker, stack.client)
    await broker.close()


async def push(stack: Traced, rows: Sequence[dict[str, Any]], **headers: str) -> dict[str, Any]:
    """Pushes rows, and returns once their facts are in the change feed."""
    answer = await stack.client.post(f"/v1/parks/{PARK}/activity-records", json=rows, headers=headers)
    answer.raise_for_status()
    async with asyncio.timeout(20):
        while True:
            feed = (await stack.client.get("/v1/changes", params={"limit": 1000})).json()["changes"]
            heard = [row for change in feed if change["type"].endswith("ActivityRecorded") for row in change["data"]["record_id"]]
            if rows[-1]["record_id"] in heard and feed[-1]["type"].endswith("EmissionsCalculated"):
                break
            await asyncio.sleep(0.02)
    found: dict[str, Any] = answer.json()
    return found


def electricity() -> list[dict[str, Any]]:
    """Returns rows of Ganzhou's electricity."""
    return [row for row in ganzhou.rows() if row["source_id"] == "electricity"]


TRACE_ID = 0x0AF7651916CD43DD8448EB211C80319C
TRACEPARENT = f"00-{TRACE_ID:032x}-b7ad6b7169203331-01"


def only(spans: Iterable[ReadableSpan], name: str, kind: SpanKind) -> ReadableSpan:
    """Returns the one span of a name and kind."""
    [found] = [span for span in spans if span.name == name and span.kind is kind]
    return found


def is_child(child: ReadableSpan, parent: ReadableSpan) -> bool:
    """Says whether a span was begun in another."""
    assert parent.context is not None
    return child.parent is not None and child.parent.span_id == parent.context.span_id


async def test_one_trace_goes_from_the_request_to_the_consumers_own_work(tmp_path: Path) -> None:
    async with traced(tmp_path) as stack:
        await register(stack.client)
        await push(stack, electricity(), traceparent=TRACEPARENT)
        # A span is finished a moment after its effect can be seen.
        async with asyncio.timeout(10):
            while sum(span.kind is SpanKind.CONSUMER for span in stack.spans(TRACE_ID)["gateway"]) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        spans = stack.spans(TRACE_ID)

    gateway, accounting = spans["gateway"], spans["accounting"]
    request = only(gateway, "POST /v1/parks/{park}/activity-records", SpanKind.SERVER)
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == "b7ad6b7169203331"
    method = "/parkcarbon.accounting.v1.AccountingService/RecordActivity"
    call = only(gateway, method, SpanKind.CLIENT)
    assert is_child(call, request)
    served = only(accounting, method, SpanKind.SERVER)
    assert is_child(served, call)

    statements = [span for span in accounting if names.ATTRIBUTE_DATABASE_SYSTEM in (span.attributes or {})]
    assert {"INSERT activity_record", "INSERT emissions_sum", "INSERT outbox"} <= {span.name for span in statements}
    assert all(is_child(span, served) for span in statements)

    topic = "accounting.activity.v1"
    sent = only(accounting, f"send {topic}", SpanKind.PRODUCER)
    assert is_child(sent, served)
    assert (sent.attributes or {})[names.ATTRIBUTE_MESSAGING_BATCH] == 2  # ActivityRecorded and EmissionsCalculated
    processed = [span for span in gateway if span.kind is SpanKind.CONSUMER]
    assert [span.name for span in processed] == [f"process {topic}"] * 2
    assert all(is_child(span, sent) for span in processed)
    for span in processed:
        own = [each.name for each in gateway if is_child(each, span)]
        assert {"INSERT inbox", "INSERT change"} <= set(own)
    assert [span.name for span in [*gateway, *accounting] if span.status.status_code is StatusCode.ERROR] == []


async def test_spans_carry_no_payload_and_no_secret(tmp_path: Path) -> None:
    async with traced(tmp_path) as stack:
        await register(stack.client)
        await push(stack, electricity())
        token = stack.client.headers["Authorization"].removeprefix("Bearer ")
        telemetries = (stack.accounting.telemetry, stack.gateway.telemetry)
        everything = "\n".join(span.to_json() for telemetry in telemetries for span in telemetry.finished_spans())
    rows = electricity()
    hidden = [token, "试验园区", *(row["record_id"] for row in rows), *(row["quantity"] for row in rows)]
    assert [text for text in hidden if text in everything] == []


async def test_what_nobody_asked_for_is_no_trace(tmp_path: Path) -> None:
    async with traced(tmp_path) as stack:
        for _ in range(3):
            await stack.client.get("/readyz")
        await stack.accounting.relay.drain()
        telemetries = (stack.accounting.telemetry, stack.gateway.telemetry)
        roots = [span.name for telemetry in telemetries for span in telemetry.finished_spans() if span.parent is None]
    assert [name for name in roots if not name.startswith("send accounting.factor")] == []


async def test_log_lines_of_a_request_carry_its_trace(tmp_path: Path) -> None:
    with redirect_stderr(io.StringIO()) as written:
        async with traced(tmp_path) as stack:
            await stack.client.get("/v1/parks/nowhere", headers={"traceparent": TRACEPARENT})
            (served,) = [s for s in stack.spans(TRACE_ID)["accounting"] if s.kind is SpanKind.SERVER]
    lines = [json.loads(line) for line in written.getvalue().splitlines() if line.startswith("{")]
    (refused,) = [line for line in lines if line["service"] == "accounting" and line["event"] == "call refused"]
    assert served.context is not None
    assert (refused["trace_id"], refused["span_id"]) == (f"{TRACE_ID:032x}", f"{served.context.span_id:016x}")


# --- metrics ------------------------------------------------------------------------------------------------------------


async def everything_once(stack: Traced) -> None:
    """Lets every part of the stack record something."""
    await register(stack.client)
    rows = electricity()
    wrong = {**rows[0], "record_id": "wrong", "unit": "furlong"}
    await push(stack, [rows[0], wrong, *rows[1:]])
    await push(stack, [{**rows[0], "record_id": "corrected", "supersedes": rows[0]["record_id"]}, rows[1]][::-1])
    await stack.client.get(f"/v1/parks/{PARK}/emissions", params={"from": "2020-01", "to": "2021-01"})
    values = [{"indicator_id": "performance", "year": "2021", "value": "3"}, {"indicator_id": "gone", "year": "2021", "value": "3"}]
    entered = await stack.client.post(f"/v1/parks/{PARK}/indicator-values", json={"system_id": "pdi", "values": values})
    assert (entered.json()["accepted"], entered.json()["rejected"]) == (1, 1)
    (await stack.client.post(f"/v1/parks/{PARK}/evaluations", json={"system_id": "pdi", "year": 2021})).raise_for_status()
    workbook = await stack.client.get(f"/v1/parks/{PARK}/indicator-values.xlsx", params={"system": "pdi", "year": 2021})
    assert workbook.status_code == 200
    job = (await stack.client.post(f"/v1/parks/{PARK}/sums:rebuild")).json()
    await stack.broker.publish([Message("accounting.activity.v1", "poison", b"", {})])
    async with asyncio.timeout(20):
        while "dead_letter" not in await stack.scrape():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        while (await stack.client.get(f"/v1/jobs/{job['job_id']}")).json()["state"] != "succeeded":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await stack.accounting.monitoring.look()
    await stack.evaluation.monitoring.look()
    await stack.gateway.monitoring.look()


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, set[str]]:
    """What Prometheus gets from a stack in which everything has happened once, and the names that were recorded."""

    async def run() -> tuple[str, set[str]]:
        async with traced(tmp_path_factory.mktemp("scraped")) as stack:
            await everything_once(stack)
            services = (stack.accounting, stack.evaluation, stack.gateway)
            recorded = {name for service in services for name in service.telemetry.collected_metrics()}
            return await stack.scrape(), recorded

    return asyncio.run(run())


def test_what_is_recorded_is_declared_and_what_is_declared_is_recorded(scraped: tuple[str, set[str]]) -> None:
    assert scraped[1] == set(declared())


def families(page: str) -> dict[str, tuple[str, str]]:
    """Returns type and description of each family of a scraped page."""
    types = dict(re.findall(r"^# TYPE (\w+) (\w+)$", page, re.MULTILINE))
    texts = dict(re.findall(r"^# HELP (\w+) (.+)$", page, re.MULTILINE))
    return {name: (kind, texts[name]) for name, kind in types.items() if name != "target_info"}


def test_metrics_reach_prometheus_with_unit_kind_and_meaning(scraped: tuple[str, set[str]]) -> None:
    expected = {prometheus_name(metric): KINDS[metric.instrument] for metric in declared()}
    found = families(scraped[0])
    assert {name: kind for name, (kind, _) in found.items()} == expected
    texts = {text for _, text in found.values()}
    ours = {metric.description for metric in declared() if metric.startswith(("parkcarbon", "rpc", "db"))}
    assert ours <= texts


@pytest.mark.parametrize(
    "sample",
    [
        'parkcarbon_ingest_rows_total{parkcarbon_outcome="accepted",service_name="accounting"} 3.0',
        'parkcarbon_ingest_rows_total{parkcarbon_outcome="rejected",service_name="accounting"} 1.0',
        'parkcarbon_ingest_rows_total{parkcarbon_outcome="superseded",service_name="accounting"} 1.0',
        'parkcarbon_ingest_rows_total{parkcarbon_outcome="duplicate",service_name="accounting"} 1.0',
        'parkcarbon_calculation_duration_seconds_count{parkcarbon_calculation="record_activity",service_name="accounting"} 2.0',
        'parkcarbon_outbox_lag_seconds{service_name="accounting"} 0.0',
        'parkcarbon_consumer_lag{messaging_consumer_group_name="gateway",service_name="gateway"} 0.0',
        'parkcarbon_part_healthy{parkcarbon_part="consumer",service_name="gateway"} 1.0',
        'parkcarbon_part_healthy{parkcarbon_part="relay",service_name="accounting"} 1.0',
        'parkcarbon_jobs_finished_total{parkcarbon_job_kind="rebuild-sums",parkcarbon_outcome="succeeded",'
        'service_name="accounting"} 1.0',
        'parkcarbon_events_handled_total{messaging_destination_name="accounting.activity.v1",'
        'parkcarbon_outcome="dead_letter",service_name="gateway"} 1.0',
        'rpc_server_call_duration_seconds_count{rpc_method="parkcarbon.accounting.v1.AccountingService/RecordActivity",'
        'rpc_response_status_code="OK",rpc_system_name="grpc",service_name="accounting"} 2.0',
    ],
    ids=lambda sample: sample.split("}")[0].replace("/", " "),
)
def test_a_sample_says_what_happened(scraped: tuple[str, set[str]], sample: str) -> None:
    assert sample in scraped[0].splitlines()


async def test_what_alerts_count_is_there_before_it_happens(tmp_path: Path) -> None:
    async with traced(tmp_path) as stack:
        lines = (await stack.scrape()).splitlines()
    for topic in ("accounting.activity.v1", "accounting.park.v1"):
        labels = f'messaging_destination_name="{topic}",parkcarbon_outcome="dead_letter",service_name="gateway"'
        assert f"parkcarbon_events_handled_total{{{labels}}} 0.0" in lines
    labels = 'parkcarbon_job_kind="rebuild-sums",parkcarbon_outcome="failed",service_name="accounting"'
    assert f"parkcarbon_jobs_finished_total{{{labels}}} 0.0" in lines


def test_labels_that_dashboard_and_alerts_ask_for_exist(scraped: tuple[str, set[str]]) -> None:
    deploy = Path(__file__).resolve().parents[2] / "deploy"
    files = (deploy / "prometheus" / "alerts.yaml", deploy / "grafana" / "dashboards" / "parkcarbon.json")
    asked: set[str] = set()
    for file in files:
        text = file.read_text(encoding="utf-8").replace('\\"', '"')
        asked.update(label for labels in re.findall(r"\b(?:by|on) \(([^)]*)\)", text) for label in labels.split(", "))
        asked.update(re.findall(r'[{,]\s*(\w+)(?:=~|!=|!~|=)"', text))
    given_by_prometheus = {"instance", "job"}
    only_when_something_fails = {"error_type"}
    found = set(re.findall(r'[{,](\w+)="', scraped[0]))
    assert "parkcarbon_outcome" in asked
    assert asked - found - given_by_prometheus == only_when_something_fails


def test_requests_are_counted_by_route_and_not_by_path(scraped: tuple[str, set[str]]) -> None:
    routes = set(re.findall(r'http_server_request_duration_seconds_count\{[^}]*http_route="([^"]*)"', scraped[0]))
    assert "/v1/parks/{park}/activity-records" in routes
    assert not any(PARK in route for route in routes)
