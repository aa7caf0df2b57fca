"""The schema that migrations make is the one that the code speaks to."""

from datetime import UTC, datetime
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import BigInteger, Connection, Integer, MetaData, create_engine, insert, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError

from chassis.columns import UtcDateTime
from chassis.database import Database
from chassis.tenancy import Platform, Tenant
from evaluation.adapters import tables
from evaluation.main import MIGRATIONS

VERSIONS = "schema_version_evaluation"
KEPT = ("evaluation", "indicator_system", "indicator_value", "threshold_set", "weight_set")
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def on(url: str, ask: Any) -> Any:
    """Migrates a database, asks it something, and returns the answer."""
    driver = make_url(url)
    engine = create_engine(driver if driver.drivername == "sqlite" else driver.set(drivername="postgresql+psycopg"))
    try:
        with engine.connect() as connection:
            return ask(connection)
    finally:
        engine.dispose()


@pytest.fixture
async def migrated(database_url: str) -> str:
    """A database at the newest revision; brought there twice, as by a restart."""
    database = Database(database_url)
    await database.migrate(MIGRATIONS)
    await database.migrate(MIGRATIONS)
    await database.dispose()
    return database_url


async def test_the_migrated_schema_is_that_of_the_tables(migrated: str) -> None:
    def differences(connection: Connection) -> list[Any]:
        options = {"compare_type": True, "compare_server_default": True, "include_name": lambda name, kind, _: name != VERSIONS}
        found: list[Any] = compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata)
        return found

    assert on(migrated, differences) == []


async def test_what_no_comparison_sees_is_migrated_too(migrated: str, tmp_path: Any) -> None:
    """Checks, strictness, partial indexes and the like: the database describes both schemas in the same words."""

    def described(connection: Connection) -> dict[str, Any]:
        found = inspect(connection)
        names = [name for name in found.get_table_names() if name != VERSIONS]
        if connection.dialect.name == "sqlite":
            catalogue = text(
                "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND tbl_name <> :versions AND type <> 'trigger'"
            )
            return {row.name: _words(row.sql) for row in connection.execute(catalogue, {"versions": VERSIONS})}
        catalogue = text(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename <> :versions"
        )
        indexes = {row.indexname: row.indexdef for row in connection.execute(catalogue, {"versions": VERSIONS})}
        checks = {name: sorted(each["sqltext"] for each in found.get_check_constraints(name)) for name in names}
        return {**indexes, **checks}

    def created(connection: Connection) -> dict[str, Any]:
        other = MetaData() if connection.dialect.name == "sqlite" else tables.metadata
        if other is tables.metadata:
            connection.execute(text("CREATE SCHEMA created"))
            connection.execute(text("SET search_path TO created"))
        tables.metadata.create_all(connection)
        return {
            name: value.replace(" created.", " public.") if isinstance(value, str) else value
            for name, value in described(connection).items()
        }

    expected = on(f"sqlite:///{tmp_path}/created.sqlite3" if migrated.startswith("sqlite") else migrated, created)
    assert on(migrated, described) == expected


def _words(sql: str) -> list[str]:
    """The parts of a CREATE statement, in any order: primary keys and checks may be written before or after columns."""
    head, _, body = sql.partition("(")
    return [" ".join(head.replace('"', "").split()), *sorted(" ".join(part.replace('"', "").split()) for part in body.split(","))]


@pytest.mark.parametrize("table", KEPT)
async def test_what_was_accepted_is_changed_and_deleted_by_nobody(migrated: str, table: str) -> None:
    """In PostgreSQL the statement reaches no row, the owner's neither; in SQLite it fails."""
    database = Database(migrated)
    columns = tables.metadata.tables[table].c
    given: dict[str, Any] = {each.name: 1 if isinstance(each.type, BigInteger | Integer) else "x" for each in columns}
    given |= {each.name: NOON for each in columns if isinstance(each.type, UtcDateTime)}
    async with database.begin(Tenant("x")) as session:
        await session.execute(insert(tables.metadata.tables[table]), given)
        await session.commit()
    for statement in (f"UPDATE {table} SET park_id = 'y'", f"DELETE FROM {table}"):
        for scope in (Tenant("x"), Platform("test")):
            async with database.begin(scope) as session:
                if migrated.startswith("sqlite"):
                    with pytest.raises(IntegrityError, match="is kept"):
                        await session.execute(text(statement))
                else:
                    assert (await session.execute(text(statement))).rowcount == 0  # type: ignore[attr-defined]  # of a cursor
    async with database.read(Tenant("x")) as session:
        assert len((await session.execute(select(tables.metadata.tables[table]))).all()) == 1
    await database.dispose()


async def test_every_table_carries_its_tenant_and_its_park(migrated: str) -> None:
    def missing(connection: Connection) -> list[str]:
        found = inspect(connection)
        return [
            f"{name}.{column}"
            for name in found.get_table_names()
            if name != VERSIONS
            for column in ("tenant_id", "park_id")
            if column not in {each["name"] for each in found.get_columns(name)}
        ]

    # The inbox says which events were handled, and not what they did; its table is empty here, as evaluation listens to nobody.
    assert [each for each in on(migrated, missing) if not each.startswith("inbox.")] == []
