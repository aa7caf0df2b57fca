"""No table without the wall between tenants, and no hole in it: every table of every service, on a real PostgreSQL, as a role that
owns nothing.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from chassis.database import Database, SchemaBehind
from chassis.tenancy import PLATFORM_TENANT, Platform, Scope, Tenant
from chassis.testing.postgres import EmptyDatabase

ROOT = Path(__file__).resolve().parents[2]
MIGRATIONS = sorted(".".join(path.parts[-3:]) for path in ROOT.glob("**/src/*/adapters/migrations") if ".venv" not in path.parts)
# Everyone reads them; a table is on this list because what it holds is no tenant's.
OF_THE_PLATFORM = {"factor", "basis"}
# Rows that are added and read, and that nobody changes or takes away.
KEPT = {
    "activity_chain",
    "activity_record",
    "annual_figures",
    "audit",
    "evaluation",
    "indicator_system",
    "indicator_value",
    "finding",
    "finding_answer",
    "finding_closing",
    "inventory",
    "inventory_line",
    "publication",
    "publication_cell",
    "publication_withdrawal",
    "region_release",
    "region_release_cell",
    "region_release_member",
    "threshold_set",
    "weight_set",
}
# Registered in accounting and kept there; others have copies of the same name.
REGISTERED = {"enterprise", "park", "source"}
# What of accounting and evaluation may change: copies and sums, which follow from rows that are kept, and work under way. A table
# that is on no list holds what was accepted, and is kept.
MAY_CHANGE = {
    "accounting": {"activity_key", "emissions_sum", "inbox", "job", "outbox", "park_ledger"},
    "evaluation": REGISTERED | {"connected_platform", "emissions_sum", "inbox", "outbox", "year_figures"},
}
OURS, THEIRS = "ours", "theirs"
# A value that the table's own checks take, where the first that comes to mind is refused.
VALUES = {"period_end_s": 10}


@pytest.fixture(params=MIGRATIONS, ids=lambda package: str(package).partition(".")[0])
async def database(request: pytest.FixtureRequest, postgres_database: EmptyDatabase) -> AsyncIterator[Database]:
    """A service's schema, as its own role sees it."""
    opened = Database(postgres_database.url, owner_url=postgres_database.owner_url)
    await opened.migrate(request.param)
    yield opened
    await opened.dispose()


def kept_in(package: str) -> set[str]:
    """The tables that a service keeps, by its package of migrations."""
    return KEPT | REGISTERED if package.startswith("accounting.") else KEPT


@pytest.fixture
def kept(request: pytest.FixtureRequest) -> set[str]:
    """The tables that the service of the test keeps."""
    return kept_in(request.node.callspec.params["database"])


@contextmanager
def superuser(made: EmptyDatabase) -> Iterator[psycopg.Connection[Any]]:
    """Whom no policy holds."""
    with psycopg.connect(made.superuser_url, autocommit=True) as connection:
        yield connection


def tables(made: EmptyDatabase) -> list[str]:
    """Every table of the schema that is spoken to; a partition is reached through its parent."""
    query = """
        SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname
    """
    with superuser(made) as connection:
        return [name for (name,) in connection.execute(query) if not name.startswith("schema_version_")]


def fill(made: EmptyDatabase, table: str, tenant: str, number: int) -> None:
    """Puts a row of a tenant into a table, past the wall: its name is in every text, the number in every figure."""
    columns = "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s"
    given: dict[str, Any] = {
        "text": tenant,
        "bigint": number,
        "integer": number,
        "numeric": number,
        "double precision": 0.5,
        "bytea": b"",
    }
    with superuser(made) as connection:
        values = {
            name: VALUES.get(name, given.get(kind, "2026-01-01T00:00:00Z")) for name, kind in connection.execute(columns, [table])
        }
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, values)), sql.SQL(", ").join(sql.SQL("%s") * len(values))
        )
        connection.execute(statement, list(values.values()))


async def touched(database: Database, scope: Scope | None, statement: str) -> int:
    """How many rows a statement reaches; nothing of it stays."""
    async with database.begin(scope) as session:
        return int((await session.execute(text(statement))).rowcount)  # type: ignore[attr-defined]  # of a cursor


async def test_every_table_is_behind_the_wall_and_none_is_the_services(
    database: Database, postgres_database: EmptyDatabase
) -> None:
    query = """
        SELECT relname FROM pg_class c
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname NOT LIKE 'schema_version%'
            AND NOT (relrowsecurity AND relforcerowsecurity AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid))
    """
    with superuser(postgres_database) as connection:
        assert [name for (name,) in connection.execute(query)] == []
        assert connection.execute("SELECT relname FROM pg_class WHERE relowner = 'service'::regrole").fetchall() == []
        row = connection.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = 'service'").fetchone()
    assert row == (False,)
    assert tables(postgres_database)


async def test_a_statement_that_forgets_the_tenant_reaches_no_other(
    database: Database, postgres_database: EmptyDatabase, kept: set[str]
) -> None:
    for table in set(tables(postgres_database)) - OF_THE_PLATFORM:
        fill(postgres_database, table, OURS, 1)
        fill(postgres_database, table, THEIRS, 2)
        if table in kept:
            continue
        assert await touched(database, Tenant(OURS), f"SELECT * FROM {table}") == 1, table
        assert await touched(database, Tenant(OURS), f"SELECT * FROM {table} WHERE tenant_id = '{THEIRS}'") == 0, table
        assert await touched(database, Tenant(OURS), f"UPDATE {table} SET park_id = 'x'") == 1, table
        assert await touched(database, Tenant(OURS), f"DELETE FROM {table}") == 1, table
        assert await touched(database, Platform("test"), f"DELETE FROM {table}") == 2, table
        for statement in ("SELECT * FROM", "DELETE FROM"):
            assert await touched(database, None, f"{statement} {table}") == 0, table


async def test_nobody_writes_a_row_of_another_tenant(database: Database, postgres_database: EmptyDatabase, kept: set[str]) -> None:
    for table in set(tables(postgres_database)) - OF_THE_PLATFORM:
        fill(postgres_database, table, OURS, 1)
        for scope in (Tenant(THEIRS), None):
            with pytest.raises(ProgrammingError, match="row-level security"):
                await touched(database, scope, f"INSERT INTO {table} SELECT * FROM {await copied(database, table)}")
        if table in kept:
            continue
        with pytest.raises(ProgrammingError, match="row-level security"):
            await touched(database, Tenant(OURS), f"UPDATE {table} SET tenant_id = '{THEIRS}'")


async def copied(database: Database, table: str) -> str:
    """A row of a table as a list of values, read by the platform, to be written by somebody else."""
    async with database.read(Platform("test")) as session:
        row = (await session.execute(text(f"SELECT CAST(ROW({table}.*) AS text) FROM {table}"))).scalar_one()
    quoted = str(row).replace("'", "''")
    return f"(SELECT (CAST('{quoted}' AS {table})).*) AS copied"


async def test_what_is_kept_is_changed_by_nobody(database: Database, postgres_database: EmptyDatabase, kept: set[str]) -> None:
    for table in set(tables(postgres_database)) & kept:
        fill(postgres_database, table, OURS, 1)
        fill(postgres_database, table, THEIRS, 2)
        assert await touched(database, Tenant(OURS), f"SELECT * FROM {table}") == 1
        for scope in (Tenant(OURS), Platform("test"), None):
            assert await touched(database, scope, f"UPDATE {table} SET park_id = 'x'") == 0
            assert await touched(database, scope, f"DELETE FROM {table}") == 0


async def test_what_was_accepted_is_kept_and_what_may_change_is_listed(
    database: Database, postgres_database: EmptyDatabase, kept: set[str], request: pytest.FixtureRequest
) -> None:
    """A table that somebody adds is kept unless it is listed here, with what it holds."""
    service = request.node.callspec.params["database"].partition(".")[0]
    if service in MAY_CHANGE:
        assert set(tables(postgres_database)) - kept - OF_THE_PLATFORM == MAY_CHANGE[service]


@pytest.mark.parametrize("package", MIGRATIONS)
async def test_sqlite_keeps_the_same_tables(package: str, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/kept.sqlite3")
    await database.migrate(package)
    async with database.read() as session:
        kept = await session.execute(
            text("SELECT tbl_name, count(*) AS triggers FROM sqlite_master WHERE type = 'trigger' GROUP BY 1")
        )
        found = {row.tbl_name: row.triggers for row in kept}
        here = set(await session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")))
        # without it REPLACE deletes a row that the triggers keep
        assert (await session.execute(text("PRAGMA recursive_triggers"))).scalar_one() == 1
    await database.dispose()
    assert found == dict.fromkeys(here & (kept_in(package) | OF_THE_PLATFORM), 2)


async def test_what_is_the_platforms_is_read_by_all_and_changed_by_none(
    database: Database, postgres_database: EmptyDatabase
) -> None:
    for table in set(tables(postgres_database)) & OF_THE_PLATFORM:
        fill(postgres_database, table, PLATFORM_TENANT, 1)
        assert await touched(database, Tenant(OURS), f"SELECT * FROM {table}") == 1
        assert await touched(database, Tenant(OURS), f"UPDATE {table} SET park_id = 'x'") == 0
        assert await touched(database, Tenant(OURS), f"DELETE FROM {table}") == 0
        for statement in (f"UPDATE {table} SET tenant_id = '{OURS}'", f"DELETE FROM {table}"):
            assert await touched(database, Platform("test"), statement) == 0


async def test_a_service_can_neither_empty_nor_open_a_table(database: Database, postgres_database: EmptyDatabase) -> None:
    for table in tables(postgres_database):
        for statement in (f"TRUNCATE {table}", f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY", f"DROP TABLE {table}"):
            with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
                await touched(database, Platform("test"), statement)


@pytest.mark.parametrize("package", MIGRATIONS)
async def test_a_role_that_owns_nothing_says_who_has_to_migrate(postgres_database: EmptyDatabase, package: str) -> None:
    alone = Database(postgres_database.url)
    with pytest.raises(SchemaBehind, match="DATABASE__OWNER_URL"):
        await alone.migrate(package)
    owned = Database(postgres_database.url, owner_url=postgres_database.owner_url)
    await owned.migrate(package)
    await alone.migrate(package)
    await alone.dispose()
    await owned.dispose()
