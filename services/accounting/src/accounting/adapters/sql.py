"""The account in SQLite or PostgreSQL: the ports of the application over one transaction.

A wave of records is staged in a temporary table by the driver's bulk path, looked up there, and moved into the account by a handful
of statements that are the same for both databases.
"""

import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence, Set
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from types import TracebackType
from typing import Any, Self

from sqlalchemy import ColumnElement, Row, String, Table, and_, bindparam, case, cast, func, insert, literal, select, text, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from accounting.adapters import tables
from accounting.domain.accounts import MonthRange, Sum, SummedRow, month_key
from accounting.domain.activity import Candidates, PastSpan, calendar
from accounting.domain.errors import RegisteredMeanwhile
from accounting.domain.factors import Basis, Factor
from accounting.domain.facts import Fact, SpanSum
from accounting.domain.parks import AnnualFigures, Enterprise, Park, Source
from accounting.domain.record import Content, Existing, StoredPeriod
from accounting.domain.stored import RebuiltSums, StoredRecord
from chassis import jobs, outbox
from chassis.clock import Clock
from chassis.database import Database
from chassis.events import Event

PLATFORM = "platform"
"""The tenant of what belongs to no tenant: factors and bases."""

_MANY = 500
"""Values in one IN list; SQLite takes 32,766 in a statement, and short lists plan fast."""

_NUL = "\x00"
"""PostgreSQL refuses a text that holds it, so nothing has such an id."""

_SOURCE_COLUMNS = [tables.source.c[name] for name in Source.__dataclass_fields__]

_STAGE = "activity_stage"
_STAGE_COLUMNS = (
    "n",
    "record_id",
    "source_id",
    "period_start_s",
    "period_end_s",
    "quantity_micro",
    "unit",
    "basis_id",
    "emissions_mg",
    "energy_mgce",
    "first_month",
    "last_month",
    "supersedes",
)
_CREATE_STAGE = """
CREATE TEMP TABLE IF NOT EXISTS activity_stage (
    n bigint NOT NULL, record_id text NOT NULL, source_id text NOT NULL, period_start_s bigint NOT NULL,
    period_end_s bigint NOT NULL, quantity_micro bigint NOT NULL, unit text NOT NULL, basis_id text NOT NULL,
    emissions_mg bigint NOT NULL, energy_mgce bigint NOT NULL, first_month bigint NOT NULL, last_month bigint NOT NULL,
    supersedes text NOT NULL)
"""
# A list from a subquery is hashed by both; a list of parameters may be searched from end to end for every staged row.
_DROP = {
    "sqlite": text("DELETE FROM activity_stage WHERE n IN (SELECT value FROM json_each(:rows))"),
    "postgresql": text(
        "DELETE FROM activity_stage WHERE n IN (SELECT CAST(value AS bigint) FROM json_array_elements_text(CAST(:rows AS json)))"
    ),
}
# A probe per staged row is a subquery in the select list, because no planner turns that into a join: before a database has counted
# its rows, which SQLite never does, it would read the whole park for every wave.
_TAKEN_IDS = text("""
SELECT n, position
FROM (
    SELECT s.n, (SELECT k.position FROM activity_key k WHERE k.park_id = :park_id AND k.record_id = s.record_id) AS position
    FROM activity_stage s
) p
WHERE position IS NOT NULL
""")
# Records in force of one source never overlap each other, so only the last that starts before a period ends can overlap it. That
# holds for the staged rows of a source together as well, and mostly settles them with one probe.
_A_SOURCE_OVERLAPS = text("""
SELECT 1
FROM (
    SELECT source_id, MIN(period_start_s) AS period_start_s, MAX(period_end_s) AS period_end_s
    FROM activity_stage GROUP BY source_id
) s
WHERE s.period_start_s < (
    SELECT k.period_end_s
    FROM activity_key k
    WHERE k.park_id = :park_id AND k.source_id = s.source_id AND k.superseded_by IS NULL AND k.period_start_s < s.period_end_s
    ORDER BY k.period_start_s DESC LIMIT 1
)
LIMIT 1
""")
_OVERLAPS = text("""
SELECT n, record_id
FROM (
    SELECT s.n, (
        SELECT CASE WHEN k.period_end_s > s.period_start_s THEN k.record_id END
        FROM activity_key k
        WHERE k.park_id = :park_id AND k.source_id = s.source_id AND k.superseded_by IS NULL
            AND k.period_start_s < s.period_end_s AND k.record_id <> s.supersedes
        ORDER BY k.period_start_s DESC LIMIT 1
    ) AS record_id
    FROM activity_stage s
) p
WHERE record_id IS NOT NULL
""")
_ADD_TO_SUMS = """
ON CONFLICT (park_id, source_id, first_month, last_month) DO UPDATE SET
    emissions_mg = emissions_sum.emissions_mg + excluded.emissions_mg,
    energy_mgce = emissions_sum.energy_mgce + excluded.energy_mgce,
    covered_s = emissions_sum.covered_s + excluded.covered_s,
    records = emissions_sum.records + excluded.records
RETURNING source_id, first_month, last_month, emissions_mg, energy_mgce, records
"""
_SUM_COLUMNS = "tenant_id, park_id, source_id, first_month, last_month, emissions_mg, energy_mgce, covered_s, records"
_TAKE_FROM_SUMS = text(f"""
INSERT INTO emissions_sum ({_SUM_COLUMNS})
SELECT :tenant_id, :park_id, source_id, first_month, last_month, CAST(-SUM(emissions_mg) AS bigint),
    CAST(-SUM(energy_mgce) AS bigint), CAST(-SUM(period_end_s - period_start_s) AS bigint), -COUNT(*)
FROM activity_record
WHERE park_id = :park_id AND position IN :positions
GROUP BY source_id, first_month, last_month
{_ADD_TO_SUMS}
""").bindparams(bindparam("positions", expanding=True))  # noqa: S608 - constants of this module
_PUT_INTO_SUMS = text(f"""
INSERT INTO emissions_sum ({_SUM_COLUMNS})
SELECT :tenant_id, :park_id, source_id, first_month, last_month, CAST(SUM(emissions_mg) AS bigint),
    CAST(SUM(energy_mgce) AS bigint), CAST(SUM(period_end_s - period_start_s) AS bigint), COUNT(*)
FROM activity_stage
WHERE true
GROUP BY source_id, first_month, last_month
{_ADD_TO_SUMS}
""")  # noqa: S608 - constants of this module
_SUPERSEDE = text("UPDATE activity_key SET superseded_by = :record_id WHERE park_id = :park_id AND record_id = :superseded")
_APPEND_RECORDS = text("""
INSERT INTO activity_record (tenant_id, park_id, position, record_id, source_id, period_start_s, period_end_s, quantity_micro, unit,
    basis_id, emissions_mg, energy_mgce, first_month, last_month, supersedes, recorded_time)
SELECT :tenant_id, :park_id, :last_position + ROW_NUMBER() OVER (ORDER BY n), record_id, source_id, period_start_s, period_end_s,
    quantity_micro, unit, basis_id, emissions_mg, energy_mgce, first_month, last_month, supersedes, :recorded_time
FROM activity_stage
""").bindparams(bindparam("recorded_time", type_=tables.activity_record.c.recorded_time.type))
_APPEND_KEYS = text("""
INSERT INTO activity_key (tenant_id, park_id, record_id, position, source_id, period_start_s, period_end_s)
SELECT :tenant_id, :park_id, record_id, :last_position + ROW_NUMBER() OVER (ORDER BY n), source_id, period_start_s, period_end_s
FROM activity_stage
""")
_REBUILD_KEYS = text("""
INSERT INTO activity_key (tenant_id, park_id, record_id, position, source_id, period_start_s, period_end_s)
SELECT tenant_id, park_id, record_id, position, source_id, period_start_s, period_end_s
FROM activity_record
WHERE park_id = :park_id
""")
_REBUILD_SUMS = text(f"""
INSERT INTO emissions_sum ({_SUM_COLUMNS})
SELECT r.tenant_id, r.park_id, r.source_id, r.first_month, r.last_month, CAST(SUM(r.emissions_mg) AS bigint),
    CAST(SUM(r.energy_mgce) AS bigint), CAST(SUM(r.period_end_s - r.period_start_s) AS bigint), COUNT(*)
FROM activity_record r
WHERE r.park_id = :park_id
    AND (SELECT k.superseded_by FROM activity_key k WHERE k.park_id = :park_id AND k.record_id = r.record_id) IS NULL
GROUP BY r.tenant_id, r.park_id, r.source_id, r.first_month, r.last_month
""")  # noqa: S608 - constants of this module


@dataclass(frozen=True, slots=True)
class _Correction:
    """A staged row that corrects a record of the account, which stands at `position`."""

    record_id: str
    superseded: str
    position: int


class SqlAccount:
    """Reads the account through one session."""

    def __init__(self, session: AsyncSession) -> None:
        """Stores the session; its transaction decides what is seen."""
        self._session = session

    async def park(self, park_id: str) -> Park | None:
        """Returns a park of any tenant."""
        if _NUL in park_id:
            return None
        row = (await self._session.execute(select(tables.park).where(tables.park.c.park_id == park_id))).one_or_none()
        return _park(row) if row else None

    async def parks(self, tenant_id: str, after: str, limit: int) -> Sequence[Park]:
        """Returns parks of a tenant whose ids come after one."""
        park = tables.park
        query = select(park).where(park.c.tenant_id == tenant_id, park.c.park_id > after).order_by(park.c.park_id).limit(limit)
        return [_park(row) for row in await self._session.execute(query)]

    async def enterprise(self, park_id: str, enterprise_id: str) -> Enterprise | None:
        """Returns an enterprise."""
        table = tables.enterprise
        query = select(table).where(table.c.park_id == park_id, table.c.enterprise_id == enterprise_id)
        row = (await self._session.execute(query)).one_or_none()
        return Enterprise(**row._mapping) if row else None

    async def enterprises(self, park_id: str, after: str, limit: int) -> Sequence[Enterprise]:
        """Returns enterprises whose ids come after one."""
        table = tables.enterprise
        query = select(table).where(table.c.park_id == park_id, table.c.enterprise_id > after)
        rows = await self._session.execute(query.order_by(table.c.enterprise_id).limit(limit))
        return [Enterprise(**row._mapping) for row in rows]

    async def sources(self, park_id: str, after: str, limit: int) -> Sequence[Source]:
        """Returns sources whose ids come after one."""
        table = tables.source
        query = select(table).where(table.c.park_id == park_id, table.c.source_id > after)
        rows = await self._session.execute(query.order_by(table.c.source_id).limit(limit))
        return [Source(**row._mapping) for row in rows]

    async def sources_named(self, park_id: str, source_ids: Sequence[str]) -> Mapping[str, Source]:
        """Returns those of the named sources that exist."""
        table = tables.source
        storable = [source_id for source_id in source_ids if _NUL not in source_id]
        query = select(*_SOURCE_COLUMNS).where(table.c.park_id == park_id, self._among(table.c.source_id, storable))
        return {source.source_id: source for source in (Source(*row) for row in await self._session.execute(query))}

    async def figures_in_force(self, park_id: str, year: int) -> AnnualFigures | None:
        """Returns the highest version of a year's figures."""
        table = tables.annual_figures
        query = select(table).where(table.c.park_id == park_id, table.c.year == year).order_by(table.c.version.desc()).limit(1)
        row = (await self._session.execute(query)).one_or_none()
        return AnnualFigures(**row._mapping) if row else None

    async def figures(self, park_id: str, after: tuple[int, int], limit: int) -> Sequence[AnnualFigures]:
        """Returns versions that come after a year and version."""
        table = tables.annual_figures
        key = tuple_(table.c.year, table.c.version)
        query = select(table).where(table.c.park_id == park_id, key > after).order_by(table.c.year, table.c.version).limit(limit)
        return [AnnualFigures(**row._mapping) for row in await self._session.execute(query)]

    async def records(self, park_id: str, after: int, limit: int) -> Sequence[StoredRecord]:
        """Returns records whose positions come after one, superseded ones included."""
        record, key = tables.activity_record, tables.activity_key
        query = (
            select(record, func.coalesce(key.c.superseded_by, "").label("superseded_by"))
            .join(key, and_(key.c.park_id == record.c.park_id, key.c.record_id == record.c.record_id))
            .where(record.c.park_id == park_id, record.c.position > after)
            .order_by(record.c.position)
            .limit(limit)
        )
        return [
            StoredRecord(
                position=row.position,
                record_id=row.record_id,
                source_id=row.source_id,
                start_s=row.period_start_s,
                end_s=row.period_end_s,
                quantity_micro=row.quantity_micro,
                unit=row.unit,
                basis_id=row.basis_id,
                emissions_mg=row.emissions_mg,
                energy_mgce=row.energy_mgce,
                supersedes=row.supersedes,
                superseded_by=row.superseded_by,
                recorded_time=row.recorded_time,
            )
            for row in await self._session.execute(query)
        ]

    async def summed(self, park_id: str, months: MonthRange, dimensions: Sequence[str]) -> Sequence[SummedRow]:
        """Returns the sums that touch a range of months, by dimensions and by what decides where they count."""
        sums, source = tables.emissions_sum, tables.source
        first, end = months.first.number, months.end.number
        by: dict[str, ColumnElement[Any]] = {
            "year": sums.c.first_month // 100,
            "scope": source.c.scope,
            "item": source.c.item,
            "carrier": source.c.carrier,
            "gas": source.c.gas,
            "sector": source.c.sector,
            "enterprise": source.c.enterprise_id,
            "source": source.c.source_id,
            "first_month": sums.c.first_month,
            "last_month": sums.c.last_month,
        }
        spans = ("first_month", "last_month") if "month" in dimensions else ()
        keys = [by[name].label(f"key_{name}") for name in (*(each for each in dimensions if each != "month"), *spans)]
        straddles = case((and_(sums.c.first_month >= first, sums.c.last_month < end), 0), else_=1).label("straddles")
        fold = [straddles, source.c.item, source.c.carrier, source.c.gas]
        query = (
            select(
                *keys,
                *fold,
                # Text, because a database adds 64-bit integers as numeric and SQLite would make floats of those.
                cast(func.sum(sums.c.emissions_mg), String).label("emissions_mg"),
                cast(func.sum(sums.c.energy_mgce), String).label("energy_mgce"),
                cast(func.sum(sums.c.records), String).label("records"),
            )
            .join(source, and_(source.c.park_id == sums.c.park_id, source.c.source_id == sums.c.source_id))
            .where(sums.c.park_id == park_id, sums.c.last_month >= first, sums.c.first_month < end, sums.c.records > 0)
            .group_by(*[by[key.name.removeprefix("key_")] for key in keys], straddles, *fold[1:])
        )
        return [
            SummedRow(
                keys=tuple(_key(row, name) for name in dimensions),
                item=row.item,
                carrier=row.carrier,
                gas=row.gas,
                straddles=bool(row.straddles),
                sum=Sum(int(row.emissions_mg), int(row.energy_mgce), int(row.records)),
            )
            for row in await self._session.execute(query)
        ]

    async def history(self, park_id: str, source_ids: Sequence[str], from_month: int) -> Mapping[str, Sequence[PastSpan]]:
        """Returns what sources emitted in the spans that start in or after a month (YYYYMM)."""
        park = await self.park(park_id)
        if park is None:
            return {}
        sums = tables.emissions_sum
        months = calendar(park.zone)
        start_of = dict(zip(months.numbers.tolist(), months.edges_s.tolist(), strict=True))
        found: dict[str, list[PastSpan]] = {}
        query = select(sums.c.source_id, sums.c.first_month, sums.c.emissions_mg, sums.c.covered_s).where(
            sums.c.park_id == park_id, self._among(sums.c.source_id, source_ids), sums.c.first_month >= from_month
        )
        for row in await self._session.execute(query):
            span = PastSpan(start_of[row.first_month], row.emissions_mg, row.covered_s)
            found.setdefault(row.source_id, []).append(span)
        return found

    async def ids_taken(self, park_id: str, record_ids: Sequence[str]) -> Set[str]:
        """Returns those of the record ids that are taken."""
        key = tables.activity_key
        query = select(key.c.record_id).where(key.c.park_id == park_id, self._among(key.c.record_id, record_ids))
        return set(await self._session.scalars(query))

    def _among(self, column: ColumnElement[Any], values: Sequence[str] | Sequence[int]) -> ColumnElement[bool]:
        """The condition that a column holds one of many values, as one parameter: a list of them is another statement for each
        length, to be compiled and planned anew."""
        if self._session.get_bind().dialect.name == "sqlite":
            return column.in_(select(func.json_each(json.dumps(values)).table_valued("value").c.value))
        return column == func.any(literal(values, postgresql.ARRAY(column.type)))


class SqlUnitOfWork(SqlAccount):
    """One transaction that may write.

    Facts that were collected are stored in the outbox with the commit; the relay is told afterwards.
    """

    def __init__(
        self,
        database: Database,
        *,
        encode: Callable[[Fact], Event],
        committed: Callable[[], None],
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        """Stores the parts; the transaction begins with the `async with` block.

        Args:
            database: Of the service.
            encode: Makes an event of a fact.
            committed: Called after each commit, so that relay and job runner look at once.
            clock: For the time of queued jobs.
            new_id: Gives the ids of jobs.
        """
        self._database = database
        self._encode = encode
        self._committed = committed
        self._clock = clock
        self._new_id = new_id
        self._facts: list[Fact] = []
        self._corrections: Mapping[int, _Correction] = {}
        self._learned: set[str] = set()
        self._facts_of_connection: set[str] = set()
        self._opened: AbstractAsyncContextManager[AsyncSession] | None = None

    async def __aenter__(self) -> Self:
        """Begins the transaction."""
        self._opened = self._database.begin()
        super().__init__(await self._opened.__aenter__())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends the transaction; rolls back what was not committed."""
        if self._opened is not None:
            await self._opened.__aexit__(kind, error, traceback)

    async def add_park(self, park: Park) -> None:
        """Stores a new park, and its ledger."""
        await self._add(tables.park, park)
        ledger = {"tenant_id": park.tenant_id, "park_id": park.park_id, "last_position": 0}
        await self._session.execute(insert(tables.park_ledger), [ledger])

    async def add_enterprise(self, enterprise: Enterprise) -> None:
        """Stores a new enterprise."""
        await self._add(tables.enterprise, enterprise)

    async def add_source(self, source: Source) -> None:
        """Stores a new source."""
        await self._add(tables.source, source)

    async def add_figures(self, figures: AnnualFigures) -> None:
        """Stores a new version of a year's figures."""
        await self._add(tables.annual_figures, figures)

    async def _add(self, table: Table, value: Park | Enterprise | Source | AnnualFigures) -> None:
        values = {column.name: getattr(value, column.name) for column in table.columns}
        try:
            await self._session.execute(insert(table), [values])
        except IntegrityError as error:
            raise RegisteredMeanwhile(table.name) from error

    async def lock(self, park_id: str) -> int:
        """Makes this the only transaction that writes to the park's account; returns the last position in it."""
        ledger = tables.park_ledger
        query = select(ledger.c.last_position).where(ledger.c.park_id == park_id).with_for_update()
        last_position: int = (await self._session.execute(query)).scalar_one()
        return last_position

    async def stage(self, park: Park, wave: Candidates) -> Existing:
        """Takes a wave in, and returns what the account knows of its rows."""
        self._corrections = {}
        await self._empty_stage()
        columns = (
            range(len(wave)),
            wave.record_id,
            wave.source_id,
            wave.start_s.tolist(),
            wave.end_s.tolist(),
            wave.quantity_micro.tolist(),
            wave.unit,
            wave.basis_id,
            wave.emissions_mg.tolist(),
            wave.energy_mgce.tolist(),
            wave.first_month.tolist(),
            wave.last_month.tolist(),
            wave.supersedes,
        )
        await self._database.copy_columns(self._session, _STAGE, _STAGE_COLUMNS, columns)
        parameters = {"park_id": park.park_id}
        taken = {row.n: row.position for row in await self._session.execute(_TAKEN_IDS, parameters)}
        overlaps = {}
        if await self._session.scalar(_A_SOURCE_OVERLAPS, parameters):
            overlaps = {row.n: row.record_id for row in await self._session.execute(_OVERLAPS, parameters)}
        contents = await self._contents(park.park_id, taken.values()) if taken else {}
        periods = await self._periods(park.park_id, overlaps.values()) if overlaps else {}
        targets = await self._targets(park.park_id, wave) if any(wave.supersedes) else {}
        return Existing(
            same_id={row: contents[position] for row, position in taken.items()},
            overlaps={row: periods[record_id] for row, record_id in overlaps.items()},
            targets=targets,
        )

    async def _empty_stage(self) -> None:
        """Makes the stage on the connection's first wave; every commit empties it in PostgreSQL."""
        known = await self._connection_facts()
        if _STAGE not in known:
            on_commit = " ON COMMIT DELETE ROWS" if self._database.dialect == "postgresql" else ""
            await self._session.execute(text(_CREATE_STAGE + on_commit))
        if _STAGE in self._learned or (_STAGE in known and self._database.dialect == "sqlite"):
            await self._session.execute(text("DELETE FROM activity_stage"))
        self._learned.add(_STAGE)

    async def _connection_facts(self) -> set[str]:
        """What earlier transactions of this connection left behind for good: the stage, and the ids of bases that are stored.

        What this transaction learns is added by its commit and not before, because a rollback takes it back.
        """
        facts: set[str] = (await self._session.connection()).info.setdefault("accounting", set())
        self._facts_of_connection = facts
        return facts

    async def _contents(self, park_id: str, positions: Collection[int]) -> Mapping[int, Content]:
        record = tables.activity_record
        query = select(record).where(record.c.park_id == park_id, self._among(record.c.position, sorted(set(positions))))
        return {
            row.position: Content(row.source_id, row.period_start_s, row.period_end_s, row.quantity_micro, row.unit, row.supersedes)
            for row in await self._session.execute(query)
        }

    async def _periods(self, park_id: str, record_ids: Collection[str]) -> Mapping[str, StoredPeriod]:
        key = tables.activity_key
        query = select(key.c.record_id, key.c.period_start_s, key.c.period_end_s).where(
            key.c.park_id == park_id, self._among(key.c.record_id, sorted(set(record_ids)))
        )
        return {row.record_id: StoredPeriod(*row) for row in await self._session.execute(query)}

    async def _targets(self, park_id: str, wave: Candidates) -> Mapping[int, str]:
        key = tables.activity_key
        named = {row: target for row, target in enumerate(wave.supersedes) if target}
        query = select(key.c.record_id, key.c.position, key.c.superseded_by).where(
            key.c.park_id == park_id, self._among(key.c.record_id, sorted(set(named.values())))
        )
        found = {row.record_id: row for row in await self._session.execute(query)}
        self._corrections = {
            row: _Correction(wave.record_id[row], target, found[target].position)
            for row, target in named.items()
            if target in found
        }
        return {row: found[target].superseded_by or "" for row, target in named.items() if target in found}

    async def append(self, park: Park, dropped: Sequence[int], last_position: int, recorded_time: datetime) -> Sequence[SpanSum]:
        """Stores the staged wave but for the dropped rows, from last_position + 1 on; returns the sums that it touched."""
        if dropped:
            await self._session.execute(_DROP[self._database.dialect], {"rows": json.dumps(dropped)})
        parameters = {"tenant_id": park.tenant_id, "park_id": park.park_id, "last_position": last_position}
        touched = [
            *await self._take_back(parameters, dropped),
            *await self._session.execute(_PUT_INTO_SUMS, parameters),
        ]
        appended = await self._session.execute(_APPEND_RECORDS, parameters | {"recorded_time": recorded_time})
        await self._session.execute(_APPEND_KEYS, parameters)
        ledger = tables.park_ledger
        new_position = last_position + _row_count(appended)
        await self._session.execute(ledger.update().where(ledger.c.park_id == park.park_id).values(last_position=new_position))
        return [
            SpanSum(row.source_id, row.first_month, row.last_month, row.emissions_mg, row.energy_mgce, row.records)
            for row in touched
        ]

    async def _take_back(self, parameters: Mapping[str, Any], dropped: Sequence[int]) -> Sequence[Row[Any]]:
        """Takes what the staged wave corrects out of force and out of the sums; returns the sums that this touched."""
        gone = set(dropped)
        corrections = [correction for row, correction in self._corrections.items() if row not in gone]
        touched: list[Row[Any]] = []
        for start in range(0, len(corrections), _MANY):
            part = corrections[start : start + _MANY]
            positions = [correction.position for correction in part]
            touched += await self._session.execute(_TAKE_FROM_SUMS, {**parameters, "positions": positions})
            named = [
                {"park_id": parameters["park_id"], "record_id": each.record_id, "superseded": each.superseded} for each in part
            ]
            await self._session.execute(_SUPERSEDE, named)
        return touched

    async def keep_bases(self, bases: Sequence[Basis]) -> None:
        """Stores the bases that records name, if they are new."""
        known = await self._connection_facts() | self._learned
        unsure = [each.basis_id for each in bases if each.basis_id not in known]
        if not unsure:
            return
        table = tables.basis
        known |= set(await self._session.scalars(select(table.c.basis_id).where(self._among(table.c.basis_id, unsure))))
        self._learned.update(unsure)
        new = [
            {
                "tenant_id": PLATFORM,
                "park_id": "",
                "basis_id": each.basis_id,
                "factor_set_id": each.set_id,
                "carrier": each.carrier,
                "gas": each.gas,
                "unit": each.unit,
                "emissions_numerator": str(each.emissions.numerator),
                "emissions_denominator": str(each.emissions.denominator),
                "energy_numerator": str(each.energy.numerator),
                "energy_denominator": str(each.energy.denominator),
                "factor_ids": ";".join(each.factor_ids),
            }
            for each in bases
            if each.basis_id not in known
        ]
        if new:
            await self._session.execute(self._insert_or_ignore(table), new)

    async def keep_factors(self, factors: Sequence[Factor]) -> Sequence[Factor]:
        """Stores factor rows; returns those that are new."""
        known = set(await self._session.scalars(select(tables.factor.c.factor_id)))
        rows = [
            {"tenant_id": PLATFORM, "park_id": "", **_factor_values(factor)} for factor in factors if factor.factor_id not in known
        ]
        if not rows:
            return []
        # Another replica that starts at this moment may be first; what it stored is not new here.
        stored = self._insert_or_ignore(tables.factor).returning(tables.factor.c.factor_id)
        new = set(await self._session.scalars(stored, rows))
        return [factor for factor in factors if factor.factor_id in new]

    def _insert_or_ignore(self, table: Table) -> Any:
        dialect = sqlite if self._database.dialect == "sqlite" else postgresql
        return dialect.insert(table).on_conflict_do_nothing()

    async def rebuild(self, park_id: str) -> RebuiltSums:
        """Computes keys, sums and last position of a park anew from its records and puts them in place."""
        before = await self._sums(park_id)
        for table in (tables.activity_key, tables.emissions_sum):
            await self._session.execute(table.delete().where(table.c.park_id == park_id))
        records = await self._session.execute(_REBUILD_KEYS, {"park_id": park_id})
        await self._supersede_again(park_id)
        await self._session.execute(_REBUILD_SUMS, {"park_id": park_id})
        ledger, position = tables.park_ledger, tables.activity_record.c.position
        last = select(func.coalesce(func.max(position), 0)).where(tables.activity_record.c.park_id == park_id)
        await self._session.execute(ledger.update().where(ledger.c.park_id == park_id).values(last_position=last.scalar_subquery()))
        after = await self._sums(park_id)
        corrected = sum(1 for span in before.keys() | after.keys() if before.get(span) != after.get(span))
        return RebuiltSums(records=_row_count(records), sums=len(after), corrected=corrected)

    async def _supersede_again(self, park_id: str) -> None:
        """Marks the keys that records correct, each by its key: a join of many new rows is planned as if there were none."""
        record = tables.activity_record.c
        query = select(record.record_id, record.supersedes).where(record.park_id == park_id, record.supersedes != "")
        corrections = (await self._session.execute(query)).all()
        for start in range(0, len(corrections), _MANY):
            part = corrections[start : start + _MANY]
            named = [{"park_id": park_id, "record_id": record_id, "superseded": target} for record_id, target in part]
            await self._session.execute(_SUPERSEDE, named)

    async def _sums(self, park_id: str) -> Mapping[tuple[Any, ...], tuple[Any, ...]]:
        """The sums in force by span; a span whose records were all superseded has none, whether its row is there or not."""
        sums = tables.emissions_sum
        query = select(sums).where(sums.c.park_id == park_id, sums.c.records > 0)
        return {
            (row.source_id, row.first_month, row.last_month): (row.emissions_mg, row.energy_mgce, row.covered_s, row.records)
            for row in await self._session.execute(query)
        }

    async def submit_rebuild(self, park: Park, owner: str) -> str:
        """Queues a rebuild as a job; returns the job's id."""
        job_id = self._new_id()
        await jobs.submit(
            self._session,
            tables.job,
            job_id=job_id,
            kind=REBUILD_SUMS,
            tenant_id=park.tenant_id,
            park_id=park.park_id,
            owner=owner,
            arguments={"park_id": park.park_id},
            now=self._clock.now(),
        )
        return job_id

    def collect(self, fact: Fact) -> None:
        """Adds a fact that becomes known with the commit."""
        self._facts.append(fact)

    async def commit(self) -> None:
        """Makes everything durable, the facts included."""
        events = [self._encode(fact) for fact in self._facts]
        await outbox.append(self._session, tables.outbox, events)
        await self._session.commit()
        self._facts_of_connection |= self._learned
        self._learned.clear()
        self._facts.clear()
        self._committed()


REBUILD_SUMS = "rebuild-sums"
"""The kind of the job that rebuilds a park's sums."""


@asynccontextmanager
async def read_account(database: Database) -> AsyncIterator[SqlAccount]:
    """Opens the account for reading, as it is at this moment."""
    async with database.read() as session:
        yield SqlAccount(session)


def _park(row: Row[Any]) -> Park:
    return Park(**{name: getattr(row, name) for name in Park.__dataclass_fields__})


def _key(row: Any, dimension: str) -> str:
    if dimension == "month":
        return month_key(row.key_first_month, row.key_last_month)
    value = getattr(row, f"key_{dimension}")
    return str(int(value)) if dimension == "year" else str(value)


def _row_count(result: Any) -> int:
    return int(result.rowcount)


def _factor_values(factor: Factor) -> dict[str, str]:
    def written(value: str | date | None) -> str:
        return "" if value is None else str(value)

    return {name: written(getattr(factor, name)) for name in Factor.__dataclass_fields__}
