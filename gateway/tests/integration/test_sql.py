"""Tokens and the change feed, over both databases."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, text

from chassis.clock import FixedClock
from chassis.database import Database
from chassis.tenancy import Platform, Tenant
from gateway.adapters.identity.caller_cache import CachedCallers
from gateway.adapters.sql.access import SqlTokens
from gateway.adapters.sql.feed import SqlChangeFeed, SqlChangeLog
from gateway.adapters.sql.probe import SqlProbe
from gateway.adapters.sql.tables import tables
from gateway.adapters.sql.unit_of_work import SqlUnitsOfWork
from gateway.application.access.authentication import grant_tokens
from gateway.domain.access.tokens import Grant, digest
from gateway.domain.callers import Caller, Role
from gateway.domain.errors import Unavailable
from gateway.domain.feed.changes import IncomingFact
from gateway.events.publish import FactEncoder

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TABLES = tables(METADATA := MetaData())
ENCODER = FactEncoder(new_id=lambda: str(uuid4()), traceparent=lambda: "")
ADA = Caller("ada", "ganzhou", frozenset({Role.PARK_MANAGER, Role.READER}))
CHANGE = IncomingFact(
    tenant_id="ganzhou",
    park_id="etdz",
    topic="accounting.park.v1",
    type="parkcarbon.accounting.events.v1.ParkRegistered",
    time="2026-11-21T12:00:00Z",
    event_id="e-1",
    data_json='{"park_id":"etdz"}',
)


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    opened = Database(migrated_url)
    yield opened
    await opened.dispose()


def units(database: Database) -> SqlUnitsOfWork:
    return SqlUnitsOfWork(database, TABLES, FixedClock(NOON), encode=ENCODER.encode, committed=lambda: None)


async def append(database: Database, *events: str, tenant: str = "ganzhou") -> list[int]:
    positions = []
    async with database.begin(Tenant(tenant)) as session:
        for event in events:
            change = replace(CHANGE, event_id=event, tenant_id=tenant)
            positions.append((await SqlChangeLog(session, TABLES.feed).append(change)).position)
        await session.commit()
    return positions


async def test_the_migrations_make_the_tables_that_the_code_uses(database: Database) -> None:
    async with database.begin() as session:
        connection = await session.connection()

        def differences(sync: object) -> list[object]:
            options = {"include_object": lambda _o, name, _t, _r, _c: not str(name).startswith("schema_version")}
            return list(compare_metadata(MigrationContext.configure(sync, opts=options), METADATA))  # type: ignore[arg-type]

        assert await connection.run_sync(differences) == []


async def test_every_table_carries_its_tenant_and_its_park() -> None:
    for table in METADATA.tables.values():
        assert {"tenant_id", "park_id"} <= set(table.c.keys()), table.name


async def test_a_migration_twice_changes_nothing(database: Database) -> None:
    await append(database, "e-1")
    await database.migrate("gateway.adapters.migrations")
    assert len(await SqlChangeFeed(database, TABLES.feed).read(ADA, after=0, limit=10)) == 1


async def test_a_granted_token_is_found_by_its_digest_only(database: Database) -> None:
    await grant_tokens(units(database), [Grant(digest("secret"), ADA)])
    tokens = SqlTokens(database, TABLES.access)
    assert await tokens.find(digest("secret")) == ADA
    assert await tokens.find("secret") is None
    assert await tokens.find(digest("other")) is None
    async with database.read(Platform("test")) as session:
        stored = (await session.execute(text("SELECT * FROM bearer_token"))).one()
    assert "secret" not in str(stored)


async def test_a_grant_again_changes_whom_the_token_stands_for(database: Database) -> None:
    demoted = replace(ADA, roles=frozenset({Role.READER}))
    for caller in (ADA, ADA, demoted):
        await grant_tokens(units(database), [Grant(digest("secret"), caller)])
    assert await SqlTokens(database, TABLES.access).find(digest("secret")) == demoted


async def test_a_unit_without_a_commit_leaves_nothing(database: Database) -> None:
    async with units(database)() as unit:
        await unit.tokens.put(Grant(digest("secret"), ADA))
    assert await SqlTokens(database, TABLES.access).find(digest("secret")) is None


async def test_positions_count_from_one_in_each_tenant(database: Database) -> None:
    assert await append(database, "a", "b") == [1, 2]
    assert await append(database, "c", tenant="nanchang") == [1]
    assert await append(database, "d") == [3]
    found = await SqlChangeFeed(database, TABLES.feed).read(ADA, after=1, limit=10)
    assert [(change.position, change.event_id) for change in found] == [(2, "b"), (3, "d")]
    assert found[0].data_json == CHANGE.data_json


async def test_a_bound_caller_reads_the_changes_of_the_parks_that_it_reaches(database: Database) -> None:
    parks = {"etdz": "360700", "north": "360100", "coast": "350100"}
    async with database.begin(Tenant("ganzhou")) as session:
        log = SqlChangeLog(session, TABLES.feed)
        for park_id, region in parks.items():
            await log.append(replace(CHANGE, park_id=park_id, event_id=f"{park_id}-1", region_code=region))
        for park_id in parks:
            await log.append(replace(CHANGE, park_id=park_id, event_id=f"{park_id}-2"))
        await session.commit()
    feed = SqlChangeFeed(database, TABLES.feed)

    async def heard(**bounds: frozenset[str]) -> list[str]:
        return [change.event_id for change in await feed.read(replace(ADA, **bounds), after=0, limit=10)]  # type: ignore[arg-type]

    assert await heard(parks=frozenset({"north"})) == ["north-1", "north-2"]
    assert await heard(regions=frozenset({"36"})) == ["etdz-1", "north-1", "etdz-2", "north-2"]
    assert await heard(regions=frozenset({"3607", "35"})) == ["etdz-1", "coast-1", "etdz-2", "coast-2"]
    assert await heard(regions=frozenset({"36"}), parks=frozenset({"coast", "etdz"})) == ["etdz-1", "etdz-2"]
    assert await heard(enterprises=frozenset({"coast/mill"})) == ["coast-1", "coast-2"]
    for nothing in ({"parks": frozenset[str]()}, {"regions": frozenset[str]()}, {"regions": frozenset({"", "%", "3_"})}):
        assert await heard(**nothing) == []


async def test_a_position_that_is_not_committed_is_given_again(database: Database) -> None:
    async with database.begin(Tenant("ganzhou")) as session:
        assert (await SqlChangeLog(session, TABLES.feed).append(CHANGE)).position == 1
    assert await append(database, "b") == [1]


async def test_appends_at_once_leave_no_gap_and_no_reader_sees_one(database: Database) -> None:
    feed = SqlChangeFeed(database, TABLES.feed)
    done = asyncio.Event()
    seen: list[list[int]] = []

    async def watch() -> None:
        while not done.is_set():
            seen.append([change.position for change in await feed.read(ADA, after=0, limit=1000)])

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(append(database, f"{number}-a", f"{number}-b") for number in range(20)))
    done.set()
    await watching
    seen.append([change.position for change in await feed.read(ADA, after=0, limit=1000)])
    assert seen[-1] == list(range(1, 41))
    for positions in seen:
        assert positions == list(range(1, len(positions) + 1))


async def test_the_probe_says_when_the_database_is_away(database: Database, tmp_path: Path) -> None:
    await SqlProbe(database).check()
    away = Database(f"sqlite:///{tmp_path}/no-such-folder/gateway.sqlite3")
    with pytest.raises(Unavailable):
        await SqlProbe(away).check()
    await away.dispose()


class TestKnownCallers:
    """The memory of callers keeps the promise of a TokenStore, with a delay that it states."""

    class Store:
        def __init__(self) -> None:
            self.callers = {digest(name): Caller(name, "t", frozenset({Role.READER})) for name in ("a", "b", "c")}
            self.asked: list[str] = []

        async def find(self, sha256: str) -> Caller | None:
            self.asked.append(sha256)
            return self.callers.get(sha256)

    async def test_a_caller_is_asked_for_once_in_its_lifetime(self) -> None:
        store, clock = self.Store(), FixedClock(NOON)
        known = CachedCallers(store, clock, lifetime=timedelta(seconds=30), size=10)
        assert await known.find(digest("a")) == await known.find(digest("a")) == store.callers[digest("a")]
        assert len(store.asked) == 1
        clock.advance(timedelta(seconds=30))
        del store.callers[digest("a")]
        assert await known.find(digest("a")) is None

    async def test_strangers_are_not_remembered(self) -> None:
        store = self.Store()
        known = CachedCallers(store, FixedClock(NOON), lifetime=timedelta(seconds=30), size=1)
        await known.find(digest("a"))
        for guess in ("x", "y", "x"):
            assert await known.find(digest(guess)) is None
        await known.find(digest("a"))
        assert store.asked == [digest(name) for name in ("a", "x", "y", "x")]

    async def test_the_least_recently_used_goes_first(self) -> None:
        store = self.Store()
        known = CachedCallers(store, FixedClock(NOON), lifetime=timedelta(seconds=30), size=2)
        for name in ("a", "b", "a", "c", "a", "b"):
            await known.find(digest(name))
        assert store.asked == [digest(name) for name in ("a", "b", "c", "b")]
