"""The account in SQLite or PostgreSQL: the ports of the application over one transaction."""

import json
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence, Set
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import date, datetime
from types import TracebackType
from typing import Any, Self

from cachetools import LRUCache
from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    String,
    Table,
    and_,
    case,
    cast,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from accounting.adapters import findings_sql, inventories_sql, publication_sql, tables
from accounting.adapters.wave import SUM_COLUMNS, SUPERSEDE, ConnectionMemory, StagedWave
from accounting.domain.accounts import MonthRange, Sum, SummedRow, month_key
from accounting.domain.batches import Candidates
from accounting.domain.emissions import Ratio
from accounting.domain.errors import ParkIdTaken, RegisteredMeanwhile
from accounting.domain.factors import Basis, Factor
from accounting.domain.facts import Fact, SpanSum
from accounting.domain.findings import Answer, Finding
from accounting.domain.inventories import Inventory, InventoryLine
from accounting.domain.months import calendar
from accounting.domain.parks import AnnualFigures, Enterprise, Park, Source
from accounting.domain.plausibility import PastSpan
from accounting.domain.publication import Publication, RegionRelease, Withdrawal
from accounting.domain.record import Content, Existing, StoredPeriod
from accounting.domain.stored import RebuiltSums, StoredRecord
from chassis import jobs, outbox
from chassis.clock import Clock
from chassis.database import Database
from chassis.events import Event
from chassis.tenancy import PLATFORM_TENANT, Scope
from kernel.access import Bounds

_KNOWN_PARKS = 10_000
_KNOWN_SOURCES = 200_000
"""About 100 MB at most."""

_NUL = "\x00"
"""PostgreSQL refuses a text that holds it, so nothing has such an id."""

_SOURCE_COLUMNS = [tables.source.c[name] for name in Source.__dataclass_fields__]

_REBUILD_KEYS = text("""
INSERT INTO activity_key (tenant_id, park_id, record_id, position, source_id, period_start_s, period_end_s)
SELECT tenant_id, park_id, record_id, position, source_id, period_start_s, period_end_s
FROM activity_record
WHERE park_id = :park_id
""")
_REBUILD_SUMS = text(f"""
INSERT INTO emissions_sum ({SUM_COLUMNS})
SELECT r.tenant_id, r.park_id, r.source_id, r.first_month, r.last_month, CAST(SUM(r.emissions_mg) AS bigint),
    CAST(SUM(r.energy_mgce) AS bigint), CAST(SUM(r.period_end_s - r.period_start_s) AS bigint), COUNT(*)
FROM activity_record r
WHERE r.park_id = :park_id
    AND (SELECT k.superseded_by FROM activity_key k WHERE k.park_id = :park_id AND k.record_id = r.record_id) IS NULL
GROUP BY r.tenant_id, r.park_id, r.source_id, r.first_month, r.last_month
""")  # noqa: S608 - constants of this module


class Registers:
    """Parks and sources as they were read by any transaction of the same scope: what one tenant has read, no other is shown.

    One that is registered never changes, so that what was read once stays true. A transaction that registers puts nothing in:
    it may still be rolled back.
    """

    def __init__(self) -> None:
        """Begins with none."""
        self._parks: LRUCache[tuple[Scope, str], Park] = LRUCache(_KNOWN_PARKS)
        self._sources: LRUCache[tuple[Scope, str, str], Source] = LRUCache(_KNOWN_SOURCES)

    def of(self, scope: Scope) -> "ScopedRegisters":
        """Returns what is known to a scope."""
        return ScopedRegisters(scope, self._parks, self._sources)


class ScopedRegisters:
    """What of the registers is known to one scope."""

    def __init__(
        self, scope: Scope, parks: LRUCache[tuple[Scope, str], Park], sources: LRUCache[tuple[Scope, str, str], Source]
    ) -> None:
        """Stores whose view it is, and of what."""
        self._scope = scope
        self._parks = parks
        self._sources = sources

    def park(self, park_id: str) -> Park | None:
        """Returns a park if it is known."""
        return self._parks.get((self._scope, park_id))

    def keep_park(self, park: Park) -> None:
        """Remembers a park."""
        self._parks[self._scope, park.park_id] = park

    def source(self, park_id: str, source_id: str) -> Source | None:
        """Returns a source if it is known."""
        return self._sources.get((self._scope, park_id, source_id))

    def keep_sources(self, park_id: str, sources: Iterable[Source]) -> None:
        """Remembers sources of a park."""
        self._sources.update({(self._scope, park_id, source.source_id): source for source in sources})


class SqlAccount:
    """Reads the account through one session."""

    def __init__(self, session: AsyncSession, registers: ScopedRegisters) -> None:
        """Stores the session, whose transaction decides what is seen, and what need not be read again."""
        self._session = session
        self._registers = registers
        self._registered = False

    async def park(self, park_id: str) -> Park | None:
        """Returns a park; in SQLite one of any tenant."""
        if _NUL in park_id:
            return None
        if (known := self._registers.park(park_id)) is not None:
            return known
        row = (await self._session.execute(select(tables.park).where(tables.park.c.park_id == park_id))).one_or_none()
        if row is None:
            return None
        park = _park(row)
        if not self._registered:
            self._registers.keep_park(park)
        return park

    async def parks(self, tenant_id: str, within: Bounds, after: str, limit: int) -> Sequence[Park]:
        """Returns parks of a tenant within bounds whose ids come after one."""
        return await self._parks_where(tables.park.c.park_id > after, tenant_id, within, limit)

    async def published_parks(self, tenant_id: str, within: Bounds, after: str, limit: int) -> Sequence[Park]:
        """Returns parks within bounds with a publication that was not withdrawn, whose ids come after one."""
        park_id = tables.park.c.park_id
        condition = and_(park_id > after, publication_sql.is_published(park_id))
        return await self._parks_where(condition, tenant_id, within, limit)

    async def _parks_where(self, condition: ColumnElement[bool], tenant_id: str, within: Bounds, limit: int) -> Sequence[Park]:
        park = tables.park
        query = select(park).where(park.c.tenant_id == tenant_id, condition).order_by(park.c.park_id).limit(limit)
        if within.parks is not None:
            query = query.where(self._among(park.c.park_id, sorted(within.parks)))
        if within.regions is not None:
            query = query.where(
                or_(false(), *(park.c.region_code.startswith(each, autoescape=True) for each in within.regions if each))
            )
        return [_park(row) for row in await self._session.execute(query)]

    async def enterprise(self, park_id: str, enterprise_id: str) -> Enterprise | None:
        """Returns an enterprise."""
        table = tables.enterprise
        query = select(table).where(table.c.park_id == park_id, table.c.enterprise_id == enterprise_id)
        row = (await self._session.execute(query)).one_or_none()
        return Enterprise(**row._mapping) if row else None

    async def enterprises(self, park_id: str, own: Set[str] | None, after: str, limit: int) -> Sequence[Enterprise]:
        """Returns enterprises, of those named in `own` unless it is None, whose ids come after one."""
        table = tables.enterprise
        query = select(table).where(table.c.park_id == park_id, table.c.enterprise_id > after)
        if own is not None:
            query = query.where(self._among(table.c.enterprise_id, sorted(own)))
        rows = await self._session.execute(query.order_by(table.c.enterprise_id).limit(limit))
        return [Enterprise(**row._mapping) for row in rows]

    async def sources(self, park_id: str, own: Set[str] | None, after: str, limit: int) -> Sequence[Source]:
        """Returns sources, of the enterprises in `own` unless it is None, whose ids come after one."""
        table = tables.source
        query = select(table).where(table.c.park_id == park_id, table.c.source_id > after)
        if own is not None:
            query = query.where(self._among(table.c.enterprise_id, sorted(own)))
        rows = await self._session.execute(query.order_by(table.c.source_id).limit(limit))
        return [Source(**row._mapping) for row in rows]

    async def sources_named(self, park_id: str, source_ids: Sequence[str]) -> Mapping[str, Source]:
        """Returns those of the named sources that exist."""
        table, known = tables.source, self._registers
        found = {source_id: source for source_id in source_ids if (source := known.source(park_id, source_id)) is not None}
        unknown = [source_id for source_id in source_ids if source_id not in found and _NUL not in source_id]
        if not unknown:
            return found
        query = select(*_SOURCE_COLUMNS).where(table.c.park_id == park_id, self._among(table.c.source_id, unknown))
        read = {source.source_id: source for source in (Source(*row) for row in await self._session.execute(query))}
        if not self._registered:
            known.keep_sources(park_id, read.values())
        return found | read

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

    async def records(self, park_id: str, own: Set[str] | None, after: int, limit: int) -> Sequence[StoredRecord]:
        """Returns records, superseded ones too, of the enterprises in `own` unless it is None, whose positions come after one."""
        record, key = tables.activity_record, tables.activity_key
        query = (
            select(record, func.coalesce(key.c.superseded_by, "").label("superseded_by"))
            .join(key, and_(key.c.park_id == record.c.park_id, key.c.record_id == record.c.record_id))
            .where(record.c.park_id == park_id, record.c.position > after)
            .order_by(record.c.position)
            .limit(limit)
        )
        if own is not None:
            query = query.where(record.c.source_id.in_(self._sources_of(park_id, own)))
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

    async def summed(
        self, park_id: str, own: Set[str] | None, months: MonthRange, dimensions: Sequence[str]
    ) -> Sequence[SummedRow]:
        """Returns the sums, of the enterprises in `own` unless it is None, that touch a range of months, by dimensions and by what
        decides where they count."""
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
        if own is not None:
            query = query.where(self._among(source.c.enterprise_id, sorted(own)))
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

    async def sums(self, park_id: str, after: tuple[str, int, int], limit: int) -> Sequence[SpanSum]:
        """Returns sums that come after a source, first and last month, in order of these; empty ones too."""
        table = tables.emissions_sum
        key = tuple_(table.c.source_id, table.c.first_month, table.c.last_month)
        query = select(table).where(table.c.park_id == park_id, key > after).order_by(*key.clauses).limit(limit)
        return [
            SpanSum(row.source_id, row.first_month, row.last_month, row.emissions_mg, row.energy_mgce, row.records)
            for row in await self._session.execute(query)
        ]

    async def last_position(self, park_id: str) -> int:
        """Returns the position of a park's last record, 0 without any."""
        ledger = tables.park_ledger
        found = await self._session.scalar(select(ledger.c.last_position).where(ledger.c.park_id == park_id))
        return found or 0

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

    async def sources_of_records(self, park_id: str, record_ids: Sequence[str]) -> Mapping[str, str]:
        """Returns those of the record ids that are taken, and the source of each record."""
        key = tables.activity_key
        query = select(key.c.record_id, key.c.source_id).where(key.c.park_id == park_id, self._among(key.c.record_id, record_ids))
        return {row.record_id: row.source_id for row in await self._session.execute(query)}

    async def records_in_force(self, park_id: str, year: int, last_position: int, after: int, limit: int) -> Sequence[StoredRecord]:
        """Returns records of a year that were in force at a position, whose own positions come after one."""
        return await inventories_sql.records_in_force(self._session, park_id, year, last_position, after, limit)

    async def bases_named(self, basis_ids: Sequence[str]) -> Mapping[str, Basis]:
        """Returns those of the named bases that are stored."""
        table = tables.basis
        query = select(table).where(self._among(table.c.basis_id, basis_ids))
        return {row.basis_id: _basis(row) for row in await self._session.execute(query)}

    async def inventory(self, park_id: str, year: int, version: int | None = None) -> Inventory | None:
        """Returns an inventory of a year; without a version the one in force."""
        return await inventories_sql.inventory(self._session, park_id, year, version)

    async def inventories(self, park_id: str, after: tuple[int, int], limit: int) -> Sequence[Inventory]:
        """Returns inventories that come after a year and version."""
        return await inventories_sql.inventories(self._session, park_id, after, limit)

    async def inventory_lines(self, park_id: str, year: int, version: int, after: int, limit: int) -> Sequence[InventoryLine]:
        """Returns lines of an inventory whose numbers come after one."""
        return await inventories_sql.inventory_lines(self._session, park_id, year, version, after, limit)

    async def findings(self, park_id: str, year: int, version: int) -> Sequence[Finding]:
        """Returns every finding about an inventory, in order of number."""
        return await findings_sql.findings(self._session, park_id, year, version)

    async def inventories_in_force(self, tenant_id: str, year: int) -> Sequence[tuple[str, int]]:
        """Returns park and newest version of the inventories of a year."""
        return await publication_sql.inventories_in_force(self._session, tenant_id, year)

    async def publication(self, park_id: str, year: int, version: int) -> Publication | None:
        """Returns what is published of an inventory, withdrawn or not."""
        return await publication_sql.publication(self._session, park_id, year, version)

    async def publications(self, park_id: str, after: tuple[int, int], limit: int) -> Sequence[Publication]:
        """Returns publications that come after a year and version and were not withdrawn."""
        return await publication_sql.publications(self._session, park_id, after, limit)

    async def publications_of_year(self, tenant_id: str, year: int) -> Sequence[Publication]:
        """Returns every publication of a year, withdrawn ones too."""
        return await publication_sql.publications_of_year(self._session, tenant_id, year)

    async def region_release(self, tenant_id: str, year: int) -> RegionRelease | None:
        """Returns the release of a year."""
        return await publication_sql.region_release(self._session, tenant_id, year)

    def _sources_of(self, park_id: str, own: Set[str]) -> Select[tuple[str]]:
        table = tables.source
        return select(table.c.source_id).where(table.c.park_id == park_id, self._among(table.c.enterprise_id, sorted(own)))

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
        registers: ScopedRegisters,
        *,
        scope: Scope,
        encode: Callable[[Fact], Event],
        committed: Callable[[], None],
        submitted: Callable[[], None],
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        """Stores the parts; the transaction begins with the `async with` block.

        Args:
            database: Of the service.
            registers: What need not be read again.
            scope: For whom the transaction is.
            encode: Makes an event of a fact.
            committed: Called after each commit, so that the relay looks at once.
            submitted: Called after the commit of a job, so that the runner looks at once.
            clock: For the time of queued jobs.
            new_id: Gives the ids of jobs.
        """
        self._database = database
        self._known_registers = registers
        self._scope = scope
        self._encode = encode
        self._committed = committed
        self._submitted = submitted
        self._clock = clock
        self._new_id = new_id
        self._facts: list[Fact] = []
        self._memory: ConnectionMemory | None = None
        self._wave: StagedWave | None = None
        self._targets: Mapping[str, int] = {}
        self._job_submitted = False
        self._opened: AbstractAsyncContextManager[AsyncSession] | None = None

    async def __aenter__(self) -> Self:
        """Begins the transaction."""
        self._opened = self._database.begin(self._scope)
        super().__init__(await self._opened.__aenter__(), self._known_registers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends the transaction; rolls back what was not committed."""
        if self._opened is not None:
            await self._opened.__aexit__(kind, error, traceback)

    async def add_park(self, park: Park) -> None:
        """Stores a new park, and its ledger.

        Raises:
            RegisteredMeanwhile: If the tenant registered the id since it was looked up.
            ParkIdTaken: If the id is another tenant's, whose row this transaction need not see.
        """
        self._registered = True
        values = {column.name: getattr(park, column.name) for column in tables.park.columns}
        stored = self._insert_or_ignore(tables.park).values(values).returning(tables.park.c.park_id)
        if await self._session.scalar(stored) is None:
            if await self.park(park.park_id) is not None:
                raise RegisteredMeanwhile(tables.park.name)
            raise ParkIdTaken(park.park_id)
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

    async def _add(self, table: Table, value: Enterprise | Source | AnnualFigures) -> None:
        self._registered = True
        values = {column.name: getattr(value, column.name) for column in table.columns}
        try:
            await self._session.execute(insert(table), [values])
        except IntegrityError as error:
            raise RegisteredMeanwhile(table.name) from error

    async def add_inventory(self, inventory: Inventory, lines: Sequence[InventoryLine]) -> None:
        """Stores a new inventory."""
        await inventories_sql.add_inventory(self._session, inventory, lines)

    async def add_finding(self, finding: Finding) -> None:
        """Stores a new finding."""
        await findings_sql.add_finding(self._session, finding)

    async def add_answer(self, finding: Finding, answer: Answer) -> None:
        """Stores a new answer to a finding."""
        await findings_sql.add_answer(self._session, finding, answer)

    async def add_closing(self, finding: Finding) -> None:
        """Stores how a finding was closed."""
        await findings_sql.add_closing(self._session, finding)

    async def lock_publications(self, tenant_id: str) -> None:
        """Makes this the only transaction that publishes for a tenant."""
        await publication_sql.lock(self._session, tenant_id)

    async def add_publication(self, publication: Publication) -> None:
        """Stores a new publication."""
        await publication_sql.add_publication(self._session, publication)

    async def add_withdrawal(self, publication: Publication, withdrawal: Withdrawal) -> None:
        """Stores that a publication was taken back."""
        await publication_sql.add_withdrawal(self._session, publication, withdrawal)

    async def add_region_release(self, release: RegionRelease) -> None:
        """Stores a new release."""
        await publication_sql.add_region_release(self._session, release)

    async def lock(self, park_id: str) -> int:
        """Makes this the only transaction that writes to the park's account; returns the last position in it."""
        ledger = tables.park_ledger
        query = select(ledger.c.last_position).where(ledger.c.park_id == park_id).with_for_update()
        last_position: int = (await self._session.execute(query)).scalar_one()
        return last_position

    async def stage(self, park: Park, wave: Candidates) -> Existing:
        """Takes a wave in, and returns what the account knows of its rows."""
        if self._wave is None:
            connection = await self._session.connection()
            self._wave = StagedWave(self._database, self._session, connection, await self._remembered())
        await self._wave.stage(wave)
        taken, overlaps = await self._wave.look_up(park.park_id)
        contents = await self._contents(park.park_id, taken.values()) if taken else {}
        periods = await self._periods(park.park_id, overlaps.values()) if overlaps else {}
        self._targets, superseded_by = await self._corrected(park.park_id, wave) if any(wave.supersedes) else ({}, {})
        return Existing(
            same_id={row: contents[position] for row, position in taken.items()},
            overlaps={row: periods[record_id] for row, record_id in overlaps.items()},
            targets=superseded_by,
        )

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

    async def _corrected(self, park_id: str, wave: Candidates) -> tuple[Mapping[str, int], Mapping[int, str]]:
        """Returns the positions of the records that a wave corrects, by id, and for each row what superseded its record."""
        key = tables.activity_key
        named = {row: target for row, target in enumerate(wave.supersedes) if target}
        query = select(key.c.record_id, key.c.position, key.c.superseded_by).where(
            key.c.park_id == park_id, self._among(key.c.record_id, sorted(set(named.values())))
        )
        found = {row.record_id: row for row in await self._session.execute(query)}
        positions = {record_id: row.position for record_id, row in found.items()}
        return positions, {row: found[target].superseded_by or "" for row, target in named.items() if target in found}

    async def append(self, park: Park, accepted: Candidates, last_position: int, recorded_time: datetime) -> Sequence[SpanSum]:
        """Stores the accepted rows of the staged wave from last_position + 1 on; returns the sums that it touched."""
        assert self._wave is not None, "a wave is staged before it is appended"
        corrections = [(row, target) for row, target in zip(accepted.record_id, accepted.supersedes, strict=True) if target]
        taken_back = await self._wave.take_back(park, corrections, self._targets) if corrections else []
        return [*taken_back, *await self._wave.move(park, accepted, last_position + 1, recorded_time)]

    async def _remembered(self) -> ConnectionMemory:
        if self._memory is None:
            self._memory = ConnectionMemory.of(await self._session.connection())
        return self._memory

    async def keep_bases(self, bases: Sequence[Basis]) -> None:
        """Stores the bases that records name, if they are new."""
        memory = await self._remembered()
        unsure = [each.basis_id for each in bases if not memory.holds(each.basis_id)]
        if not unsure:
            return
        table = tables.basis
        known = set(await self._session.scalars(select(table.c.basis_id).where(self._among(table.c.basis_id, unsure))))
        memory.learn(unsure)
        new = [
            {
                "tenant_id": PLATFORM_TENANT,
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
            if each.basis_id in unsure and each.basis_id not in known
        ]
        if new:
            await self._session.execute(self._insert_or_ignore(table), new)

    async def keep_factors(self, factors: Sequence[Factor]) -> Sequence[Factor]:
        """Stores factor rows; returns those that are new."""
        known = set(await self._session.scalars(select(tables.factor.c.factor_id)))
        rows = [
            {"tenant_id": PLATFORM_TENANT, "park_id": "", **_factor_values(factor)}
            for factor in factors
            if factor.factor_id not in known
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

    async def open_years(self, first_year: int, last_year: int) -> int:
        """Opens partitions of records, in PostgreSQL; returns how many are new.

        A year of which there are records already, kept with the rest, gets none.
        """
        if self._database.dialect == "sqlite":
            return 0
        opened: int = (await self._session.execute(select(func.open_activity_years(first_year, last_year)))).scalar_one()
        return opened

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
        named = [{"park_id": park_id, "record_id": record_id, "superseded": target} for record_id, target in corrections]
        if named:
            await self._session.execute(SUPERSEDE, named)

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
        self._job_submitted = True
        return job_id

    def collect(self, fact: Fact) -> None:
        """Adds a fact that becomes known with the commit."""
        self._facts.append(fact)

    async def commit(self) -> None:
        """Makes everything durable, the facts included."""
        events = [self._encode(fact) for fact in self._facts]
        await outbox.append(self._session, tables.outbox, events)
        await self._session.commit()
        if self._memory is not None:
            self._memory.committed()
        self._facts.clear()
        self._committed()
        if self._job_submitted:
            self._submitted()


REBUILD_SUMS = "rebuild-sums"
"""The kind of the job that rebuilds a park's sums."""


@asynccontextmanager
async def read_account(database: Database, registers: ScopedRegisters, scope: Scope) -> AsyncIterator[SqlAccount]:
    """Opens what is of a scope in the account for reading, as it is at this moment."""
    async with database.read(scope) as session:
        yield SqlAccount(session, registers)


def _park(row: Row[Any]) -> Park:
    return Park(**{name: getattr(row, name) for name in Park.__dataclass_fields__})


def _basis(row: Row[Any]) -> Basis:
    return Basis(
        basis_id=row.basis_id,
        set_id=row.factor_set_id,
        carrier=row.carrier,
        gas=row.gas,
        unit=row.unit,
        emissions=Ratio(int(row.emissions_numerator), int(row.emissions_denominator)),
        energy=Ratio(int(row.energy_numerator), int(row.energy_denominator)),
        factor_ids=tuple(row.factor_ids.split(";")),
    )


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
