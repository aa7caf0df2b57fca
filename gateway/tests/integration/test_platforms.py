"""Which platforms are told to be connected: machines of enterprises that push, machines of regions that pull, each once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import MetaData, select

from chassis import outbox
from chassis.clock import FixedClock
from chassis.database import Database, DatabaseUnavailable
from chassis.events import Event
from chassis.tenancy import Platform
from gateway.adapters.platform_cache import PlatformCache
from gateway.adapters.sql.tables import tables
from gateway.adapters.sql.unit_of_work import SqlUnitsOfWork
from gateway.domain.callers import Caller, Role
from gateway.domain.feed.changes import Change
from gateway.events.publish import FactEncoder
from parkcarbon.gateway.events.v1 import events_pb2

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TABLES = tables(MetaData())
MES = Caller("mes", "ganzhou", frozenset({Role.ENTERPRISE}), enterprises=frozenset({"etdz/mill", "etdz/dyer", "other/mill"}))
JIANGXI = Caller("jiangxi", "ganzhou", frozenset({Role.REGION_READER}), regions=frozenset({"36"}))
ROW = {"source_id": "s", "period_start": "2022-01-01", "period_end": "2022-02-01", "quantity": "1", "unit": "t"}
RECORDS = "/v1/parks/etdz/activity-records"


class Stand:
    """A replica's memory of platforms over a database that all replicas share."""

    def __init__(self, database: Database) -> None:
        encoder = FactEncoder(new_id=lambda: str(uuid4()), traceparent=lambda: "")
        self.database = database
        self.commits = 0
        self.units = SqlUnitsOfWork(database, TABLES, FixedClock(NOW), encode=encoder.encode, committed=self._committed)

    def _committed(self) -> None:
        self.commits += 1

    def replica(self, now: datetime = NOW) -> PlatformCache:
        return PlatformCache(self.units, FixedClock(now), lambda error: pytest.fail(repr(error)))

    async def told(self) -> list[Event]:
        async with self.database.read(Platform("test")) as session:
            return [event for _, event in await outbox.unpublished(session, TABLES.outbox, 100)]


@pytest.fixture
async def stand(migrated_url: str) -> AsyncIterator[Stand]:
    database = Database(migrated_url)
    yield Stand(database)
    await database.dispose()


class TestEachOnce:
    async def test_a_platform_that_pushes_is_told_with_its_enterprises_of_the_park(self, stand: Stand) -> None:
        await stand.replica().record_push(MES, "signature", "etdz")
        (event,) = await stand.told()
        assert (event.topic, event.key, event.tenant_id, event.park_id) == ("gateway.platform.v1", "etdz", "ganzhou", "etdz")
        assert (event.type, event.subject) == ("parkcarbon.gateway.events.v1.PlatformConnected", "parks/etdz/platforms/mes")
        assert events_pb2.PlatformConnected.FromString(event.data) == events_pb2.PlatformConnected(
            park_id="etdz",
            tenant_id="ganzhou",
            platform_id="mes",
            kind="enterprise",
            enterprise_id=["dyer", "mill"],
            way="signature",
            connected_time="2026-11-21T12:00:00Z",
        )
        assert stand.commits == 1

    async def test_a_platform_that_pulls_is_told_for_each_park_with_its_regions(self, stand: Stand) -> None:
        await stand.replica().record_pull(JIANGXI, "access_token", {"etdz", "b"})
        facts = [events_pb2.PlatformConnected.FromString(event.data) for event in await stand.told()]
        assert [(fact.park_id, fact.kind, list(fact.region_code)) for fact in facts] == [
            ("b", "region", ["36"]),
            ("etdz", "region", ["36"]),
        ]

    async def test_again_from_any_replica_and_after_any_time_it_is_told_no_more(self, stand: Stand) -> None:
        first = stand.replica()
        for replica in (first, first, stand.replica(), stand.replica(datetime(2030, 1, 1, tzinfo=UTC))):
            await replica.record_push(MES, "key", "etdz")
        assert len(await stand.told()) == 1
        async with stand.database.read(Platform("test")) as session:
            rows = (await session.execute(select(TABLES.feed.connected_platform))).all()
        assert [(row.platform_id, row.kind, row.connected_time) for row in rows] == [("mes", "enterprise", NOW)]

    async def test_what_was_seen_costs_no_transaction(self, stand: Stand) -> None:
        replica = stand.replica()
        await replica.record_pull(JIANGXI, "key", {"etdz"})
        await stand.database.dispose()

        @asynccontextmanager
        async def none(tenant_id: str | None = None, *, work: str = "") -> AsyncIterator[Any]:
            pytest.fail("the database was asked")
            yield

        replica._units = none
        await replica.record_pull(JIANGXI, "key", {"etdz"})

    @pytest.mark.parametrize(
        ("caller", "auth_method"),
        [
            pytest.param(MES, "session", id="a_person_of_an_enterprise"),
            pytest.param(MES, "oidc", id="a_token_that_may_be_a_persons"),
            pytest.param(MES, "token", id="a_token_of_the_configuration"),
            pytest.param(replace(MES, roles=frozenset({Role.PARK_MANAGER})), "key", id="a_machine_of_the_park_itself"),
            pytest.param(JIANGXI, "key", id="a_region_does_not_push"),
        ],
    )
    async def test_nobody_else_is_a_platform_that_pushes(self, stand: Stand, caller: Caller, auth_method: str) -> None:
        await stand.replica().record_push(caller, auth_method, "etdz")
        assert await stand.told() == []

    async def test_without_a_database_the_answer_goes_out_and_the_next_request_tells(self, stand: Stand) -> None:
        failures: list[Exception] = []

        @asynccontextmanager
        async def away(tenant_id: str | None = None, *, work: str = "") -> AsyncIterator[Any]:
            raise DatabaseUnavailable
            yield

        replica = PlatformCache(away, FixedClock(NOW), failures.append)
        await replica.record_push(MES, "key", "etdz")
        assert [type(each) for each in failures] == [DatabaseUnavailable]
        replica._units = stand.units
        await replica.record_push(MES, "key", "etdz")
        assert len(await stand.told()) == 1


@pytest.fixture
async def keyed(with_park: Any) -> Any:
    """A gateway with a park, and machines of an enterprise, of a region and of the park with their keys."""
    callers = {
        "mes": {"roles": ["enterprise"], "enterprises": ["etdz/mill"]},
        "jiangxi": {"roles": ["region_reader"], "regions": ["36"]},
        "own": {"roles": ["park_manager"]},
    }
    with_park.keys = {}
    async with with_park.client("operator-token") as operator:
        for name, body in callers.items():
            assert (await operator.put(f"/v1/callers/{name}", json={"name": name, **body})).status_code == 201
            made = await operator.post("/v1/api-keys", json={"caller_id": name, "kind": "api", "name": name})
            with_park.keys[name] = made.json()["api_key"]
    return with_park


def machine(keyed: Any, name: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=keyed.url, headers={"X-Api-Key": keyed.keys[name]}, timeout=20)


async def connected(keyed: Any) -> list[tuple[str, str, str]]:
    async with keyed.runner._database.read(Platform("test")) as session:
        rows = (await session.execute(select(TABLES.feed.connected_platform))).all()
    return sorted((row.platform_id, row.kind, row.park_id) for row in rows)


class TestAtTheDoor:
    async def test_a_push_counts_once_a_row_of_it_is_accepted(self, keyed: Any) -> None:
        async with machine(keyed, "mes") as mes:
            await mes.get("/v1/parks/etdz")
            await mes.post(RECORDS, json=[{**ROW, "record_id": "r", "quantity": "many"}])
            assert await connected(keyed) == []
            await mes.post(RECORDS, json=[{**ROW, "record_id": "r"}])
        async with machine(keyed, "own") as own:
            await own.post(RECORDS, json=[{**ROW, "record_id": "r-2"}])
        assert await connected(keyed) == [("mes", "enterprise", "etdz")]

    async def test_a_push_that_a_job_records_counts_too(self, keyed: Any) -> None:
        async with machine(keyed, "mes") as mes:
            sent = await mes.post(RECORDS, json=[{**ROW, "record_id": "r"}], headers={"Prefer": "respond-async"})
            while (await mes.get(sent.headers["Location"])).json()["state"] not in ("succeeded", "failed"):
                pass
        assert await connected(keyed) == [("mes", "enterprise", "etdz")]

    async def test_a_region_that_reads_a_park_is_connected_to_it_and_a_list_or_a_miss_connects_nothing(self, keyed: Any) -> None:
        async with machine(keyed, "jiangxi") as jiangxi:
            assert (await jiangxi.get("/v1/regions/360000/parks")).status_code == 200
            assert (await jiangxi.get("/v1/parks/nowhere")).status_code == 404
            assert await connected(keyed) == []
            assert (await jiangxi.get("/v1/parks/etdz")).status_code == 200
        assert await connected(keyed) == [("jiangxi", "region", "etdz")]

    async def test_a_region_that_follows_the_feed_is_connected_to_the_parks_of_what_it_reads(self, keyed: Any) -> None:
        said = {
            "tenant_id": "ganzhou",
            "topic": "t",
            "type": "x.Y",
            "time": "2026-01-01T00:00:00Z",
            "data_json": "{}",
            "region_code": "360700",
        }
        keyed.feed.changes += [Change(position=n, park_id=park, event_id=str(n), **said) for n, park in ((1, "etdz"), (2, "b"))]
        async with machine(keyed, "jiangxi") as jiangxi:
            await jiangxi.get("/v1/changes", params={"limit": 1})
            assert await connected(keyed) == [("jiangxi", "region", "etdz")]
            await jiangxi.get("/v1/changes")
        assert await connected(keyed) == [("jiangxi", "region", "b"), ("jiangxi", "region", "etdz")]
