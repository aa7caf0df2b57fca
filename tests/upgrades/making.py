"""A release's databases with rows in them, and how they come back.

`.venv/bin/python -m tests.upgrades.making 0.1.0` writes `releases/0.1.0/`: what each service's schema was at that release, on both
databases, filled by the release itself. Run once when a version is released, and never again for it. Until 0.1.0 is out, its first
migrations may still be edited, and whoever does so writes it anew.
"""

import asyncio
import json
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import psycopg

from chassis.clock import SystemClock
from chassis.embedded_log import EmbeddedLog
from chassis.testing.postgres import EmptyDatabase, empty_database, programs, served
from gateway.main import topic_registry
from tests.system import ganzhou
from tests.system.in_process import PARK, in_process, register

RELEASES = Path(__file__).parent / "releases"
KINDS = ("sqlite", "postgresql")
RECORDS = f"/v1/parks/{PARK}/activity-records"
CORRECTION = {
    "record_id": "corrected",
    "source_id": "gas",
    "period_start": "2021-01-01",
    "period_end": "2022-01-01",
    "quantity": "2900",
    "unit": "万Nm3",
    "supersedes": "gas-2021",
}

WAITING = {**CORRECTION, "record_id": "waiting", "quantity": "2950", "supersedes": "corrected"}

FORCES = {"performance": "2.94", "development": "1.84", "impact": "3.65"}
OWN_SYSTEM = {
    "system_id": "own",
    "name_zh": "本园指标",
    "name_en": "Our own",
    "source": "a test",
    "nodes": [
        {"node_id": "roof", "name_zh": "屋顶", "name_en": "Roof", "weight": "1", "kind": "amount", "unit": "m2", "direction": "+"}
    ],
}
THRESHOLDS = {
    "threshold_set_id": "plan",
    "origin": "synthetic",
    "source": "a test",
    "rows": [{"node_id": "65", "minimum": "0.05", "maximum": "0.8", "source": "a test"}],
}
WEIGHTS = {
    "weight_set_id": "experts",
    "method": "ahp",
    "source": "a test",
    "weights": [
        {"node_id": "performance", "weight": "0.4"},
        {"node_id": "development", "weight": "0.35"},
        {"node_id": "impact", "weight": "0.25"},
    ],
}


async def fill(client: httpx.AsyncClient) -> None:
    """Lets everything happen once that leaves rows behind."""
    await register(client)
    enterprise = {"enterprise_id": "mill", "name_zh": "钢厂", "name_en": "Mill", "industry_code": "C3120"}
    (await client.post(f"/v1/parks/{PARK}/enterprises", json=enterprise)).raise_for_status()
    (await client.put(f"/v1/parks/{PARK}/annual-figures/2021", json={"gross_output_10k_cny": "9547000"})).raise_for_status()
    (await client.post(RECORDS, json=ganzhou.rows())).raise_for_status()
    (await client.post(RECORDS, json=[CORRECTION])).raise_for_status()
    (await client.post(f"/v1/parks/{PARK}/sums:rebuild")).raise_for_status()
    await told(client, 10)
    await evaluate(client)
    await told(client, 13)


async def told(client: httpx.AsyncClient, count: int) -> None:
    """Waits until the change feed holds so many changes."""
    async with asyncio.timeout(20):
        while len((await client.get("/v1/changes", params={"limit": "1000"})).json()["changes"]) < count:  # noqa: ASYNC110
            # only the feed knows
            await asyncio.sleep(0.05)


async def evaluate(client: httpx.AsyncClient) -> None:
    """Lets everything happen once that leaves rows behind in the evaluation."""
    rows = [{"indicator_id": name, "year": "2021", "value": value, "evidence": "doc-1"} for name, value in FORCES.items()]
    for path, body in (
        ("/v1/indicator-systems", OWN_SYSTEM),
        ("/v1/indicator-systems/guide-2021/threshold-sets", THRESHOLDS),
        ("/v1/indicator-systems/pdi/weight-sets", WEIGHTS),
        (f"/v1/parks/{PARK}/indicator-values", {"system_id": "pdi", "values": rows}),
        (f"/v1/parks/{PARK}/indicator-values", {"system_id": "pdi", "values": [{**rows[0], "value": "3"}]}),
        (f"/v1/parks/{PARK}/evaluations", {"system_id": "pdi", "year": 2021, "weight_set_id": "experts"}),
        (f"/v1/parks/{PARK}/evaluations", {"system_id": "guide-2021", "year": 2021, "threshold_set_ids": ["plan"]}),
        (f"/v1/parks/{PARK}/evaluations", {"system_id": "zero-carbon-park", "year": 2021}),
    ):
        (await client.post(path, json=body)).raise_for_status()


async def evaluations(client: httpx.AsyncClient) -> dict[str, Any]:
    """Returns what the evaluation says of the park: each result with its tree, as computed again from what it stands on."""
    listed = (await client.get(f"/v1/parks/{PARK}/evaluations")).raise_for_status().json()["evaluations"]
    trees = [await client.get(f"/v1/parks/{PARK}/evaluations/{each['evaluation_id']}") for each in listed]
    asked = {"system": "pdi", "year": "2021"}
    return {
        "evaluations": [tree.raise_for_status().json() for tree in trees],
        "values": (await client.get(f"/v1/parks/{PARK}/indicator-values", params=asked)).raise_for_status().json(),
        "system": (await client.get("/v1/indicator-systems/own")).raise_for_status().json(),
    }


async def figures(client: httpx.AsyncClient) -> dict[str, Any]:
    """Returns what the platform says of the park: what an upgrade must leave as it is."""
    asked = {
        "parks": ("/v1/parks", {}),
        "enterprises": (f"/v1/parks/{PARK}/enterprises", {}),
        "sources": (f"/v1/parks/{PARK}/sources", {}),
        "figures": (f"/v1/parks/{PARK}/annual-figures", {}),
        "emissions": (f"/v1/parks/{PARK}/emissions", {"from": "2020-01", "to": "2023-01", "group_by": "year,source"}),
        "records": (RECORDS, {}),
        "changes": ("/v1/changes", {"limit": "1000"}),
    }
    answers = {name: await client.get(path, params=params) for name, (path, params) in asked.items()}
    return {name: answer.raise_for_status().json() for name, answer in answers.items()} | {"evaluated": await evaluations(client)}


def services(release: Path, kind: str) -> list[str]:
    """Returns the services of which a release has a database of a kind."""
    return sorted(path.name.split(".")[0] for path in release.glob(f"*.{kind}.sql"))


def said(release: Path, kind: str) -> dict[str, Any]:
    """Returns the figures that the release itself gave."""
    found: dict[str, Any] = json.loads((release / f"figures.{kind}.json").read_text(encoding="utf-8"))
    return found


def load(release: Path, service: str, url: str) -> None:
    """Puts a service's database of a release into an empty one."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.executescript((release / f"{service}.sqlite.sql").read_text(encoding="utf-8"))
        connection.close()
        return
    with psycopg.connect(url, autocommit=True) as opened:
        opened.execute((release / f"{service}.postgresql.sql").read_bytes())


def _dump_sqlite(file: Path) -> str:
    connection = sqlite3.connect(file)
    try:
        return _thinned("\n".join(connection.iterdump()) + "\n")
    finally:
        connection.close()


def _dump_postgresql(database: EmptyDatabase) -> str:
    command = [str(programs() / "pg_dump"), "--inserts", "--no-owner", "--no-privileges", "--no-comments", database.superuser_url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # What psql alone understands, remarks, and settings that other versions of the server do not know.
    unwanted = r"^(\\|--|SET |SELECT pg_catalog.set_config).*\n|^\n"
    return _thinned(re.sub(unwanted, "", text, flags=re.MULTILINE))


def _thinned(statements: str) -> str:
    """Leaves out most of the shipped factors: a service that starts publishes them again."""
    lines = statements.splitlines(keepends=True)
    return "".join(line for line in lines if "wang_2024" in line or not re.match(r'INSERT INTO (public\.|")factor', line))


async def _make(folder: Path, urls: Mapping[str, str] | None) -> dict[str, Any]:
    broker = EmbeddedLog(folder / "log.sqlite3", topic_registry(), clock=SystemClock())
    async with in_process(folder, broker, urls=urls) as stack:
        await fill(stack.client)
        # what is recorded from here on waits in the outbox
        await stack.accounting.monitoring.stop()
        await stack.accounting.relay.stop()
        (await stack.client.post(RECORDS, json=[WAITING])).raise_for_status()
        found = await figures(stack.client)
    await broker.close()
    return found


def main() -> None:
    """Writes the databases of the release that is named."""
    release = RELEASES / sys.argv[1]
    release.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as name,
        served() as server,
        empty_database(server.url) as accounting,
        empty_database(server.url) as evaluation,
        empty_database(server.url) as gateway,
    ):
        databases = {"accounting": accounting, "evaluation": evaluation, "gateway": gateway}
        for kind in KINDS:
            folder = Path(name, kind)
            folder.mkdir()
            urls = {service: each.owner_url for service, each in databases.items()} if kind == "postgresql" else None
            found = asyncio.run(_make(folder, urls))
            (release / f"figures.{kind}.json").write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
            for service, database in databases.items():
                text = _dump_sqlite(folder / f"{service}.sqlite3") if kind == "sqlite" else _dump_postgresql(database)
                (release / f"{service}.{kind}.sql").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
