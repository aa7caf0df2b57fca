import asyncio
import io
import json
import urllib.request
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis import telemetry_names as names
from chassis.broker import BrokerError
from chassis.logs import Logger
from chassis.monitoring import Monitoring
from chassis.server import GrpcServer, ServerSettings, running
from chassis.telemetry import Exporter, PrometheusSettings, Telemetry, TelemetrySettings


@dataclass
class Part:
    """A part that ends when a test says so."""

    healthy: bool = True
    waiting: int | None = 7

    async def lag(self) -> int:
        if self.waiting is None:
            raise BrokerError("away")
        return self.waiting


def server(telemetry: Telemetry, logger: Logger) -> GrpcServer:
    return GrpcServer(ServerSettings(), services=[], verifier=None, error_domain="t", telemetry=telemetry, logger=logger)


async def status(address: str) -> int:
    async with grpc.aio.insecure_channel(address) as channel:
        stub: Any = health_pb2_grpc.HealthStub
        check = stub(channel).Check
        return int((await check(health_pb2.HealthCheckRequest())).status)


async def test_health_checks_fail_while_a_part_has_ended(telemetry: Telemetry, logger: Logger, log_lines: io.StringIO) -> None:
    served, relay = server(telemetry, logger), Part()
    monitoring = Monitoring(telemetry, logger=logger, parts={"relay": relay}, server=served)
    seen = []
    async with running(served):
        for healthy in (True, False, False, True):
            relay.healthy = healthy
            await monitoring.look()
            seen.append(await status(served.address))
    answer = health_pb2.HealthCheckResponse
    assert seen == [answer.SERVING, answer.NOT_SERVING, answer.NOT_SERVING, answer.SERVING]
    lines = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    assert [line["part"] for line in lines if line["event"] == "part ended by itself"] == ["relay"]


async def test_the_watch_looks_by_itself(telemetry: Telemetry, logger: Logger) -> None:
    served, relay = server(telemetry, logger), Part(healthy=False)
    monitoring = Monitoring(telemetry, logger=logger, parts={"relay": relay}, server=served, every_seconds=0.01)
    async with running(served, monitoring), asyncio.timeout(10):
        while await status(served.address) != health_pb2.HealthCheckResponse.NOT_SERVING:
            pass


async def test_health_is_told_of_each_part(telemetry: Telemetry, logger: Logger) -> None:
    parts = {"relay": Part(), "consumer": Part(healthy=False)}
    monitoring = Monitoring(telemetry, logger=logger, parts=parts)
    assert monitoring.health() == {"relay": True, "consumer": False}
    assert telemetry.collected_metrics()[names.METRIC_PART_HEALTHY] == 1


async def test_a_lag_that_nobody_knows_is_not_shown(telemetry: Telemetry, logger: Logger, log_lines: io.StringIO) -> None:
    consumer = Part()
    monitoring = Monitoring(telemetry, logger=logger, parts={}, consumers={"billing": consumer})
    await monitoring.look()
    known = telemetry.collected_metrics()[names.METRIC_CONSUMER_LAG]
    consumer.waiting = None
    await monitoring.look()
    await monitoring.look()
    assert known == 7
    assert names.METRIC_CONSUMER_LAG not in telemetry.collected_metrics()
    assert log_lines.getvalue().count("consumer lag unknown") == 1


def fetch(address: str) -> str:
    with urllib.request.urlopen(address) as answer:
        return str(answer.read().decode())


async def test_services_of_one_process_show_their_own_metrics_at_their_own_ports(logger: Logger) -> None:
    settings = TelemetrySettings(prometheus=PrometheusSettings(port=0))
    both = [Telemetry(name, settings) for name in ("accounting", "forecast")]
    watches = [Monitoring(telemetry, logger=logger, parts={"relay": Part()}) for telemetry in both]
    async with running(*watches):
        pages = [await asyncio.to_thread(fetch, watch.metrics_address) for watch in watches]
    for telemetry in both:
        telemetry.shutdown()
    sample = 'parkcarbon_part_healthy{{parkcarbon_part="relay",service_name="{}"}} 1.0'
    wanted = [sample.format(name) for name in ("accounting", "forecast")]
    assert [[line in page.splitlines() for line in wanted] for page in pages] == [[True, False], [False, True]]


async def test_the_endpoint_is_gone_after_the_shutdown(logger: Logger) -> None:
    telemetry = Telemetry("test", TelemetrySettings(prometheus=PrometheusSettings(port=0)))
    address = telemetry.start()
    telemetry.shutdown()
    with pytest.raises(OSError, match="refused"):
        await asyncio.to_thread(fetch, address)


async def test_no_port_is_opened_unless_the_settings_say_so(logger: Logger) -> None:
    monitoring = Monitoring(Telemetry("test", TelemetrySettings()), logger=logger, parts={})
    async with running(monitoring):
        assert monitoring.metrics_address == ""


def test_metrics_for_prometheus_need_no_tracing() -> None:
    telemetry = Telemetry("test", TelemetrySettings(prometheus=PrometheusSettings(port=0)))
    assert (telemetry.tracing, telemetry.metering) == (False, True)
    assert (telemetry.server_interceptors(), telemetry.client_interceptors()) == ([], [])
    assert TelemetrySettings(exporter=Exporter.NONE).prometheus is None
