"""On a running platform: a caller of one enterprise learns nothing of its neighbour, and who has left is told nothing more."""

import asyncio
import ipaddress
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from chassis.clock import SystemClock
from chassis.embedded_log import EmbeddedLog
from chassis.tenancy import Platform
from chassis.testing.postgres import EmptyDatabase
from gateway.main import topic_registry
from gateway.settings import WebhookSettings
from tests.system.in_process import InProcess, in_process

LOOPBACK = WebhookSettings(allowed_networks=(ipaddress.ip_network("127.0.0.0/8"),), plain_http=True)
RECORDS = "/v1/parks/pa/activity-records"
SECRET = "777.7"
NEIGHBOUR = "e2"
READER: dict[str, Any] = {"name": "x", "roles": ["reader"], "parks": ["pa"]}


@pytest.fixture(params=["sqlite", "postgresql"])
async def stack(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[InProcess]:
    """A platform with a park of two enterprises, its gateway on either database."""
    urls = {}
    if request.param == "postgresql":
        made: EmptyDatabase = request.getfixturevalue("postgres_database")
        urls["gateway"] = made.owner_url
    log = EmbeddedLog(tmp_path / "log.sqlite3", topic_registry(), clock=SystemClock())
    async with in_process(tmp_path, log, urls=urls, webhooks=LOOPBACK) as running:
        park = {"park_id": "pa", "name_zh": "园", "name_en": "P", "region_code": "360700", "factor_set_id": "wang-2024"}
        await done(running.client.post("/v1/parks", json=park))
        for enterprise in ("e1", NEIGHBOUR):
            name = {"name_zh": enterprise, "name_en": enterprise}
            body = {"enterprise_id": enterprise, "industry_code": "C3120", **name}
            await done(running.client.post("/v1/parks/pa/enterprises", json=body))
            place = {"item": "enterprise.purchased_energy", "scope": 2, "carrier": "electricity", "settlement_basis": "bill"}
            source = {"source_id": f"{enterprise}-power", "enterprise_id": enterprise, **name, **place}
            await done(running.client.post("/v1/parks/pa/sources", json=source))
        yield running
    await log.close()


async def done(asked: Awaitable[httpx.Response]) -> Any:
    answer = await asked
    assert answer.is_success, answer.text
    return answer.json()


def row(enterprise: str, month: int, quantity: str = SECRET) -> dict[str, str]:
    return {
        "record_id": f"{enterprise}-{month}",
        "source_id": f"{enterprise}-power",
        "period_start": f"2022-{month:02}-01",
        "period_end": f"2022-{month + 1:02}-01",
        "quantity": quantity,
        "unit": "MWh",
    }


async def caller(stack: InProcess, caller_id: str, **body: Any) -> tuple[httpx.AsyncClient, str]:
    """Returns a client of a caller, and the id of its key."""
    await done(stack.client.put(f"/v1/callers/{caller_id}", json={"name": caller_id, **body}))
    key = await done(stack.client.post("/v1/api-keys", json={"caller_id": caller_id, "name": "k"}))
    headers = {"X-Api-Key": key["api_key"]}
    return httpx.AsyncClient(base_url=stack.client.base_url, headers=headers, timeout=30), key["key_id"]


async def until(reached: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await reached():  # noqa: ASYNC110 - only the platform knows
            await asyncio.sleep(0.02)


async def test_s1_a_caller_of_one_enterprise_learns_nothing_of_its_neighbour(stack: InProcess) -> None:
    enterprise, _ = await caller(stack, "e2-mes", roles=["enterprise"], enterprises=[f"pa/{NEIGHBOUR}"])
    async with enterprise:
        later = {"Content-Type": "application/x-ndjson", "Prefer": "respond-async"}
        accepted = await enterprise.post(RECORDS, content=json.dumps(row(NEIGHBOUR, 1)).encode(), headers=later)
        job = accepted.headers["location"]

        async def recorded() -> bool:
            return bool((await done(enterprise.get(job)))["state"] == "succeeded")

        await until(recorded)

    async def heard() -> bool:
        return SECRET.replace(".", "") in (await stack.client.get("/v1/changes?limit=1000")).text

    await until(heard)
    for number, body in enumerate(
        (
            {"roles": ["reader"], "enterprises": ["pa/e1"]},
            {"roles": ["park_manager"], "enterprises": ["pa/e1"]},
            {"roles": ["enterprise", "reader"], "enterprises": ["pa/e1"]},
            {"roles": ["region_reader"], "regions": ["36"], "enterprises": ["pa/e1"]},
        )
    ):
        client, _ = await caller(stack, f"rd-{number}", **body)
        async with client:
            for path in ("/v1/changes", "/v1/webhooks"):
                answer = await client.get(path)
                assert (answer.status_code, answer.json()["reason"]) == (403, "BOUND_TO_ENTERPRISES")
            answer = await client.post("/v1/webhooks", json={"url": "http://127.0.0.1:9/"})
            assert (answer.status_code, answer.json()["reason"]) == (403, "BOUND_TO_ENTERPRISES")
            for path in (job, f"{job}/results", f"{job}/events"):
                answer = await client.get(path)
                assert (answer.status_code, answer.json()["reason"]) == (404, "JOB_NOT_FOUND")
            assert NEIGHBOUR not in (await client.get(RECORDS)).text


@asynccontextmanager
async def target() -> AsyncIterator[tuple[str, list[str]]]:
    """A program that takes webhooks: its address, and the bodies that it got."""
    got: list[str] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r")[0])
        got.append((await reader.readexactly(length)).decode())
        writer.write(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", got


async def test_s2_who_is_deactivated_or_no_longer_follows_or_has_no_key_is_sent_nothing_more(stack: InProcess) -> None:
    endings: dict[str, Callable[[str], Awaitable[Any]]] = {
        "deactivated": lambda _: done(stack.client.put("/v1/callers/deactivated", json={**READER, "active": False})),
        "demoted": lambda _: done(stack.client.put("/v1/callers/demoted", json={"name": "x", "roles": ["public"]})),
        "bound": lambda _: done(stack.client.put("/v1/callers/bound", json={**READER, "enterprises": ["pa/e1"]})),
        "keyless": lambda key: done(stack.client.delete(f"/v1/api-keys/{key}")),
    }
    async with target() as (url, got), target() as (other_url, others):
        hooks, keys = {}, {}
        for name in endings:
            client, keys[name] = await caller(stack, name, **{each: READER[each] for each in ("roles", "parks")})
            async with client:
                hooks[name] = (await done(client.post("/v1/webhooks", json={"url": url})))["webhook_id"]
        await done(stack.client.post("/v1/webhooks", json={"url": other_url}))
        await done(stack.client.post(RECORDS, json=[row("e1", 1, "1")]))

        async def arrived() -> bool:
            return sum("e1-1" in body for body in got) >= len(endings)

        await until(arrived)
        for name, end in endings.items():
            await end(keys[name])
        await done(stack.client.post(RECORDS, json=[row("e2", 1)]))

        async def ended() -> bool:
            states = [(await done(stack.client.get(f"/v1/webhooks/{hook}")))["state"] for hook in hooks.values()]
            return states == ["disabled"] * len(endings) and any("e2-1" in body for body in others)

        await until(ended)
        assert not any("e2-1" in body for body in got)
        reasons = {
            name: (await done(stack.client.get(f"/v1/webhooks/{hook}")))["problem"]["reason"] for name, hook in hooks.items()
        }
    assert reasons == {
        "deactivated": "CALLER_INACTIVE",
        "demoted": "ROLE_MISSING",
        "bound": "BOUND_TO_ENTERPRISES",
        "keyless": "CREDENTIAL_WITHDRAWN",
    }


async def test_r5_accounting_says_where_a_park_lies_whose_registration_is_not_heard(stack: InProcess) -> None:
    await done(stack.client.post(RECORDS, json=[row("e1", 1, "1")]))

    async def heard() -> bool:
        return "e1-1" in (await stack.client.get("/v1/changes")).text

    await until(heard)
    for code, seen in (("3607", True), ("35", False)):
        async with stack.gateway._database.begin(Platform("test")) as session:
            await session.execute(text("UPDATE park_place SET region_code = ''"))
            await session.commit()
        client, _ = await caller(stack, f"region-{code}", roles=["region_reader"], regions=[code])
        async with client:
            assert ("e1-1" in (await client.get("/v1/changes")).text) is seen
        async with stack.gateway._database.read(Platform("test")) as session:
            assert (await session.scalars(text("SELECT region_code FROM park_place"))).all() == ["360700"]
