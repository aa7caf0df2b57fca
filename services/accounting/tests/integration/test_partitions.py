"""Records by year in PostgreSQL."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from accounting.adapters import tables
from accounting.adapters.factor_files import load_disclosure_rule, load_factor_book, load_reference_tables
from accounting.adapters.sql.account import SqlTransactions
from accounting.application.maintain import open_years as open_them
from accounting.application.ports import Ports
from accounting.main import MIGRATIONS
from chassis.clock import FixedClock
from chassis.database import Database
from chassis.tenancy import Platform, Tenant
from chassis.testing.postgres import EmptyDatabase
from chassis.unit_of_work import Outbox

RECORD = (
    "INSERT INTO activity_record VALUES ('t','p',{n},'r{n}','s',0,10,1,'MWh','b',1,1,{month},{month},'','2026-03-01T12:00:00Z')"
)


@pytest.fixture
async def database(postgres_database: EmptyDatabase) -> AsyncIterator[Database]:
    """The schema as it is before a service has started on it, for a role that owns nothing."""
    opened = Database(postgres_database.url, owner_url=postgres_database.owner_url)
    await opened.migrate(MIGRATIONS)
    yield opened
    await opened.dispose()


async def open_years(database: Database, this_year: int) -> int:
    """As a service does that starts in a year."""
    clock = FixedClock(datetime(this_year, 6, 1, tzinfo=UTC))

    def nothing(*_: Any) -> Any:
        return None

    outbox = Outbox(tables.outbox, encode=nothing, committed=nothing)
    transactions = SqlTransactions(database, outbox, clock=clock, new_id=nothing, submitted=nothing)
    ports = Ports(
        read=lambda tenant: transactions.read(Tenant(tenant)),
        write=lambda tenant: transactions.write(Tenant(tenant)),
        write_as_platform=lambda work: transactions.write(Platform(work)),
        book=load_factor_book(),
        reference=load_reference_tables(),
        rule=load_disclosure_rule(),
        clock=clock,
    )
    return await open_them(ports)


async def store(database: Database, *months: int, first: int = 1) -> None:
    async with database.begin(Tenant("t")) as session:
        for number, month in enumerate(months, start=first):
            await session.execute(text(RECORD.format(n=number, month=month)))
        await session.commit()


def places(made: EmptyDatabase) -> dict[int, str]:
    """In which partition the record of each month is."""
    with psycopg.connect(made.superuser_url) as connection:
        rows = connection.execute("SELECT first_month, tableoid::regclass::text FROM activity_record")
        return {month: table.removeprefix("activity_record_") for month, table in rows}


async def test_a_record_is_in_the_partition_of_its_year(database: Database, postgres_database: EmptyDatabase) -> None:
    assert await open_years(database, 2026) == 13  # 2015 to 2027
    await store(database, 199001, 201412, 201501, 202612, 202701, 202801)
    found = places(postgres_database)
    assert found == {199001: "rest", 201412: "rest", 201501: "2015", 202612: "2026", 202701: "2027", 202801: "rest"}


async def test_a_year_is_opened_once_and_the_next_in_time(database: Database) -> None:
    await open_years(database, 2026)
    assert await open_years(database, 2026) == 0
    assert await open_years(database, 2027) == 1


async def test_a_year_that_has_begun_with_the_rest_stays_there(database: Database, postgres_database: EmptyDatabase) -> None:
    await store(database, 202605)
    assert await open_years(database, 2026) == 12
    await store(database, 202606, 202501, first=2)
    assert places(postgres_database) == {202605: "rest", 202606: "rest", 202501: "2025"}


async def test_a_partition_is_behind_the_wall_by_itself(database: Database, postgres_database: EmptyDatabase) -> None:
    await open_years(database, 2026)
    with psycopg.connect(postgres_database.superuser_url) as connection:
        rows = connection.execute(
            """
            WITH parent AS (
                SELECT pg_get_expr(polqual, polrelid) AS condition FROM pg_policy WHERE polrelid = 'activity_record'::regclass
            )
            SELECT relname FROM pg_class c WHERE relispartition AND relkind = 'r' AND NOT (
                relrowsecurity AND relforcerowsecurity AND EXISTS (
                    SELECT FROM pg_policy, parent WHERE polrelid = c.oid AND pg_get_expr(polqual, polrelid) = condition
                )
            )
            """
        )
        assert rows.fetchall() == []
    await store(database, 202601)
    for tenant, visible in (("t", 1), ("other", 0)):
        async with database.read(Tenant(tenant)) as session:
            assert len((await session.execute(text("SELECT * FROM activity_record_2026"))).all()) == visible
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with database.begin(Tenant("t")) as session:
            await session.execute(text("DELETE FROM activity_record_2026"))


async def test_a_page_and_a_position_are_found_by_the_key_of_each_year(
    database: Database, postgres_database: EmptyDatabase
) -> None:
    """No query of the code reads a partition as a whole, and the wall keeps none from its index."""
    await open_years(database, 2026)
    with psycopg.connect(postgres_database.superuser_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO activity_record SELECT 't','p'||n%10,n,'r'||n,'s',0,9,1,'MWh','b',1,1,month,month,'','2026-03-01T00:00Z'"
            " FROM generate_series(1, 20000) n, LATERAL (SELECT 202001 + n / 10 % 2 * 100) AS of(month)"
        )
        connection.execute("ANALYZE activity_record")
    with psycopg.connect(postgres_database.owner_url) as connection:
        connection.execute("SET parkcarbon.tenant = 't'")
        for query in (
            "SELECT * FROM activity_record WHERE park_id = 'p1' AND position > 1 ORDER BY position LIMIT 10",
            "SELECT * FROM activity_record WHERE park_id = 'p1' AND position = ANY('{1,11}')",
        ):
            plan = "\n".join(line for (line,) in connection.execute("EXPLAIN " + query))
            for year in (2020, 2021):
                scan = rf"Index Scan using activity_record_{year}_pkey .*\n +Index Cond: \(\(park_id = 'p1'::text\) AND \(.position"
                assert re.search(scan, plan), plan


async def test_years_out_of_range_are_refused(database: Database) -> None:
    with pytest.raises(Exception, match="years are 1990 to 2200, got 2015 to 2300"):
        await open_years(database, 2299)


async def test_sqlite_has_no_partitions(tmp_path: Path) -> None:
    assert await open_years(Database(f"sqlite:///{tmp_path}/accounting.sqlite3"), 2026) == 0
