"""One running service per database for the whole session, and a fresh tenant with a park for each test."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from accounting.main import MIGRATIONS
from chassis.clock import FixedClock
from chassis.database import Database
from chassis.testing.postgres import empty_database
from services.accounting.tests.integration.stand import Stand, Tenant, standing

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def _url(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{folder}/accounting.sqlite3"
        return
    with empty_database(request.getfixturevalue("postgres_server")) as database:
        yield database.owner_url


@pytest.fixture
def clock() -> FixedClock:
    """A clock of the test's own."""
    return FixedClock(NOON)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of the test's own."""
    yield from _url(request, tmp_path)


@pytest_asyncio.fixture(loop_scope="session")
async def own_stand(database_url: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Stand]:
    """A service of the test's own."""
    async with standing(database_url, tmp_path, clock) as stand:
        yield stand


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def shared_database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The database that tests share; in PostgreSQL as a role that owns none of its tables."""
    if request.param == "sqlite":
        yield from _url(request, tmp_path_factory.mktemp("shared"))
        return
    with empty_database(request.getfixturevalue("postgres_server")) as made:
        asyncio.run(_migrate(Database(made.url, owner_url=made.owner_url)))
        yield made.url


async def _migrate(database: Database) -> None:
    await database.migrate(MIGRATIONS)
    await database.dispose()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stand(shared_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    """The service that tests share; each speaks for tenants of its own."""
    async with standing(shared_database_url, tmp_path_factory.mktemp("stand"), FixedClock(NOON)) as running:
        yield running


@pytest.fixture
def tenant(stand: Stand) -> Tenant:
    """A tenant who has registered nothing yet."""
    return stand.tenant()


@pytest_asyncio.fixture(loop_scope="session")
async def park(tenant: Tenant) -> Tenant:
    """A tenant with a park and the three sources of Ganzhou."""
    return await tenant.settle()
