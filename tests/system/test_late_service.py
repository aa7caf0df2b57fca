"""A service that is added to a stack with data in it comes to the same state as one that was there from the start."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import Table, select

from accounting.adapters import tables as accounts
from chassis.broker import Broker
from chassis.channel import ChannelSettings
from chassis.clock import SystemClock
from chassis.database import Database
from chassis.embedded_log import EmbeddedLog
from chassis.logs import Level
from chassis.server import running
from chassis.settings import DatabaseSettings, LogSettings
from chassis.tenancy import Platform
from chassis.testing.postgres import EmptyDatabase
from devstack.credentials import load_or_make
from evaluation.adapters import tables as copies
from evaluation.main import Evaluation, build
from evaluation.settings import EvaluationSettings
from gateway.main import topic_registry
from tests.system import ganzhou
from tests.system.in_process import PARK, InProcess, in_process, register

RECORDS = f"/v1/parks/{PARK}/activity-records"
SUM = ("tenant_id", "park_id", "source_id", "first_month", "last_month", "emissions_mg", "energy_mgce", "records")
CORRECTION = {**ganzhou.rows()[1], "record_id": "corrected", "quantity": "2700", "supersedes": ganzhou.rows()[1]["record_id"]}


async def work(stack: InProcess) -> None:
    """Leaves a park with sources, an enterprise, figures, records and a correction."""
    await register(stack.client)
    enterprise = {"enterprise_id": "mill", "name_zh": "钢厂", "name_en": "Mill", "industry_code": "C3120"}
    (await stack.client.post(f"/v1/parks/{PARK}/enterprises", json=enterprise)).raise_for_status()
    (await stack.client.put(f"/v1/parks/{PARK}/annual-figures/2021", json={"gross_output_10k_cny": "9547000"})).raise_for_status()
    for rows in (ganzhou.rows(), [CORRECTION]):
        (await stack.client.post(RECORDS, json=rows)).raise_for_status()
    region = {"name": "Jiangxi", "roles": ["region_reader"], "regions": ["36"]}
    (await stack.client.put("/v1/callers/jiangxi", json=region)).raise_for_status()
    made = await stack.client.post("/v1/api-keys", json={"caller_id": "jiangxi", "kind": "api", "name": "mirror"})
    headers = {"X-Api-Key": made.json()["api_key"]}
    async with httpx.AsyncClient(base_url=stack.gateway.http_address, headers=headers) as jiangxi:
        (await jiangxi.get(f"/v1/parks/{PARK}")).raise_for_status()


@asynccontextmanager
async def evaluating(folder: Path, stack: InProcess, broker: Broker, url: str) -> AsyncIterator[Evaluation]:
    """Runs the evaluation beside a stack."""
    settings = EvaluationSettings(
        database=DatabaseSettings(url=SecretStr(url)),
        accounting=ChannelSettings(target=stack.accounting.grpc_address),
        caller_public_key=load_or_make(folder).verifying_key,
        logs=LogSettings(level=Level.WARNING),
    )
    service = build(settings, clock=SystemClock(), broker=broker)
    async with running(service):
        yield service


async def until(reached: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not await reached():  # noqa: ASYNC110 - only the service knows
            await asyncio.sleep(0.02)


async def until_it_holds(database: Database, table: Table, names: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
    """Waits until some columns of a table are these rows."""

    async def holds() -> bool:
        return await rows_of(database, table, *names) == rows

    await until(holds)


async def rows_of(database: Database, table: Table, *names: str) -> list[tuple[Any, ...]]:
    """Returns some columns of every row."""
    async with database.read(Platform("test")) as session:
        found = await session.execute(select(*(table.c[name] for name in names)).order_by(*(table.c[name] for name in names)))
        return [tuple(row) for row in found]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_an_evaluation_that_comes_late_has_accountings_registers_and_sums(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/late.sqlite3"
    if kind == "postgresql":
        made: EmptyDatabase = request.getfixturevalue("postgres_database")
        url = made.owner_url
    broker = EmbeddedLog(tmp_path / "log.sqlite3", topic_registry(), clock=SystemClock())
    async with in_process(tmp_path, broker) as stack:
        # the stack's own hears nothing: what is told is left to the one that comes late, with a database of its own
        await stack.evaluation.consumer.stop()
        await work(stack)
        async with evaluating(tmp_path, stack, broker, url) as late:
            # registers and sums come by topics of their own, in no order among each other
            for ours, theirs, names in (
                (accounts.emissions_sum, copies.emissions_sum, SUM),
                (accounts.park, copies.park, ("tenant_id", "park_id", "name_zh", "region_code")),
                (accounts.source, copies.source, ("tenant_id", "park_id", "source_id", "carrier", "scope")),
                (accounts.enterprise, copies.enterprise, ("tenant_id", "park_id", "enterprise_id")),
                (accounts.annual_figures, copies.year_figures, ("tenant_id", "park_id", "year", "version", "gross_output_10k_cny")),
            ):
                kept = await rows_of(stack.accounting.database, ours, *names)
                assert kept
                await until_it_holds(late.database, theirs, names, kept)
            # the gateway has no list of its platforms: its topic keeps them for ten years
            platform = ("tenant_id", "park_id", "platform_id", "kind")
            await until_it_holds(late.database, copies.connected_platform, platform, [("demo", PARK, "jiangxi", "region")])
    await broker.close()


async def test_a_listener_that_comes_late_is_told_all_that_the_feed_has(tmp_path: Path) -> None:
    """As a gateway with a new database and a group of its own would be."""
    broker = EmbeddedLog(tmp_path / "log.sqlite3", topic_registry(), clock=SystemClock())
    async with in_process(tmp_path, broker) as stack:
        await work(stack)

        async def feed() -> list[str]:
            changes = (await stack.client.get("/v1/changes", params={"limit": 1000})).raise_for_status().json()["changes"]
            return [change["event_id"] for change in changes]

        async def told() -> bool:
            return len(await feed()) == 10

        await until(told)
        subscription = await broker.subscribe("later", [topic.name for topic in topic_registry() if "gateway" in topic.consumers])
        kept = await subscription.poll(1000, 5.0)
        await subscription.close()
        assert {each.message.headers["ce_id"].decode() for each in kept} == set(await feed())
    await broker.close()
