"""More than 10¹¹ t, which is more milligrams than 64 bits hold, from HTTP to every answer that tells it."""

import asyncio
import csv
import io
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis.clock import SystemClock
from chassis.embedded_log import EmbeddedLog
from chassis.testing.postgres import empty_database
from gateway.main import topic_registry
from tests.system.in_process import PARK, in_process, register

ENTERPRISES, METERS = 10, 10
NEAR_MWH = 172_117_039
"""The most whole MWh in a month of which 0.581 t each stay below 10⁸ t."""
TONNES = Decimal(ENTERPRISES * METERS * 12 * NEAR_MWH) * Decimal("0.581")
TCE = Decimal(ENTERPRISES * METERS * 12 * NEAR_MWH) * Decimal("0.1229")
MILLIGRAMS = str(int(TONNES * 10**9))


@pytest.fixture(params=["sqlite", "postgresql"])
def urls(request: pytest.FixtureRequest) -> Iterator[dict[str, str] | None]:
    """The databases of the services; None for files of the test's folder."""
    if request.param == "sqlite":
        yield None
        return
    server = request.getfixturevalue("postgres_server")
    with ExitStack() as stack:
        yield {name: stack.enter_context(empty_database(server)).owner_url for name in ("accounting", "evaluation", "gateway")}


def rows() -> list[dict[str, str]]:
    """A row for each meter and month of 2022."""
    edges = [f"2022-{month:02d}-01" for month in range(1, 13)] + ["2023-01-01"]
    return [
        {
            "record_id": f"e{enterprise}-{meter}-{start}",
            "source_id": f"e{enterprise}-{meter}",
            "period_start": start,
            "period_end": end,
            "quantity": str(NEAR_MWH),
            "unit": "MWh",
        }
        for enterprise in range(ENTERPRISES)
        for meter in range(METERS)
        for start, end in pairwise(edges)
    ]


async def settle(client: httpx.AsyncClient) -> None:
    """Registers what the rows name, and pushes them."""
    await register(client)
    for number in range(ENTERPRISES):
        enterprise = {"enterprise_id": f"e{number}", "name_zh": "企", "name_en": "E", "industry_code": "C3120"}
        (await client.post(f"/v1/parks/{PARK}/enterprises", json=enterprise)).raise_for_status()
        for meter in range(METERS):
            source = {
                "source_id": f"e{number}-{meter}",
                "enterprise_id": f"e{number}",
                "name_zh": "表",
                "name_en": "Meter",
                "item": "enterprise.purchased_energy",
                "scope": 2,
                "carrier": "electricity",
                "settlement_basis": "bill",
            }
            (await client.post(f"/v1/parks/{PARK}/sources", json=source)).raise_for_status()
    figures = {"gross_output_10k_cny": "7070000", "gdp_10k_cny": "1"}
    (await client.put(f"/v1/parks/{PARK}/annual-figures/2022", json=figures)).raise_for_status()
    pushed = await client.post(f"/v1/parks/{PARK}/activity-records", json=rows())
    assert (pushed.status_code, pushed.json()["accepted"]) == (200, 1200)


async def feed(client: httpx.AsyncClient, kind: str) -> list[dict[str, Any]]:
    """Waits until the feed has a fact of a kind, and returns what all of that kind say."""
    async with asyncio.timeout(30):
        while True:
            changes = (await client.get("/v1/changes", params={"limit": "1000"})).raise_for_status().json()["changes"]
            if found := [change["data"] for change in changes if change["type"].endswith(f".{kind}")]:
                return found
            # only the feed knows
            await asyncio.sleep(0.05)


async def test_100_billion_tonnes_are_told_to_the_milligram_wherever_they_are_told(
    urls: dict[str, str] | None, tmp_path: Path
) -> None:
    assert int(MILLIGRAMS) > 10**20
    broker = EmbeddedLog(tmp_path / "log.sqlite3", topic_registry(), clock=SystemClock())
    async with in_process(tmp_path, broker, urls=urls) as stack:
        client = stack.client
        await settle(client)

        async def read(path: str, **params: str) -> Any:
            return (await client.get(f"/v1{path}", params=params)).raise_for_status().json()

        for group_by in ("", "scope", "carrier", "year", "item", "gas", "sector"):
            answer = await read(f"/parks/{PARK}/emissions", **{"from": "2022", "to": "2023", "group_by": group_by})
            assert (Decimal(answer["total"]["emissions_t_co2e"]), Decimal(answer["total"]["energy_tce"])) == (TONNES, TCE)
            assert sum(Decimal(each["emissions_t_co2e"]) for each in answer["groups"]) == TONNES
        figures = {each["name"]: each["value"] for each in (await read(f"/parks/{PARK}/indicators", year="2022"))["indicators"]}
        assert Decimal(figures["emissions_t_co2e"]) == TONNES

        closed = (await client.post(f"/v1/parks/{PARK}/inventories", json={"year": 2022})).raise_for_status().json()
        assert Decimal(closed["emissions_t_co2e"]) == TONNES
        lines = await client.get(f"/v1/parks/{PARK}/inventories/2022-v1/lines", headers={"Accept": "text/csv"})
        cells = list(csv.DictReader(io.StringIO(lines.text.removeprefix("\ufeff"))))
        assert sum(Decimal(line["emissions_t_co2e"]) for line in cells) == TONNES
        published = await client.post(f"/v1/parks/{PARK}/inventories/2022-v1:publish", json={"breakdowns": ["scope"]})
        assert published.status_code == 201, published.text
        shown = await read(f"/published/parks/{PARK}/emissions")
        assert [Decimal(row["emissions_t_co2e"]) for row in shown["emissions"]] == [TONNES, TONNES]
        (calculated, *more) = await feed(client, "EmissionsCalculated")
        told = [amount for fact in (calculated, *more) for amount in fact["emissions_mg_co2e"]]
        assert sum(map(int, told)) == int(MILLIGRAMS)
        assert (await feed(client, "InventoryClosed"))[0]["emissions_mg_co2e"] == MILLIGRAMS
        assert (await feed(client, "InventoryPublished"))[0]["sums"][0]["emissions_mg_co2e"] == MILLIGRAMS

        made = await client.post(f"/v1/parks/{PARK}/evaluations", json={"system_id": "zero-carbon-park", "year": 2022})
        assert made.is_success, made.text
        evaluation = f"/v1/parks/{PARK}/evaluations/{made.json()['evaluation_id']}"
        assert (await client.get(evaluation)).is_success
        report = await client.get(f"{evaluation}/report.pdf")
        assert (report.status_code, report.content[:5]) == (200, b"%PDF-")
        workbook = await client.get(f"/v1/parks/{PARK}/indicator-values.xlsx", params={"system": "guide-2021", "year": "2022"})
        assert (workbook.status_code, workbook.content[:2]) == (200, b"PK")
    await broker.close()
