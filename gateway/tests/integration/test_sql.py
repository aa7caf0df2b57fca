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
from kernel.access import Bounds, WholeParks

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TABLES = tables(METADATA := MetaData())
ENCODER = FactEncoder(new_id=lambda: str(uuid4()), traceparent=lambda: "")
ADA = Caller("ada", "ganzhou", frozenset({Role.PARK_MANAGER, Role.READER}))
ALL = WholeParks("ganzhou", Bounds())
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
    assert len((await SqlChangeFeed(database, TABLES.feed).read(ALL, after=0, limit=10)).changes) == 1


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
    found = (await SqlChangeFeed(database, TABLES.feed).read(ALL, after=1, limit=10)).changes
    assert [(change.position, change.event_id) for change in found] == [(2, "b"), (3, "d")]
    assert found[0].data_json == CHANGE.data_json


async def test_bounds_leave_the_changes_of_the_parks_within_them(database: Database) -> None:
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
        found = await feed.read(WholeParks("ganzhou", Bounds(**bounds)), after=0, limit=10)
        assert found.held_by == ""
        return [change.event_id for change in found.changes]

    assert await heard(parks=frozenset({"north"})) == ["north-1", "north-2"]
    assert await heard(regions=frozenset({"36"})) == ["etdz-1", "north-1", "etdz-2", "north-2"]
    assert await heard(regions=frozenset({"3607", "35"})) == ["etdz-1", "coast-1", "etdz-2", "coast-2"]
    assert await heard(regions=frozenset({"36"}), parks=frozenset({"coast", "etdz"})) == ["etdz-1", "etdz-2"]
    for nothing in ({"parks": frozenset[str]()}, {"regions": frozenset[str]()}, {"regions": frozenset({"", "%", "3_"})}):
        assert await heard(**nothing) == []


REGION = WholeParks("ganzhou", Bounds(regions=frozenset({"3607"})))
FACTS = {"ActivityRecorded": "accounting.activity.v1", "ParkRegistered": "accounting.park.v1"}


async def hear(database: Database, *facts: tuple[str, str]) -> None:
    """Hears facts, each of a park, in this order; a registration says that the park lies in 360700, one of `coast` in 350100."""
    for park_id, fact in facts:
        region = "" if fact != "ParkRegistered" else "350100" if park_id == "coast" else "360700"
        told = replace(CHANGE, park_id=park_id, topic=FACTS[fact], type=fact, event_id=f"{park_id} {fact}", region_code=region)
        async with database.begin(Tenant("ganzhou")) as session:
            await SqlChangeLog(session, TABLES.feed).append(told)
            await session.commit()


async def test_who_follows_by_region_misses_nothing_of_a_park_that_is_heard_before_its_registration(database: Database) -> None:
    feed = SqlChangeFeed(database, TABLES.feed)
    seen: list[int] = []
    for fact, shown, held_by in (
        (("old", "ParkRegistered"), [1], ""),
        (("new", "ActivityRecorded"), [], "new"),
        (("old", "ActivityRecorded"), [], "new"),
        (("new", "ParkRegistered"), [2, 3, 4], ""),
    ):
        await hear(database, fact)
        found = await feed.read(REGION, after=seen[-1] if seen else 0, limit=10)
        assert ([change.position for change in found.changes], found.held_by) == (shown, held_by)
        seen += shown
    for reader in (REGION, ALL):
        assert [change.position for change in (await feed.read(reader, after=0, limit=10)).changes] == [1, 2, 3, 4]


async def test_only_who_follows_by_region_is_held_and_only_by_parks_within_its_other_bounds(database: Database) -> None:
    await hear(database, ("old", "ParkRegistered"), ("new", "ActivityRecorded"), ("old", "ActivityRecorded"))
    feed = SqlChangeFeed(database, TABLES.feed)

    async def heard(bounds: Bounds, after: int = 0, limit: int = 10, nowhere: tuple[str, ...] = ()) -> tuple[list[int], str]:
        found = await feed.read(WholeParks("ganzhou", bounds), after=after, limit=limit, nowhere=nowhere)
        return [change.position for change in found.changes], found.held_by

    regions = frozenset({"36"})
    assert await heard(Bounds()) == ([1, 2, 3], "")
    assert await heard(Bounds(parks=frozenset({"new"}))) == ([2], "")
    assert await heard(Bounds(regions=regions)) == ([1], "new")
    assert await heard(Bounds(regions=regions), limit=1) == ([1], "")
    assert await heard(Bounds(regions=regions), after=1) == ([], "new")
    # Whoever begins behind it, as by a cursor for the newest, is held by its next change.
    assert await heard(Bounds(regions=regions), after=2) == ([3], "")
    assert await heard(Bounds(regions=regions, parks=frozenset({"old"}))) == ([1, 3], "")
    assert await heard(Bounds(regions=regions), nowhere=("new",)) == ([1, 3], "")
    await hear(database, ("new", "ActivityRecorded"))
    assert await heard(Bounds(regions=regions), after=2) == ([3], "new")


async def test_a_place_that_is_known_is_not_forgotten_and_one_tenants_parks_hold_no_other(database: Database) -> None:
    await hear(database, ("new", "ActivityRecorded"))
    async with units(database)("ganzhou") as unit:
        await unit.places.put("ganzhou", "new", "360700")
        await unit.places.put("ganzhou", "new", "")
        await unit.commit()
    await append(database, "theirs", tenant="nanchang")
    found = await SqlChangeFeed(database, TABLES.feed).read(REGION, after=0, limit=10)
    assert ([change.position for change in found.changes], found.held_by) == ([1], "")
    theirs = WholeParks("nanchang", Bounds(regions=frozenset({"36"})))
    assert (await SqlChangeFeed(database, TABLES.feed).read(theirs, after=0, limit=10)).held_by == "etdz"


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
            seen.append([change.position for change in (await feed.read(ALL, after=0, limit=1000)).changes])

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(append(database, f"{number}-a", f"{number}-b") for number in range(20)))
    done.set()
    await watching
    seen.append([change.position for change in (await feed.read(ALL, after=0, limit=1000)).changes])
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
