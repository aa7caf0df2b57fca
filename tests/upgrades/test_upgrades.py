"""A database of every release, with rows in it, is brought to the newest schema and goes on: nothing is lost, nothing else said."""

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import Connection, make_url

from chassis.clock import SystemClock
from chassis.database import Database
from chassis.embedded_log import EmbeddedLog
from chassis.testing.postgres import empty_database
from devstack.fsck.check import checked
from devstack.fsck.stored import opened
from gateway.main import topic_registry
from tests.system import ganzhou
from tests.system.in_process import in_process
from tests.upgrades.making import CORRECTION, KINDS, RECORDS, RELEASES, WAITING, figures, load, said, services

ROOT = Path(__file__).resolve().parents[2]
RELEASED = sorted(RELEASES.iterdir())
EACH = [pytest.param((release, kind), id=f"{release.name}-{kind}") for release in RELEASED for kind in KINDS]
WRITE_ANEW = "edited before 0.1.0 is out? then write its databases anew: .venv/bin/python -m tests.upgrades.making 0.1.0"


@dataclass(frozen=True)
class Upgraded:
    """The databases of a release, not yet upgraded, and empty ones beside them, by service."""

    release: Path
    kind: str
    urls: dict[str, str]
    new: dict[str, str]


@pytest.fixture
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Upgraded]:
    release, kind = request.param
    with ExitStack() as stack:
        if kind == "sqlite":
            urls = {service: f"sqlite:///{tmp_path}/{service}.sqlite3" for service in services(release, kind)}
            new = {service: f"sqlite:///{tmp_path}/{service}-new.sqlite3" for service in urls}
        else:
            server = request.getfixturevalue("postgres_server")

            def empty() -> str:
                return stack.enter_context(empty_database(server)).owner_url

            urls = {service: empty() for service in services(release, kind)}
            new = {service: empty() for service in urls}
        for service, url in urls.items():
            load(release, service, url)
        yield Upgraded(release, kind, urls, new)


async def migrate(service: str, url: str) -> None:
    database = Database(url)
    await database.migrate(f"{service}.adapters.migrations")
    await database.dispose()


def counted(url: str) -> dict[str, int]:
    """How many rows each table has, whosever they are."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}
    with psycopg.connect(url) as opened:
        opened.execute("SET parkcarbon.platform = 'test'")
        tables = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        found = {}
        for (name,) in opened.execute(tables).fetchall():
            row = opened.execute(psycopg.sql.SQL("SELECT count(*) FROM {}").format(psycopg.sql.Identifier(name))).fetchone()
            found[name] = row[0] if row else 0
        return found


def schema(url: str) -> dict[str, Any]:
    """What a database says of its tables, without the rows and without the partitions that a service opens when it starts."""
    driver = make_url(url)
    engine = create_engine(driver if driver.drivername == "sqlite" else driver.set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        found: dict[str, Any] = {
            name: described(connection, name) for name in inspect(connection).get_table_names() if not re.search(r"_\d{4}$", name)
        }
        if connection.dialect.name == "postgresql":
            walls = (
                "SELECT tablename, policyname, cmd, qual, with_check FROM pg_policies WHERE tablename !~ '_[0-9]{4}$' ORDER BY 1, 2"
            )
            found["policies"] = [tuple(row) for row in connection.execute(text(walls))]
            forced = (
                "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity AND relname !~ '_[0-9]{4}$' ORDER BY 1"
            )
            found["forced"] = list(connection.execute(text(forced)).scalars())
            functions = "SELECT proname, prosrc, prosecdef FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1"
            found["functions"] = [tuple(row) for row in connection.execute(text(functions))]
    engine.dispose()
    return found


def described(connection: Connection, name: str) -> dict[str, Any]:
    about = inspect(connection)
    columns = {each["name"]: (str(each["type"]), each["nullable"], str(each["default"])) for each in about.get_columns(name)}
    return {
        "columns": columns,
        "key": about.get_pk_constraint(name)["constrained_columns"],
        "indexes": sorted(
            (str(each["name"]), each["column_names"], {name: str(value) for name, value in each.get("dialect_options", {}).items()})
            for each in about.get_indexes(name)
        ),
        "checks": sorted(each["sqltext"] for each in about.get_check_constraints(name)),
        "unique": sorted(each["column_names"] for each in about.get_unique_constraints(name)),
    }


def test_every_release_has_its_databases() -> None:
    released = re.findall(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    # 0.1.0 is prepared before it is out.
    assert {release.name for release in RELEASES.iterdir()} == {*released, "0.1.0"}
    for release in RELEASES.iterdir():
        for kind in KINDS:
            assert {"accounting", "evaluation", "gateway"} <= set(services(release, kind)), release


@pytest.mark.parametrize("old", EACH, indirect=True)
async def test_the_schema_of_a_release_becomes_that_of_a_new_database_and_keeps_every_row(old: Upgraded) -> None:
    for service, url in old.urls.items():
        before = counted(url)
        assert sum(before.values()) > len(before), "a release without rows proves nothing"
        await migrate(service, url)
        await migrate(service, old.new[service])
        after = counted(url)
        assert {name: after.get(name) for name in before} == before, service
        assert schema(url) == schema(old.new[service]), f"{service}: {WRITE_ANEW}"


MANY = 11_000
MORE_RECORDS = f"""
INSERT INTO activity_record
WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {MANY})
SELECT r.tenant_id, r.park_id, r.position + n, 'more-' || n, source_id, period_start_s, period_end_s, n, unit, basis_id, n, n,
    first_month, last_month, '', recorded_time
FROM activity_record r CROSS JOIN counted WHERE r.position = (SELECT last_position FROM park_ledger)
"""
COUNT_ON = f"UPDATE park_ledger SET last_position = last_position + {MANY}"


def run(url: str, *statements: str) -> None:
    """Runs statements as whoever owns the database of the release."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file, file:
            for statement in statements:
                file.execute(statement)
        return
    with psycopg.connect(url) as connection:
        connection.execute("SET parkcarbon.platform = 'test'")
        for statement in statements:
            connection.execute(psycopg.sql.SQL(statement))


@pytest.mark.parametrize("old", EACH, indirect=True)
async def test_the_records_of_a_release_are_chained_as_they_stand(old: Upgraded) -> None:
    url = old.urls["accounting"]
    # more than the migration chains at once
    run(url, MORE_RECORDS, COUNT_ON)
    await migrate("accounting", url)
    with opened(url) as rows:
        (report,) = checked(rows, [])
    assert report.records == report.head.position > MANY
    assert {finding.what for finding in report.findings} <= {"fsck.key", "fsck.sum"}, "the records that the test added have no keys"


@pytest.mark.parametrize("old", EACH, indirect=True)
async def test_a_record_that_was_gone_before_the_upgrade_is_found_after_it(old: Upgraded) -> None:
    url = old.urls["accounting"]
    run(url, "DELETE FROM activity_record WHERE position = 4", "DELETE FROM activity_record WHERE record_id = 'waiting'")
    last = counted(url)["activity_record"] + 2
    await migrate("accounting", url)
    with opened(url) as rows:
        (report,) = checked(rows, [])
    assert [(each.what, each.position) for each in report.findings if each.what not in ("fsck.key", "fsck.sum")] == [
        ("fsck.missing", 4),
        ("fsck.missing", last),
    ]


@pytest.mark.parametrize("old", [each for each in EACH if "postgresql" in str(each.id)], indirect=True)
async def test_no_partition_of_a_release_can_be_changed_after_the_upgrade(old: Upgraded) -> None:
    url = old.urls["accounting"]
    await migrate("accounting", url)
    with psycopg.connect(url) as connection:
        policies = connection.execute(
            "SELECT tablename, array_agg(cmd ORDER BY cmd) FROM pg_policies WHERE tablename LIKE 'activity_record%' GROUP BY 1"
        ).fetchall()
    assert {"activity_record", "activity_record_rest", "activity_record_2020"} <= {name for name, _ in policies}
    assert {tuple(commands) for _, commands in policies} == {("INSERT", "SELECT")}


def of_then(now: Any, then: Any) -> Any:
    """Returns what is said now with only those members that were said then: an answer may grow, and loses nothing."""
    if isinstance(now, dict) and isinstance(then, dict):
        return {name: of_then(value, then[name]) for name, value in now.items() if name in then}
    if isinstance(now, list) and isinstance(then, list) and len(now) == len(then):
        return [of_then(one, other) for one, other in zip(now, then, strict=True)]
    return now


@pytest.mark.parametrize("old", EACH, indirect=True)
async def test_an_upgraded_platform_says_what_it_said_and_goes_on(old: Upgraded, tmp_path: Path) -> None:
    before = said(old.release, old.kind)
    known = len(before["changes"]["changes"])
    broker = EmbeddedLog(tmp_path / "log.sqlite3", topic_registry(), clock=SystemClock())
    async with in_process(tmp_path, broker, urls=old.urls) as stack:
        async with asyncio.timeout(20):
            # what waited in the outbox is told
            while len((after := await figures(stack.client))["changes"]["changes"]) < known + 2:  # noqa: ASYNC110 - only the feed knows
                await asyncio.sleep(0.05)
        told = after.pop("changes")["changes"]
        assert told[:known] == before.pop("changes")["changes"]
        assert told[known]["data"]["record_id"] == ["waiting"]
        # It was put into the outbox with integers, and is told as text as every other.
        calculated = told[known + 1]["data"]
        assert calculated["source_id"] == ["gas"]
        assert all(int(amount) > 0 for name in ("emissions_mg_co2e", "energy_mgce") for amount in calculated[name])
        assert of_then(after, before) == before
        again = (await stack.client.post(RECORDS, json=[*ganzhou.rows(), CORRECTION, WAITING])).json()
        assert (again["duplicate"], again["accepted"]) == (11, 0)
        further = {**WAITING, "record_id": "further", "supersedes": "waiting"}
        assert (await stack.client.post(RECORDS, json=[further])).json()["superseded"] == 1
    await broker.close()


OVERFLOWING = 92
"""Records of 98,770,000 t each: the most of which a sum of 0.1.0 holds the milligrams in 64 bits, 93 do not fit."""
EACH_MG = 170_000_000 * 581 * 10**6
LAST_POSITION = "(SELECT last_position FROM park_ledger WHERE park_id = 'tested')"
EACH_MGCE = 170_000_000 * 1229 * 10**5


def overflow(url: str, kind: str) -> None:
    """Leaves two sources with as much in one month as 0.1.0 took from 184 hourly rows: no query of that release added them up."""
    statements: list[str] = []
    start = 1_577_808_000  # 2020-01-01T00:00:00+08:00
    at = "2026-01-01T00:00:00.000000Z"
    for number, source in enumerate(("electricity", "second")):
        for row in range(OVERFLOWING):
            position, begin = f"{LAST_POSITION} + {1 + number * OVERFLOWING + row}", start + 3600 * row
            key = f"'bench', 'tested', '{source}-{row}', {position}, '{source}', {begin}, {begin + 3600}"
            statements.append(
                "INSERT INTO activity_key (tenant_id, park_id, record_id, position, source_id, period_start_s, period_end_s)"
                f" VALUES ({key})"
            )
            statements.append(
                "INSERT INTO activity_record (tenant_id, park_id, record_id, position, source_id, period_start_s, period_end_s,"
                " quantity_micro, unit, basis_id, emissions_mg, energy_mgce, first_month, last_month, supersedes, recorded_time)"
                f" VALUES ({key}, {170 * 10**12}, 'MWh', 'huge', {EACH_MG}, {EACH_MGCE}, 202001, 202001, '', '{at}')"
            )
        total = f"{OVERFLOWING * EACH_MG}, {OVERFLOWING * EACH_MGCE}, {OVERFLOWING * 3600}, {OVERFLOWING}"
        statements.append(f"INSERT INTO emissions_sum VALUES ('bench', 'tested', '{source}', 202001, 202001, {total})")
    second = (
        "INSERT INTO source SELECT tenant_id, park_id, 'second', enterprise_id, name_zh, name_en, item, scope, carrier, gas,"
        " sector, settlement_basis, registered_time FROM source WHERE source_id = 'electricity'"
    )
    basis = (
        "INSERT INTO basis VALUES ('platform', '', 'huge', 'wang-2024', 'electricity', 'CO2', 'MWh', '581', '1', '1229', '10', '')"
    )
    last = f"UPDATE park_ledger SET last_position = last_position + {2 * OVERFLOWING}"
    tenant = "SELECT tenant_id FROM park WHERE park_id = 'tested'"
    everything = [second, basis, *statements, last]
    if kind == "sqlite":
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            (owner,) = connection.execute(tenant).fetchone()
            connection.executescript(";".join(each.replace("'bench'", f"'{owner}'") for each in everything))
            connection.commit()
        return
    with psycopg.connect(url) as opened:
        opened.execute("SET parkcarbon.platform = 'test'")
        row_found = opened.execute(tenant).fetchone()
        assert row_found is not None
        for each in everything:
            opened.execute(each.replace("'bench'", f"'{row_found[0]}'").encode())


@pytest.mark.parametrize("old", EACH, indirect=True)
async def test_a_park_whose_sums_had_overflowed_is_read_closed_and_corrected(old: Upgraded, tmp_path: Path) -> None:
    overflow(old.urls["accounting"], old.kind)
    broker = EmbeddedLog(tmp_path / "log.sqlite3", topic_registry(), clock=SystemClock())
    emissions, asked = "/v1/parks/tested/emissions", {"from": "2020-01", "to": "2021-01", "group_by": "source"}

    def hour(number: int) -> dict[str, str]:
        start = f"2020-01-{number // 24 + 1:02d}T{number % 24:02d}:00:00+08:00"
        end = f"2020-01-{(number + 1) // 24 + 1:02d}T{(number + 1) % 24:02d}:00:00+08:00"
        return {"period_start": start, "period_end": end, "unit": "MWh"}

    async with in_process(tmp_path, broker, urls=old.urls) as stack:

        async def milligrams() -> dict[str, int]:
            groups = (await stack.client.get(emissions, params=asked)).raise_for_status().json()["groups"]
            return {each["source"]: int(Decimal(each["emissions_t_co2e"]) * 10**9) for each in groups}

        before = await milligrams()
        assert sum(before.values()) > 2 * OVERFLOWING * EACH_MG > 2**63
        assert before["second"] == OVERFLOWING * EACH_MG
        assert (await stack.client.get("/v1/parks/tested/indicators", params={"year": "2020"})).status_code == 200
        further = {"record_id": "further", "source_id": "second", "quantity": "1", **hour(OVERFLOWING)}
        refused = (await stack.client.post(RECORDS, json=[further])).json()
        assert (refused["rejected"], refused["results"][0]["problem"]["reason"]) == (1, "AMOUNT_OUT_OF_RANGE")
        corrections = [
            {"record_id": f"c{row}", "source_id": "second", "quantity": "1", "supersedes": f"second-{row}", **hour(row)}
            for row in range(OVERFLOWING)
        ]
        assert (await stack.client.post(RECORDS, json=corrections)).json()["superseded"] == OVERFLOWING
        assert await milligrams() == before | {"second": OVERFLOWING * 581_000_000}
        closed = await stack.client.post("/v1/parks/tested/inventories", json={"year": 2020})
        assert closed.status_code == 201, closed.text
        job = (await stack.client.post("/v1/parks/tested/sums:rebuild")).raise_for_status().json()
        async with asyncio.timeout(20):
            while (done := (await stack.client.get(f"/v1/jobs/{job['job_id']}")).json())["state"] in {"queued", "running"}:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert (done["state"], done["result"]["corrected"]) == ("succeeded", 0)
        assert (await milligrams())["electricity"] == before["electricity"]
    await broker.close()
