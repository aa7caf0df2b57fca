"""The schema that migrations make is the one that the code speaks to."""

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError

from accounting.adapters import tables
from accounting.main import MIGRATIONS
from chassis.database import Database
from chassis.tenancy import Tenant, enter

VERSIONS = "schema_version_accounting"


def ours(name: str | None) -> bool:
    """Whether the tables of the code know a name: they know no versions and no partitions."""
    return name != VERSIONS and not str(name).startswith("activity_record_")


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
        options = {"compare_type": True, "compare_server_default": True, "include_name": lambda name, kind, _: ours(name)}
        found: list[Any] = compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata)
        return found

    assert on(migrated, differences) == []


async def test_what_no_comparison_sees_is_migrated_too(migrated: str, tmp_path: Any) -> None:
    """Checks, strictness, partial indexes and the like: the database describes both schemas in the same words."""

    def described(connection: Connection) -> dict[str, Any]:
        found = inspect(connection)
        names = [name for name in found.get_table_names() if ours(name)]
        if connection.dialect.name == "sqlite":
            # Triggers keep rows from being changed; the tables of the code do not know them.
            catalogue = text(
                "SELECT name, sql FROM sqlite_master WHERE type <> 'trigger' AND name NOT LIKE 'sqlite_%' AND tbl_name <> :versions"
            )
            return {row.name: _words(row.sql) for row in connection.execute(catalogue, {"versions": VERSIONS})}
        catalogue = text("SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()")
        indexes = {row.indexname: row.indexdef for row in connection.execute(catalogue) if ours(row.tablename)}
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


async def test_every_table_carries_its_tenant_and_its_park(migrated: str) -> None:
    def missing(connection: Connection) -> list[str]:
        found = inspect(connection)
        return [
            f"{name}.{column}"
            for name in found.get_table_names()
            if ours(name)
            for column in ("tenant_id", "park_id")
            if column not in {each["name"] for each in found.get_columns(name)}
        ]

    # The inbox says which events were handled, and not what they did; its table is empty here, as accounting listens to nobody.
    assert [each for each in on(migrated, missing) if not each.startswith("inbox.")] == []


@pytest.mark.parametrize(
    "insert",
    [
        pytest.param(
            "INSERT INTO activity_record VALUES ('t','p',1,'r','s',10,10,1,'MWh','b',1,1,202001,202001,'','2026-03-01T12:00:00Z')",
            id="a_period_without_length",
        ),
        pytest.param(
            "INSERT INTO source VALUES ('t','p','s','','x','x','i',4,'c','CO2','energy','bill','2026-03-01T12:00:00Z')",
            id="a_fourth_scope",
        ),
        pytest.param(
            "INSERT INTO emissions_sum VALUES ('t','p','s',202001,202001,NULL,1,1,1)",
            id="a_sum_without_a_value",
        ),
        pytest.param(
            "INSERT INTO publication_cell VALUES ('t','p',2020,1,1,'total','','shown','NaN')",
            id="a_published_sum_that_is_no_number",
        ),
        pytest.param(
            "INSERT INTO region_release_cell VALUES ('t','',2020,1,'region','36','shown','NaN')",
            id="a_sum_of_a_region_that_is_no_number",
        ),
        pytest.param(
            "INSERT INTO inventory_line VALUES ('t','p',2020,1,1,'e',1,'i','c','CO2','energy','total','1','NaN',1)",
            id="a_sum_of_an_inventory_that_is_no_number",
        ),
    ],
)
async def test_the_database_itself_refuses(migrated: str, insert: str) -> None:
    def run(connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            enter(connection, Tenant("t"))
        with pytest.raises(IntegrityError):
            connection.execute(text(insert))

    on(migrated, run)
