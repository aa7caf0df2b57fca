"""An evaluation service per database, beside a real accounting service, for the whole session."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from chassis.clock import FixedClock
from chassis.database import Database
from chassis.testing.postgres import empty_database
from evaluation.main import MIGRATIONS
from services.evaluation.tests.integration.stand import Stand, Tenant, standing

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def _url(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{folder}/evaluation.sqlite3"
        return
    with empty_database(request.getfixturevalue("postgres_server")) as database:
        yield database.owner_url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of the test's own."""
    yield from _url(request, tmp_path)


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
    """The services that tests share; each speaks for tenants of its own."""
    async with standing(shared_database_url, tmp_path_factory.mktemp("stand"), FixedClock(NOON)) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def park(stand: Stand) -> Tenant:
    """A tenant with the park of Ganzhou: three sources, nine records, the output of three years."""
    return await stand.tenant().settle()
