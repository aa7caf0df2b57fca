"""Who did what, and how often: the audit log, and the minutes of callers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import MetaData, text
from sqlalchemy.exc import DBAPIError

from chassis.clock import FixedClock
from chassis.database import Database, DatabaseUnavailable
from chassis.tenancy import Platform
from gateway.adapters.audit_writer import AuditWriter
from gateway.adapters.sql.tables import tables
from gateway.adapters.sql.unit_of_work import SqlUnitsOfWork
from gateway.api.deprecation import Deprecation, deprecation_headers
from gateway.application.access.rate_limit import Quotas
from gateway.domain.access.audit import Entry
from gateway.domain.access.rate_limit import RateExceeded
from gateway.domain.limits import Limits
from gateway.events.publish import FactEncoder

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TABLES = tables(MetaData())
ENCODER = FactEncoder(new_id=lambda: str(uuid4()), traceparent=lambda: "")
Serve = Callable[..., AbstractAsyncContextManager[Any]]
PARK = {"park_id": "p1", "name_zh": "园", "name_en": "P", "region_code": "360700", "factor_set_id": "wang-2024"}


def entry(number: int, **changes: Any) -> Entry:
    said = {
        "tenant_id": "ganzhou",
        "subject": "ada",
        "auth_method": "key",
        "method": "GET",
        "operation": "list_parks",
        "park_id": "",
        "path": "/v1/parks",
        "status": 200,
        "request_id": f"r-{number}",
        "address": "192.0.2.7",
        "time": NOW,
    }
    return Entry(**said | changes)  # type: ignore[arg-type]


@pytest.fixture
async def database(migrated_url: str) -> Any:
    opened = Database(migrated_url)
    yield opened
    await opened.dispose()


@asynccontextmanager
async def away(tenant_id: str | None = None, *, work: str = "") -> AsyncIterator[Any]:
    """Units of work over a database that does not answer."""
    raise DatabaseUnavailable
    yield


def units(database: Database) -> SqlUnitsOfWork:
    return SqlUnitsOfWork(database, TABLES, FixedClock(NOW), encode=ENCODER.encode, committed=lambda: None)


class TestLog:
    async def test_a_change_is_kept_before_its_answer_and_a_reading_soon(self, served: Any) -> None:
        async with served.client("operator-token") as operator, served.client("manager-token") as manager:
            await manager.get("/v1/parks", headers={"X-Request-Id": "read"})
            await manager.post("/v1/parks", json=PARK, headers={"X-Request-Id": "write"})
            found = (await operator.get("/v1/audit")).json()
        assert [each["request_id"] for each in found["entries"]] == ["read", "write"]
        assert {name: value for name, value in found["entries"][1].items() if name != "time"} == {
            "position": 2,
            "caller_id": "ada",
            "way": "token",
            "operation": "create_park",
            "method": "POST",
            "path": "/v1/parks",
            "park_id": "",
            "status": 201,
            "request_id": "write",
            "address": "127.0.0.1",
        }

    async def test_what_was_refused_is_kept_as_well(self, served: Any) -> None:
        async with served.client("operator-token") as operator, served.client("reader-token") as reader:
            await reader.post("/v1/parks", json=PARK)
            await reader.get("/v1/parks/nowhere")
            await reader.post("/v1/nothing-is-here")
            found = (await operator.get("/v1/audit", params={"caller": "ben"})).json()["entries"]
        assert [(each["operation"], each["park_id"], each["status"]) for each in found] == [
            ("create_park", "", 403),
            ("get_park", "nowhere", 404),
            ("", "", 404),
        ]

    async def test_the_log_is_the_operators_of_the_tenant_and_comes_in_parts(self, served: Any) -> None:
        async with served.client("manager-token") as manager, served.client("stranger-token") as stranger:
            for number in range(3):
                await manager.post("/v1/parks", json={**PARK, "park_id": f"p{number}"})
            assert (await manager.get("/v1/audit")).json()["reason"] == "ROLE_MISSING"
            assert (await stranger.get("/v1/audit")).json()["entries"] == []
        async with served.client("operator-token") as operator:
            first = (await operator.get("/v1/audit", params={"limit": 2, "caller": "ada"})).json()
            rest = (await operator.get("/v1/audit", params={"since": first["next"], "caller": "ada"})).json()
        assert (len(first["entries"]), first["more"]) == (2, True)
        assert [each["operation"] for each in first["entries"] + rest["entries"]].count("create_park") == 3
        assert not rest["more"]

    async def test_the_query_and_the_body_are_in_no_entry(self, served: Any) -> None:
        async with served.client("operator-token") as operator:
            await operator.post("/v1/parks?colour=secret-colour", json={**PARK, "name_en": "secret name"})
            assert "secret" not in (await operator.get("/v1/audit")).text

    async def test_entries_at_once_are_all_kept_in_few_transactions(self, database: Database) -> None:
        audit = AuditWriter(units(database), lambda count, error: pytest.fail(f"{count}: {error!r}"))
        await audit.start()
        await asyncio.gather(*(audit.keep(entry(number)) for number in range(200)))
        audit.note(entry(200))
        await audit.stop()
        async with units(database)("ganzhou") as unit:
            found = await unit.audit.entries("ganzhou", 0, 1000, "", "")
        assert [each.entry.request_id for each in found] == [f"r-{number}" for number in range(201)]

    async def test_readings_that_come_while_others_are_written_are_gathered_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("gateway.adapters.audit_writer._GATHERED_SECONDS", 3600.0)
        written: list[list[str]] = []
        busy, go = asyncio.Event(), asyncio.Event()

        class Unit:
            @property
            def audit(self) -> "Unit":
                return self

            async def append(self, entries: list[Entry]) -> None:
                written.append([each.request_id for each in entries])

            async def commit(self) -> None:
                busy.set()
                await go.wait()

        @asynccontextmanager
        async def gated(tenant_id: str | None = None, *, work: str = "") -> AsyncIterator[Any]:
            yield Unit()

        audit = AuditWriter(gated, lambda count, error: pytest.fail(f"{count}: {error!r}"))
        await audit.start()
        first = asyncio.create_task(audit.keep(entry(1)))
        async with asyncio.timeout(10):
            await busy.wait()
            audit.note(entry(2))
            go.set()
            await first
            await audit.keep(entry(3))
            await audit.stop()
        assert written == [["r-1"], ["r-2", "r-3"]]

    async def test_a_log_that_cannot_be_written_holds_up_no_answer(self) -> None:
        failed: list[int] = []
        audit = AuditWriter(away, lambda count, _: failed.append(count))
        await audit.start()
        async with asyncio.timeout(5):
            await audit.keep(entry(1))
        await audit.stop()
        assert failed == [1]

    async def test_a_writer_that_ended_by_itself_holds_up_no_answer_and_is_seen(self) -> None:
        def failed(_count: int, _error: Exception) -> None:
            raise OSError("no space left on device")

        audit = AuditWriter(away, failed)
        await audit.start()
        assert audit.healthy
        async with asyncio.timeout(10):
            await asyncio.gather(audit.keep(entry(1)), audit.keep(entry(2)))
            await audit.keep(entry(3))
        assert not audit.healthy

    @pytest.mark.parametrize("statement", ["UPDATE audit SET subject = 'eve'", "DELETE FROM audit"])
    async def test_nobody_changes_what_is_kept(self, tmp_path: Path, statement: str) -> None:
        """In SQLite; tests/architecture/test_tenancy.py holds PostgreSQL to it, as a role that owns nothing."""
        database = Database(f"sqlite:///{tmp_path}/gateway.sqlite3")
        await database.migrate("gateway.adapters.migrations")
        async with units(database)("ganzhou") as unit:
            await unit.audit.append([entry(1)])
            await unit.commit()
        async with database.begin(Platform("intruder")) as session:
            with pytest.raises(DBAPIError, match="the audit log is kept"):
                await session.execute(text(statement))
        await database.dispose()


class TestQuotas:
    async def test_replicas_share_a_callers_minute(self, database: Database) -> None:
        clock = FixedClock(NOW)
        replicas = [Quotas(units(database), clock) for _ in range(3)]
        found = await asyncio.gather(
            *(replicas[number % 3].take("ganzhou", "ada", 100) for number in range(150)), return_exceptions=True
        )
        refused = [each for each in found if isinstance(each, RateExceeded)]
        assert len(found) - len(refused) == 100
        assert {each.retry_after_s for each in refused} == {60}
        assert (await replicas[0].take("ganzhou", "ben", 100)).remaining == 99
        clock.advance(timedelta(seconds=60))
        assert (await replicas[1].take("ganzhou", "ada", 100)).remaining == 99

    async def test_requests_at_once_do_not_take_more_than_the_limit(self, database: Database) -> None:
        quotas = Quotas(units(database), FixedClock(NOW))
        found = await asyncio.gather(*(quotas.take("t", "a", 40) for _ in range(100)), return_exceptions=True)
        assert sum(not isinstance(each, BaseException) for each in found) == 40

    async def test_while_the_database_is_away_callers_go_on(self) -> None:
        standing = await Quotas(away, FixedClock(NOW)).take("t", "a", 100)
        assert (standing.limit, standing.remaining) == (100, 99)

    async def test_an_answer_says_how_its_caller_stands_and_a_flood_is_turned_away(self, serve: Serve) -> None:
        async with (
            serve(Limits(requests_per_minute=20), clock=FixedClock(NOW)) as served,
            served.client("reader-token") as reader,
            served.client("manager-token") as manager,
        ):
            first = await reader.get("/v1/parks")
            answers = [await reader.get("/v1/parks") for _ in range(20)]
            assert (await manager.get("/v1/parks")).status_code == 200
        assert first.headers["ratelimit-policy"] == '"requests";q=20;w=60'
        assert first.headers["ratelimit"] == '"requests";r=19;t=60'
        assert [answer.status_code for answer in answers] == [200] * 19 + [429]
        assert (answers[-1].json()["reason"], answers[-1].headers["retry-after"]) == ("RATE_EXCEEDED", "60")

    async def test_who_signs_in_is_counted_by_address(self, serve: Serve) -> None:
        async with serve(Limits(open_requests_per_minute=20), clock=FixedClock(NOW)) as served, served.client(None) as anyone:
            body = {"login": "eve@example.com", "password": "guess"}
            found = [(await anyone.post("/v1/sign-in", json=body)).status_code for _ in range(21)]
        assert found == [401] * 20 + [429]


class TestHeaders:
    async def test_nothing_runs_and_nothing_is_kept_of_an_answer(self, served: Any) -> None:
        async with served.client() as client:
            headers = (await client.get("/v1/parks")).headers
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["cache-control"] == "no-store"
        assert "strict-transport-security" not in headers

    def test_an_operation_on_its_way_out_says_so(self) -> None:
        class Route:
            name = "old_one"

        gone = Deprecation(NOW, NOW + timedelta(days=200), "https://parkcarbon.example/changes#old-one")
        assert deprecation_headers({"old_one": gone}, {"route": Route()}) == [
            (b"deprecation", b"@1795262400"),
            (b"sunset", b"Wed, 09 Jun 2027 12:00:00 GMT"),
            (b"link", b'<https://parkcarbon.example/changes#old-one>; rel="deprecation"'),
        ]
        assert deprecation_headers({"another": gone}, {"route": Route()}) == deprecation_headers({}, {}) == []
