"""Accounting, evaluation and the gateway in the process of a test, where it can look inside."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import SecretStr

from accounting import main as accounting_main
from accounting.settings import AccountingSettings
from chassis.broker import Broker
from chassis.channel import ChannelSettings
from chassis.clock import Clock, SystemClock
from chassis.logs import Level
from chassis.server import running
from chassis.settings import DatabaseSettings, LogSettings
from chassis.telemetry import TelemetrySettings
from devstack.credentials import load_or_make
from evaluation import main as evaluation_main
from evaluation.settings import EvaluationSettings
from gateway import main as gateway_main
from gateway.settings import BootstrapToken, GatewaySettings, HttpSettings, WebhookSettings

PARK = "tested"


@dataclass
class InProcess:
    """The services, running, and a client with the operator's token."""

    accounting: accounting_main.Accounting
    evaluation: evaluation_main.Evaluation
    gateway: gateway_main.Gateway
    client: httpx.AsyncClient


@asynccontextmanager
async def in_process(
    folder: Path,
    broker: Broker,
    *,
    urls: Mapping[str, str] | None = None,
    owner_urls: Mapping[str, str] | None = None,
    telemetry: TelemetrySettings | None = None,
    logs: LogSettings | None = None,
    accounting_clock: Clock | None = None,
    webhooks: WebhookSettings | None = None,
) -> AsyncIterator[InProcess]:
    """Runs the services.

    Args:
        folder: For keys, tokens and SQLite files; the same again continues.
        broker: Joins them; stays open.
        urls: Of their databases; a SQLite file in the folder for a service that is left out.
        owner_urls: Of the roles that own the tables; those of `urls` when None.
        telemetry: What they report; nothing when None.
        logs: What they log; warnings when None.
        accounting_clock: What time accounting believes it is; that of the gateway when None.
        webhooks: What they may be sent to; the public's addresses when None.
    """
    keys = load_or_make(folder)
    clock = SystemClock()

    def database(service: str) -> DatabaseSettings:
        url = (urls or {}).get(service, f"sqlite:///{folder}/{service}.sqlite3")
        owner_url = (owner_urls or {}).get(service)
        return DatabaseSettings(url=SecretStr(url), owner_url=SecretStr(owner_url) if owner_url else None)

    accounting = accounting_main.build(
        AccountingSettings(
            database=database("accounting"),
            caller_public_key=keys.verifying_key,
            telemetry=telemetry or TelemetrySettings(),
            logs=logs or LogSettings(level=Level.WARNING),
        ),
        clock=accounting_clock or clock,
        broker=broker,
    )
    async with AsyncExitStack() as started:
        await started.enter_async_context(running(accounting))
        evaluation = evaluation_main.build(
            EvaluationSettings(
                database=database("evaluation"),
                accounting=ChannelSettings(target=accounting.grpc_address),
                caller_public_key=keys.verifying_key,
                telemetry=telemetry or TelemetrySettings(),
                logs=logs or LogSettings(level=Level.WARNING),
            ),
            clock=clock,
            broker=broker,
        )
        await started.enter_async_context(running(evaluation))
        gateway = gateway_main.build(
            GatewaySettings(
                http=HttpSettings(port=0),
                database=database("gateway"),
                accounting=ChannelSettings(target=accounting.grpc_address),
                evaluation=ChannelSettings(target=evaluation.grpc_address),
                caller_private_key=keys.signing_key,
                bootstrap_tokens=tuple(BootstrapToken.model_validate(grant) for grant in keys.grants()),
                telemetry=telemetry or TelemetrySettings(),
                logs=logs or LogSettings(level=Level.WARNING),
                webhooks=webhooks or WebhookSettings(),
            ),
            clock=clock,
            broker=broker,
        )
        headers = {"Authorization": f"Bearer {keys.tokens['platform_operator']}"}
        async with (
            running(gateway),
            httpx.AsyncClient(base_url=gateway.http_address, headers=headers, timeout=30) as client,
        ):
            yield InProcess(accounting, evaluation, gateway, client)


async def register(client: httpx.AsyncClient) -> None:
    """Registers a park in Ganzhou and its three sources."""
    park = {
        "park_id": PARK,
        "name_zh": "试验园区",
        "name_en": "Test park",
        "region_code": "360700",
        "time_zone": "Asia/Shanghai",
        "factor_set_id": "wang-2024",
    }
    (await client.post("/v1/parks", json=park)).raise_for_status()
    for source_id, item, scope, carrier in (
        ("electricity", "enterprise.purchased_energy", 2, "electricity"),
        ("gas", "enterprise.fuel_combustion", 1, "natural_gas"),
        ("oil", "enterprise.fuel_combustion", 1, "refined_oil"),
    ):
        source = {
            "source_id": source_id,
            "name_zh": source_id,
            "name_en": source_id,
            "item": item,
            "scope": scope,
            "carrier": carrier,
            "settlement_basis": "bill",
        }
        (await client.post(f"/v1/parks/{PARK}/sources", json=source)).raise_for_status()
