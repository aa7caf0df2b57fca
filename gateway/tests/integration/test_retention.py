"""What is old is forgotten where the platform is told to, and nobody reads past what is missing."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError
from sqlalchemy import MetaData, text
from sqlalchemy.exc import DBAPIError

from chassis.clock import FixedClock
from chassis.database import Database
from chassis.tenancy import Platform, Tenant
from gateway.adapters.sql.feed import SqlChangeFeed, SqlChangeLog
from gateway.adapters.sql.tables import tables
from gateway.adapters.sql.unit_of_work import SqlUnitsOfWork
from gateway.adapters.workers import RetentionWorker
from gateway.application.feed.webhooks import deliver_next
from gateway.application.retention import AT_ONCE, AUDIT_RETENTION, Retention, apply_retention
from gateway.domain.access.audit import Entry, StoredEntry
from gateway.domain.errors import CursorExpired
from gateway.domain.feed.changes import Change, IncomingFact
from gateway.events.publish import FactEncoder
from gateway.settings import RetentionSettings
from kernel.access import Bounds, WholeParks

# The database's own clock says what is too young to be taken away: what is old here is old for every clock.
NOW = datetime(2026, 1, 1, tzinfo=UTC)
OLD, OLDER = NOW - timedelta(days=400), NOW - timedelta(days=500)
TABLES = tables(MetaData())
ALL = WholeParks("ganzhou", Bounds())


CHANGE = Change(
    position=7,
    tenant_id="ganzhou",
    park_id="p",
    topic="t",
    type="x.Y",
    time="2026-01-01T00:00:00Z",
    event_id="7",
    data_json="{}",
)


class Stand:
    """A gateway's database, and what is forgotten of it."""

    def __init__(self, database: Database) -> None:
        encoder = FactEncoder(new_id=lambda: str(uuid4()), traceparent=lambda: "")
        self.database = database
        self.units = SqlUnitsOfWork(database, TABLES, FixedClock(NOW), encode=encoder.encode, committed=lambda: None)
        self.feed = SqlChangeFeed(database, TABLES.feed)

    def retention(self, *, audit_days: int | None = None, feed_days: int | None = None) -> Retention:
        lives = [None if days is None else timedelta(days=days) for days in (audit_days, feed_days)]
        return Retention(self.units, FixedClock(NOW), *lives)

    async def asked(self, *times: datetime, tenant: str = "ganzhou") -> None:
        said = {
            "subject": "ada",
            "auth_method": "key",
            "method": "GET",
            "operation": "list_parks",
            "park_id": "",
            "path": "/v1/parks",
        }
        rows = [Entry(tenant_id=tenant, status=200, request_id=f"{at:%Y}", address="192.0.2.7", time=at, **said) for at in times]
        async with self.units(tenant) as unit:
            await unit.audit.append(rows)
            await unit.commit()

    async def log(self, tenant: str = "ganzhou") -> list[StoredEntry]:
        async with self.units(tenant) as unit:
            return list(await unit.audit.entries(tenant, 0, 100_000, "", ""))

    async def told(self, *times: str, tenant: str = "ganzhou") -> None:
        async with self.database.begin(Tenant(tenant)) as session:
            for number, time in enumerate(times):
                heard = IncomingFact(
                    tenant_id=tenant, park_id="p", topic="t", type="x.Y", time=time, event_id=f"{time} {number}", data_json="{}"
                )
                await SqlChangeLog(session, TABLES.feed).append(heard)
            await session.commit()

    async def positions(self, after: int = 0) -> list[int]:
        return [change.position for change in (await self.feed.read(ALL, after=after, limit=100_000)).changes]


@pytest.fixture
async def stand(migrated_url: str) -> AsyncIterator[Stand]:
    database = Database(migrated_url)
    yield Stand(database)
    await database.dispose()


class TestAuditLog:
    async def test_nothing_is_forgotten_unless_the_platform_is_told_to(self, stand: Stand) -> None:
        await stand.asked(OLDER)
        await stand.told("2001-01-01T00:00:00Z")
        assert await apply_retention(stand.retention()) == (0, 0)
        assert (len(await stand.log()), await stand.positions()) == (1, [1])

    async def test_old_entries_leave_and_an_entry_of_each_tenant_says_how_many(self, stand: Stand) -> None:
        await stand.asked(OLDER, OLD, NOW)
        await stand.asked(OLDER, tenant="nanchang")
        await stand.asked(NOW, tenant="jian")
        assert await apply_retention(stand.retention(audit_days=365)) == (3, 0)
        kept, removal = [each.entry for each in await stand.log()]
        assert kept.time == NOW
        assert (removal.subject, removal.auth_method, removal.operation, removal.status) == (
            "parkcarbon",
            "retention",
            "expire_audit_log",
            200,
        )
        assert removal.path == "/v1/audit?entries=2&before=2025-01-01T00:00:00Z"
        assert [each.entry.path for each in await stand.log("nanchang")] == ["/v1/audit?entries=1&before=2025-01-01T00:00:00Z"]
        assert [each.entry.time for each in await stand.log("jian")] == [NOW]
        assert await apply_retention(stand.retention(audit_days=365)) == (0, 0)

    async def test_what_is_kept_keeps_its_position(self, stand: Stand) -> None:
        await stand.asked(OLD, NOW)
        before = (await stand.log())[1]
        await apply_retention(stand.retention(audit_days=365))
        assert (await stand.log())[0] == before

    async def test_many_entries_leave_in_several_transactions(self, stand: Stand) -> None:
        await stand.asked(*[OLD] * (AT_ONCE + 1))
        assert await apply_retention(stand.retention(audit_days=365)) == (AT_ONCE + 1, 0)
        assert [each.entry.path.partition("&")[0] for each in await stand.log()] == [
            f"/v1/audit?entries={AT_ONCE}",
            "/v1/audit?entries=1",
        ]

    async def test_the_database_itself_keeps_young_entries_and_changes_none(self, stand: Stand) -> None:
        """Whatever the settings or the clock of the process say."""
        await stand.asked(OLD, datetime.now(UTC) - timedelta(days=29))

        async def touched(scope: Any, statement: str) -> int:
            try:
                async with stand.database.begin(scope) as session:
                    found = int((await session.execute(text(statement))).rowcount)  # type: ignore[attr-defined]  # of a cursor
                    await session.commit()
                    return found
            except DBAPIError as error:
                return 0 if "kept" in str(error) else -1

        work = Platform(AUDIT_RETENTION)
        assert await touched(work, "UPDATE audit SET status = 500") == 0
        if stand.database.dialect == "postgresql":
            for scope in (Tenant("ganzhou"), Platform("grants"), None):
                assert await touched(scope, "DELETE FROM audit") == 0
            assert await touched(work, "DELETE FROM audit") == 1
        else:
            assert await touched(work, "DELETE FROM audit") == 0
            assert await touched(work, "DELETE FROM audit WHERE position = 1") == 1
        assert len(await stand.log()) == 1


class TestFeed:
    async def test_the_feed_loses_its_beginning_and_says_so_to_who_stood_before_it(self, stand: Stand) -> None:
        await stand.told("2024-01-01T00:00:00Z", "2024-06-01T00:00:00.5Z", "2025-12-31T00:00:00Z")
        await stand.told("2024-01-01T00:00:00Z", tenant="nanchang")
        assert await apply_retention(stand.retention(feed_days=365)) == (0, 3)
        assert await stand.positions() == [3]
        assert await stand.positions(after=2) == [3]
        with pytest.raises(CursorExpired) as expired:
            await stand.positions(after=1)
        assert (expired.value.oldest, expired.value.facts()) == (3, {"found": "1", "allowed": "2"})

    async def test_an_old_fact_that_was_heard_late_makes_no_hole(self, stand: Stand) -> None:
        await stand.told("2025-12-31T00:00:00Z", "2020-01-01T00:00:00Z", "2025-12-31T00:00:00Z")
        assert await apply_retention(stand.retention(feed_days=365)) == (0, 0)
        assert await stand.positions() == [1, 2, 3]

    async def test_a_feed_of_which_nothing_is_left_goes_on_where_it_was(self, stand: Stand) -> None:
        await stand.told("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z")
        await apply_retention(stand.retention(feed_days=365))
        assert (await stand.positions(), await stand.positions(after=2), await stand.feed.newest("ganzhou")) == ([], [], 2)
        with pytest.raises(CursorExpired):
            await stand.positions(after=1)
        await stand.told("2025-12-31T00:00:00Z")
        assert await stand.positions(after=2) == [3]

    async def test_a_cursor_behind_the_end_waits(self, stand: Stand) -> None:
        await stand.told("2024-01-01T00:00:00Z")
        assert await stand.positions(after=7) == []
        assert await stand.feed.newest("nobody") == 0


async def test_the_part_forgets_at_its_start_and_outlives_an_outage(stand: Stand) -> None:
    await stand.asked(OLD)
    part = RetentionWorker(stand.retention(audit_days=365), logger=_Silent(), pause_seconds=0.01)  # type: ignore[arg-type]
    assert not part.healthy
    await part.start()
    assert part.healthy
    while (await stand.log())[0].entry.auth_method != "retention":
        pass
    await part.stop()
    assert not part.healthy


class _Silent:
    """A logger that keeps quiet."""

    def info(self, *_: object, **__: object) -> None: ...

    def warning(self, *_: object, **__: object) -> None: ...


class TestAtTheDoor:
    async def test_a_mirror_that_was_away_too_long_is_told_how_to_begin_anew(self, served: Any) -> None:
        served.feed.changes.append(CHANGE)
        served.feed.oldest = 7
        async with served.client("reader-token") as client:
            gone = await client.get("/v1/changes", params={"since": "3"})
            chinese = await client.get("/v1/changes", params={"since": "3"}, headers={"Accept-Language": "zh"})
            newest = (await client.get("/v1/changes", params={"since": "newest"})).json()
            after = await client.get("/v1/changes", params={"since": newest["next"]})
        assert (gone.status_code, gone.json()["reason"], gone.json()["type"].rpartition("/")[2]) == (
            410,
            "CURSOR_EXPIRED",
            "cursor-expired",
        )
        assert (gone.json()["found"], gone.json()["allowed"]) == ("3", "6")
        assert "since=newest" in gone.json()["detail"]
        assert "游标" in chinese.json()["detail"]
        assert newest == {"changes": [], "next": "7", "more": False}
        assert (after.status_code, after.json()["changes"]) == (200, [])

    async def test_a_webhook_that_lost_changes_stops_and_resumes_with_what_is_left(self, served: Any) -> None:
        async with served.client("reader-token") as client:
            made = (await client.post("/v1/webhooks", json={"url": "http://127.0.0.1:1/", "since": "3"})).json()
            served.feed.changes.append(CHANGE)
            served.feed.oldest = 7
            assert await deliver_next(served.webhook_services)
            address = f"/v1/webhooks/{made['webhook_id']}"
            stopped = (await client.get(address)).json()
            resumed = (await client.post(f"{address}:resume")).json()
        assert (stopped["state"], stopped["deliveries"][0]["outcome"]) == ("disabled", "no longer kept")
        assert (resumed["state"], resumed["position"]) == ("active", 6)


def test_what_can_be_told_has_bounds() -> None:
    assert RetentionSettings() == RetentionSettings(audit_days=None, feed_days=None)
    for wrong in ({"audit_days": 29}, {"feed_days": 6}, {"audit_days": 0}):
        with pytest.raises(ValidationError):
            RetentionSettings.model_validate(wrong)
