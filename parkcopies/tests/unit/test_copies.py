"""The copies of parks: in what order facts come makes no difference, and a caller finds only what it sees."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

import pytest
from sqlalchemy import MetaData, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.clock import FixedClock
from chassis.database import Database
from chassis.events import Event
from kernel.access import Caller
from kernel.refusals import ParkNotFound
from parkcarbon.accounting.events.v1 import events_pb2
from parkcopies.consume import handlers
from parkcopies.directory import ParkDirectory, apply
from parkcopies.parks import Enterprise, IncomingFact, Park, ParkAccount, Source, SpanSum, YearFigures
from parkcopies.ports import AccountingUnavailable
from parkcopies.sql import SqlParkCopies
from parkcopies.tables import copy_tables

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
METADATA = MetaData()
TABLES = copy_tables(METADATA)
ETDZ = Park("etdz", "t", "园区", "Park", "360700", "Asia/Shanghai")
METER = Source("etdz", "t", "meter", "", "electricity", 2, "total")
MILL = Enterprise("etdz", "t", "mill")
MANAGER = Caller("m", "t", frozenset({"park_manager"}))


def figures(version: int, output: str) -> YearFigures:
    return YearFigures("etdz", "t", 2025, version, output, "")


def total(position: int, emissions_mg: int) -> SpanSum:
    return SpanSum("etdz", "t", "meter", 202501, 202501, emissions_mg, 7, 1, position)


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database with the tables and nothing in them."""
    sqlite = request.param == "sqlite"
    opened = Database(f"sqlite:///{tmp_path}/copies.sqlite3" if sqlite else str(request.getfixturevalue("postgres_url")))
    async with opened.begin() as session:
        await (await session.connection()).run_sync(METADATA.create_all)
        await session.commit()
    yield opened
    await opened.dispose()


async def rows(session: AsyncSession) -> list[list[tuple[object, ...]]]:
    return [[tuple(row) for row in await session.execute(select(table))] for table in METADATA.sorted_tables]


async def test_facts_in_any_order_and_twice_end_in_the_same_copy(database: Database) -> None:
    facts: list[IncomingFact] = [figures(1, "100"), figures(2, "200"), [total(5, 50)], [total(9, 90)]]
    ends = []
    for order in permutations(facts):
        async with database.begin() as session:
            copies = SqlParkCopies(session, TABLES)
            for fact in (ETDZ, MILL, METER, *order, *reversed(order)):
                await apply(copies, fact)
            ends.append(await rows(session))
            for table in METADATA.sorted_tables:
                await session.execute(delete(table))
            await session.commit()
    assert all(end == ends[0] for end in ends)
    assert sum(len(of_table) for of_table in ends[0]) == 5


async def test_sums_are_read_of_an_event_with_text_and_of_one_from_before_sums_were_text(database: Database) -> None:
    common = {"park_id": "etdz", "tenant_id": "t", "last_position": 9, "first_month": [202501], "last_month": [202501]}
    named = events_pb2.EmissionsCalculated.DESCRIPTOR.full_name
    handle = handlers(lambda session: SqlParkCopies(session, TABLES))[named]
    for source_id, amounts in (
        ("new", {"emissions_mg_co2e": ["581000"], "energy_mgce": ["-7"]}),
        ("older", {"emissions_mg_co2e_int64": [581_000], "energy_mgce_int64": [-7]}),
    ):
        fact = events_pb2.EmissionsCalculated(source_id=[source_id], records=[1], **common, **amounts)  # type: ignore[arg-type]  # by name
        event = Event("e", "/accounting", named, "", NOON, "accounting.activity.v1", "etdz", fact.SerializeToString(), "t", "etdz")
        async with database.begin() as session:
            await handle(session, event)
            await session.commit()
    async with database.read() as session:
        found = (await SqlParkCopies(session, TABLES).sums(["etdz"], 202501, 202512))["etdz"]
    assert {(each.source_id, each.emissions_mg, each.energy_mgce, each.position) for each in found} == {
        ("new", 581_000, -7, 9),
        ("older", 581_000, -7, 9),
    }


async def test_what_is_newest_is_read_by_park(database: Database) -> None:
    async with database.begin() as session:
        copies = SqlParkCopies(session, TABLES)
        for fact in (ETDZ, MILL, METER, figures(2, "200"), figures(1, "100"), [total(9, 90)], [total(5, 50)]):
            await apply(copies, fact)
        await copies.keep_sources([Source("etdz", "t", "meter", "", "heat", 2, "total")])
        assert await copies.sources(["etdz", "other"]) == {"etdz": [METER]}
        await copies.keep_sources([Source("etdz", "t", "meter", "", "heat", 2, "total")], replace=True)
        assert (await copies.sources(["etdz"]))["etdz"][0].carrier == "heat"
        assert await copies.figures(["etdz"], 2025) == {"etdz": figures(2, "200")}
        assert await copies.sums(["etdz"], 202501, 202512) == {"etdz": [total(9, 90)]}
        assert await copies.sums(["etdz"], 202502, 202512) == {}
        assert await copies.enterprise_counts(["etdz", "other"]) == {"etdz": 1}
        assert await copies.get("etdz\x00") is None


class Accounting:
    """Accounting with one park, or away."""

    def __init__(self) -> None:
        self.asked = 0
        self.lists = True
        self.answers = True

    async def park_ids(self, caller: Caller) -> Sequence[str] | None:
        return ["etdz"] if self.lists else None

    async def account(self, caller: Caller, park_id: str) -> ParkAccount:
        self.asked += 1
        if not self.answers:
            raise AccountingUnavailable
        if park_id != "etdz":
            raise ParkNotFound(park_id)
        return ParkAccount(ETDZ, (MILL,), (METER,), (figures(1, "100"),), (total(5, 50),))


class Work:
    """A transaction over the copies."""

    def __init__(self, session: AsyncSession) -> None:
        self.parks = SqlParkCopies(session, TABLES)
        self.commit = session.commit


def directory(database: Database, accounting: Accounting) -> ParkDirectory:
    def opened(begin: Callable[[], AbstractAsyncContextManager[AsyncSession]]) -> AbstractAsyncContextManager[Work]:
        @asynccontextmanager
        async def work() -> AsyncIterator[Work]:
            async with begin() as session:
                yield Work(session)

        return work()

    return ParkDirectory(lambda _: opened(database.read), lambda _: opened(database.begin), accounting, FixedClock(NOON))


async def test_a_park_is_read_from_accounting_once(database: Database) -> None:
    accounting = Accounting()
    parks = directory(database, accounting)
    assert (await parks.reach(MANAGER, "etdz")).synced_time == NOON
    assert (await parks.reach(MANAGER, "etdz")).synced_time == NOON
    assert accounting.asked == 1
    async with database.read() as session:
        assert (await SqlParkCopies(session, TABLES).sums(["etdz"], 202501, 202501))["etdz"] == [total(5, 50)]


async def test_a_park_of_which_only_facts_are_known_is_read_from_accounting(database: Database) -> None:
    async with database.begin() as session:
        await apply(SqlParkCopies(session, TABLES), ETDZ)
        await session.commit()
    accounting = Accounting()
    accounting.answers = False
    parks = directory(database, accounting)
    with pytest.raises(AccountingUnavailable):
        await parks.reach(MANAGER, "etdz")
    accounting.lists = False
    # a credential that may not list is shown what is known
    assert [park.park_id for park in await parks.reach_region(MANAGER, "36")] == ["etdz"]
    accounting.lists = accounting.answers = True
    assert [park.synced_time for park in await parks.reach_region(MANAGER, "36")] == [NOON]
    assert await parks.reach_region(MANAGER, "11") == []


@pytest.mark.parametrize(
    "caller",
    [
        pytest.param(Caller("m", "other", frozenset({"park_manager"})), id="another_tenant"),
        pytest.param(Caller("m", "t", frozenset({"reader"}), parks=frozenset({"elsewhere"})), id="another_park"),
        pytest.param(Caller("m", "t", frozenset({"region_reader"}), regions=frozenset({"11"})), id="another_region"),
        pytest.param(Caller("m", "t", frozenset({"enterprise"}), enterprises=frozenset({"etdz/mill"})), id="an_enterprise"),
    ],
)
async def test_a_park_that_a_caller_does_not_see_is_not_found(database: Database, caller: Caller) -> None:
    parks = directory(database, Accounting())
    with pytest.raises(ParkNotFound):
        await parks.reach(caller, "etdz")
    assert await parks.reach_region(caller, "36") == []
