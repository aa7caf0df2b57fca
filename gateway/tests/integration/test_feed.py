"""The feed of who reads by region, where a park's facts are heard and its registration is not: accounting knows where it lies."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import MetaData

from chassis.clock import SystemClock
from chassis.database import Database
from chassis.tenancy import Tenant
from gateway.adapters.sql.feed import SqlChangeFeed, SqlChangeLog
from gateway.adapters.sql.tables import tables
from gateway.application.feed.changes import FeedServices, read_changes
from gateway.domain.callers import Caller, Role
from gateway.domain.errors import ServiceRefused, Unavailable
from gateway.domain.feed.changes import IncomingFact
from gateway.tests.conftest import units_over
from gateway.tests.fake_services import FakeAccounting
from kernel.access import Bounds, WholeParks

TABLES = tables(MetaData()).feed
REGION = WholeParks("ganzhou", Bounds(regions=frozenset({"36"})))
MANAGER = Caller("ada", "ganzhou", frozenset({Role.PARK_MANAGER}))
FACT = IncomingFact(
    tenant_id="ganzhou",
    park_id="etdz",
    topic="accounting.activity.v1",
    type="parkcarbon.accounting.events.v1.ActivityRecorded",
    time="2026-11-21T12:00:00Z",
    event_id="e",
    data_json="{}",
)


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    opened = Database(migrated_url)
    yield opened
    await opened.dispose()


@pytest.fixture
async def feed(database: Database, accounting: FakeAccounting) -> FeedServices:
    for park_id, region in (("etdz", "360700"), ("north", "360100"), ("coast", "350100")):
        park = {"park_id": park_id, "name_zh": "园", "name_en": "P", "region_code": region, "factor_set_id": "wang-2024"}
        await accounting.ask(MANAGER, "CreatePark", {"park": park})
    return FeedServices(SqlChangeFeed(database, TABLES), units_over(database, SystemClock()), accounting)


async def hear(database: Database, *parks: str) -> None:
    for number, park_id in enumerate(parks):
        async with database.begin(Tenant("ganzhou")) as session:
            await SqlChangeLog(session, TABLES).append(replace(FACT, park_id=park_id, event_id=f"{park_id} {number}"))
            await session.commit()


async def heard(feed: FeedServices, after: int = 0, limit: int = 10) -> list[int]:
    return [change.position for change in (await read_changes(feed, REGION, after=after, limit=limit)).changes]


async def test_accounting_is_asked_once_where_a_park_lies(
    database: Database, feed: FeedServices, accounting: FakeAccounting, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Caller] = []
    get_park = accounting.get_park

    async def counted(caller: Caller, request: object) -> object:
        asked.append(caller)
        return await get_park(caller, request)  # type: ignore[arg-type]

    monkeypatch.setattr(accounting, "get_park", counted)
    await hear(database, "etdz", "coast", "north", "etdz")
    assert await heard(feed) == [1, 3, 4]
    assert await heard(feed, after=1) == [3, 4]
    assert [sorted(each.parks or ()) for each in asked] == [["etdz"], ["coast"], ["north"]]
    assert {(each.tenant, each.roles, each.scopes) for each in asked} == {
        ("ganzhou", frozenset({"reader"}), frozenset({"read_own"}))
    }


FAILED = ServiceRefused("internal", "INTERNAL", "failed", {})


@pytest.mark.parametrize("failure", [Unavailable("ACCOUNTING_UNAVAILABLE"), FAILED], ids=["away", "failed"])
async def test_while_accounting_does_not_say_it_the_reader_is_held_and_then_misses_nothing(
    database: Database, feed: FeedServices, accounting: FakeAccounting, failure: Exception
) -> None:
    await hear(database, "etdz")
    assert await heard(feed) == [1]
    await hear(database, "north", "etdz")
    accounting.failures = [failure, failure]
    assert await heard(feed, after=1) == []
    assert await heard(feed) == [1]
    assert await heard(feed, after=1) == [2, 3]


async def test_a_park_that_accounting_does_not_have_holds_nobody(database: Database, feed: FeedServices) -> None:
    await hear(database, "nowhere", "etdz", "nowhere")
    assert await heard(feed) == [2]
