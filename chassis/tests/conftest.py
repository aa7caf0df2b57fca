import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chassis.clock import FixedClock
from chassis.database import Database
from chassis.logs import Logger, configure
from chassis.telemetry import Exporter, Telemetry, TelemetrySettings
from chassis.testing.schema import ExampleSchema

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture
def log_lines() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def logger(log_lines: io.StringIO) -> Logger:
    return configure("test", stream=log_lines)


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry("test", TelemetrySettings(exporter=Exporter.MEMORY))


@pytest.fixture
def schema() -> ExampleSchema:
    return ExampleSchema()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/service.sqlite3"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def database(database_url: str, schema: ExampleSchema) -> AsyncIterator[Database]:
    database = Database(database_url)
    await schema.create(database)
    yield database
    await database.dispose()
