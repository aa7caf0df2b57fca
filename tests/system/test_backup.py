"""A backup brings an account back as it was: saved while the platform runs, everything dropped, restored into empty databases."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from chassis.clock import SystemClock
from chassis.embedded_log import EmbeddedLog
from chassis.testing.postgres import EmptyDatabase, empty_database, programs
from gateway.main import topic_registry
from tests.system import ganzhou
from tests.system.in_process import PARK, in_process, register

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "backup.py"


Databases = dict[str, EmptyDatabase]


@pytest.fixture
def databases(postgres_server: str) -> Iterator[Databases]:
    """A database per service, dropped after the test."""
    with ExitStack() as made:
        yield {name: made.enter_context(empty_database(postgres_server)) for name in ("accounting", "evaluation", "gateway")}


def urls(databases: Databases) -> dict[str, str]:
    """Of the roles that services work as."""
    return {service: database.url for service, database in databases.items()}


def owner_urls(databases: Databases) -> dict[str, str]:
    """Of the roles that own the tables."""
    return {service: database.owner_url for service, database in databases.items()}


def empty(databases: Databases) -> None:
    """Drops every table with all that hangs on it."""
    for database in databases.values():
        with psycopg.connect(database.superuser_url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public AUTHORIZATION pg_database_owner")
            connection.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")


def backup(verb: str, folder: Path, databases: Databases) -> subprocess.CompletedProcess[str]:
    """Runs the script with the programs of the newest PostgreSQL on the machine."""
    path = os.pathsep.join([str(programs()), os.environ["PATH"]])
    environment = os.environ | {"PATH": path}
    environment |= {f"{name.upper()}_DATABASE__URL": url for name, url in urls(databases).items()}
    environment |= {f"{name.upper()}_DATABASE__OWNER_URL": url for name, url in owner_urls(databases).items()}
    command = [sys.executable, str(SCRIPT), verb, str(folder)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


async def figures(client: httpx.AsyncClient) -> dict[str, Any]:
    """Returns what the platform says of the park, as exact text."""
    asked = {
        "parks": ("/v1/parks", {}),
        "emissions": (f"/v1/parks/{PARK}/emissions", {"from": "2020-01", "to": "2023-01", "group_by": "year,source"}),
        "records": (f"/v1/parks/{PARK}/activity-records", {}),
        "changes": ("/v1/changes", {"limit": "1000"}),
    }
    answers = {name: await client.get(path, params=params) for name, (path, params) in asked.items()}
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(asked, 200)
    return {name: answer.json() for name, answer in answers.items()}


async def test_a_restored_platform_has_the_same_figures_and_goes_on(tmp_path: Path, databases: Databases) -> None:
    *rows, late = ganzhou.rows()
    path = f"/v1/parks/{PARK}/activity-records"
    broker = EmbeddedLog(tmp_path / "log.sqlite3", topic_registry(), clock=SystemClock())
    async with in_process(tmp_path, broker, urls=urls(databases), owner_urls=owner_urls(databases)) as stack:
        await register(stack.client)
        (await stack.client.post(path, json=rows)).raise_for_status()
        before = await until_heard(stack.client, changes=6)
        saved = await asyncio.to_thread(backup, "save", tmp_path / "backup", databases)
        assert saved.returncode == 0, saved.stderr
        (await stack.client.post(path, json=[late])).raise_for_status()
        await until_heard(stack.client, changes=8)

    empty(databases)
    restored = backup("restore", tmp_path / "backup", databases)
    assert restored.returncode == 0, restored.stderr

    async with in_process(tmp_path, broker, urls=urls(databases), owner_urls=owner_urls(databases)) as stack:
        assert await figures(stack.client) == before
        # The sender sends again what it sent since the backup: what is known is known, what was lost is recorded once more.
        again = (await stack.client.post(path, json=[*rows, late])).json()
        assert (again["duplicate"], again["accepted"]) == (8, 1)
        after = await until_heard(stack.client, changes=8)
    assert after["emissions"]["total"]["emissions_t_co2e"] == "2868178.069697395"
    await broker.close()


async def until_heard(client: httpx.AsyncClient, *, changes: int) -> dict[str, Any]:
    """Returns the figures once the change feed holds so many changes."""
    async with asyncio.timeout(60):
        while len((found := await figures(client))["changes"]["changes"]) < changes:  # noqa: ASYNC110 - only the feed knows
            await asyncio.sleep(0.02)
    return found


def test_a_damaged_dump_is_refused_before_anything_is_restored(tmp_path: Path, databases: Databases) -> None:
    assert backup("save", tmp_path / "backup", databases).returncode == 0
    with (tmp_path / "backup" / "accounting.dump").open("ab") as file:
        file.write(b"\0")
    refused = backup("restore", tmp_path / "backup", databases)
    assert refused.returncode != 0
    assert "is not what was saved" in refused.stderr


def test_a_restore_leaves_a_database_that_has_tables_alone(tmp_path: Path, databases: Databases) -> None:
    with psycopg.connect(databases["gateway"].owner_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE token (kept text)")
        connection.execute("GRANT SELECT ON token TO service")
        assert backup("save", tmp_path / "backup", databases).returncode == 0
        connection.execute("INSERT INTO token VALUES ('since')")
        assert backup("restore", tmp_path / "backup", databases).returncode != 0
        assert connection.execute("SELECT kept FROM token").fetchall() == [("since",)]


def test_a_backup_says_when_each_service_was_saved_and_shows_no_password(tmp_path: Path, databases: Databases) -> None:
    with_password = {name: replace(each, url=each.url.replace("service@", "service:hidden@")) for name, each in databases.items()}
    saved = backup("save", tmp_path / "backup", with_password)
    manifest = (tmp_path / "backup" / "backup.json").read_text(encoding="utf-8")
    assert "hidden" not in saved.stdout + saved.stderr + manifest
    begun = {name: entry["begun"] for name, entry in json.loads(manifest).items()}
    assert begun["gateway"] <= begun["evaluation"] <= begun["accounting"]
