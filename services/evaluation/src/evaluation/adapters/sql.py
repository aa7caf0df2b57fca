"""The evaluation in SQLite or PostgreSQL: the ports of the application over one transaction."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, fields
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import Row, Table, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import outbox
from chassis.database import Database
from chassis.events import Event
from chassis.tenancy import Scope
from evaluation.adapters import tables
from evaluation.adapters.storing import read, read_inputs, written
from evaluation.domain.derivation import YearAccount
from evaluation.domain.errors import StoredMeanwhile
from evaluation.domain.evaluations import Assessment, Evaluation
from evaluation.domain.facts import Fact
from evaluation.domain.parks import Enterprise, Park, Platform, Source, SpanSum, YearFigures
from evaluation.domain.systems import IndicatorSystem, WeightSet, decimal
from evaluation.domain.thresholds import ThresholdSet
from evaluation.domain.values import Value
from kernel.periods import time_zone

_NUL = "\x00"
"""PostgreSQL refuses a text that holds it, so nothing has such an id."""

K = TypeVar("K", Source, SpanSum, YearFigures, Value, Park, Platform)
"""What is kept of a park; the park's id is the first field of each."""

_AT_ONCE = 500
"""Parks named in one statement; SQLite takes 32,766 parameters."""


class SqlRecords:
    """Reads through one session."""

    def __init__(self, session: AsyncSession) -> None:
        """Stores the session, whose transaction decides what is seen."""
        self._session = session

    async def park(self, park_id: str) -> Park | None:
        """Returns a park; in SQLite one of any tenant."""
        row = await self._one(tables.park, park_id=park_id)
        return _park(row) if row else None

    async def parks(self, tenant_id: str) -> Sequence[Park]:
        """Returns every park of a tenant, in order of id."""
        table = tables.park
        query = select(table).where(table.c.tenant_id == tenant_id).order_by(table.c.park_id)
        return [_park(row) for row in await self._session.execute(query)]

    async def year_accounts(self, park_ids: Sequence[str], year: int) -> Mapping[str, YearAccount]:
        """Returns what is known of a year of each park."""
        sources = await self._by_park(Source, tables.source, park_ids)
        sums = tables.emissions_sum.c
        within = (sums.first_month >= year * 100 + 1, sums.last_month <= year * 100 + 12)
        spans = await self._by_park(SpanSum, tables.emissions_sum, park_ids, *within)
        figures = await self._by_park(YearFigures, tables.year_figures, park_ids, tables.year_figures.c.year == year)
        enterprises = await self._counted(tables.enterprise, park_ids)
        platforms = await self._platforms(park_ids, year)
        assessments = await self._counted(tables.evaluation, park_ids, tables.evaluation.c.scored_year == year)
        return {
            park_id: YearAccount(
                year=year,
                sources={each.source_id: each for each in sources.get(park_id, [])},
                enterprises=enterprises.get(park_id, 0),
                sums=spans.get(park_id, []),
                figures=next(iter(figures.get(park_id, [])), None),
                assessments=assessments.get(park_id, 0),
                platforms=platforms.get(park_id, ()),
            )
            for park_id in park_ids
        }

    async def _platforms(self, park_ids: Sequence[str], year: int) -> Mapping[str, Sequence[Platform]]:
        """Returns the platforms of each park that were first seen before the year ended by the park's own time."""
        found = await self._by_park(Platform, tables.connected_platform, park_ids)
        parks = await self._by_park(Park, tables.park, found)
        zones = {park_id: time_zone(park.time_zone) for park_id, (park,) in parks.items()}
        return {
            park_id: [each for each in found[park_id] if each.connected_time.astimezone(zone).year <= year]
            for park_id, zone in zones.items()
        }

    async def values(self, park_ids: Sequence[str], system_id: str, year: int) -> Sequence[Value]:
        """Returns every version of the manual values of a year, in order of version."""
        table = tables.indicator_value
        found = await self._by_park(Value, table, park_ids, table.c.system_id == system_id, table.c.year == year)
        values = [value for of_park in found.values() for value in of_park]
        return sorted(values, key=lambda value: (value.park_id, value.indicator_id, value.version))

    async def newest_values(self, park_ids: Sequence[str], system_id: str, year: int) -> Mapping[str, Mapping[str, str]]:
        """Returns the newest manual value of each indicator by park."""
        table = tables.indicator_value.c
        found: dict[str, dict[str, str]] = {}
        for some in _batches(park_ids):
            query = select(table.park_id, table.indicator_id, table.value).where(
                table.park_id.in_(some), table.system_id == system_id, table.year == year
            )
            for park_id, indicator_id, value in await self._session.execute(query.order_by(table.version)):
                # a later version comes later, and stays
                found.setdefault(park_id, {})[indicator_id] = value
        return found

    async def systems(self, tenant_id: str) -> Sequence[IndicatorSystem]:
        """Returns a tenant's own systems."""
        table = tables.indicator_system
        found = await self._session.scalars(select(table.c.document).where(table.c.tenant_id == tenant_id))
        return [read(document, IndicatorSystem) for document in found]

    async def system(self, tenant_id: str, system_id: str) -> IndicatorSystem | None:
        """Returns a tenant's own system."""
        row = await self._one(tables.indicator_system, tenant_id=tenant_id, system_id=system_id)
        return read(row.document, IndicatorSystem) if row else None

    async def threshold_set(self, tenant_id: str, set_id: str) -> ThresholdSet | None:
        """Returns a set of thresholds."""
        row = await self._one(tables.threshold_set, tenant_id=tenant_id, set_id=set_id)
        return read(row.document, ThresholdSet) if row else None

    async def weight_set(self, tenant_id: str, set_id: str) -> WeightSet | None:
        """Returns a set of weights."""
        row = await self._one(tables.weight_set, tenant_id=tenant_id, set_id=set_id)
        return read(row.document, WeightSet) if row else None

    async def evaluation(self, park_id: str, evaluation_id: str) -> Evaluation | None:
        """Returns an evaluation of a park."""
        row = await self._one(tables.evaluation, park_id=park_id, evaluation_id=evaluation_id)
        return _evaluation(row) if row else None

    async def evaluations(self, park_id: str, before: int, limit: int) -> Sequence[Evaluation]:
        """Returns evaluations whose sequence is below a number, newest first."""
        table = tables.evaluation
        query = select(table).where(table.c.park_id == park_id, table.c.sequence < before)
        return [_evaluation(row) for row in await self._session.execute(query.order_by(table.c.sequence.desc()).limit(limit))]

    async def _one(self, table: Table, **key: str) -> Row[Any] | None:
        if any(_NUL in value for value in key.values()):
            return None
        query = select(table).where(*(table.c[name] == value for name, value in key.items()))
        return (await self._session.execute(query)).one_or_none()

    async def _by_park(self, kind: type[K], table: Table, park_ids: Iterable[str], *where: Any) -> dict[str, list[K]]:
        """Returns rows as values of the domain, whose fields name the columns; by place, as there may be a million of them."""
        columns = [table.c[field.name] for field in fields(kind)]
        found: dict[str, list[K]] = {}
        for some in _batches(park_ids):
            for row in await self._session.execute(select(*columns).where(table.c.park_id.in_(some), *where)):
                found.setdefault(row[0], []).append(kind(*row))
        return found

    async def _counted(self, table: Table, park_ids: Iterable[str], *where: Any) -> dict[str, int]:
        found: dict[str, int] = {}
        for some in _batches(park_ids):
            query = select(table.c.park_id, func.count()).where(table.c.park_id.in_(some), *where).group_by(table.c.park_id)
            found |= {row[0]: row[1] for row in await self._session.execute(query)}
        return found


def _batches(park_ids: Iterable[str]) -> Iterable[Sequence[str]]:
    listed = list(park_ids)
    return (listed[start : start + _AT_ONCE] for start in range(0, len(listed), _AT_ONCE))


class SqlParkCopy:
    """Writes the copy of accounting's registers and sums through one session; what is older changes nothing."""

    def __init__(self, session: AsyncSession) -> None:
        """Stores the session of a transaction that may write."""
        self._session = session

    async def keep_park(self, park: Park) -> None:
        """Keeps a park that a fact tells of."""
        await self._upsert(tables.park, [asdict(park)])

    async def keep_enterprises(self, enterprises: Sequence[Enterprise]) -> None:
        """Keeps enterprises."""
        await self._upsert(tables.enterprise, map(asdict, enterprises))

    async def keep_sources(self, sources: Sequence[Source], *, over: bool = False) -> None:
        """Keeps sources; in the place of those that are there where `over` says so."""
        await self._upsert(tables.source, map(asdict, sources), over=over)

    async def keep_figures(self, figures: Sequence[YearFigures]) -> None:
        """Keeps figures; the highest version of a year stays."""
        await self._upsert(tables.year_figures, map(asdict, figures), newer_by="version")

    async def keep_sums(self, sums: Sequence[SpanSum]) -> None:
        """Keeps sums; the highest position of a source and span stays."""
        await self._upsert(tables.emissions_sum, map(asdict, sums), newer_by="position")

    async def keep_platform(self, platform: Platform) -> None:
        """Keeps a platform that the gateway tells of."""
        await self._upsert(tables.connected_platform, [asdict(platform)])

    async def _upsert(self, table: Table, rows: Iterable[dict[str, Any]], *, over: bool = False, newer_by: str = "") -> None:
        """Inserts rows. One that is there stays; it goes with `over`, or where the column `newer_by` is not lower in the new
        one."""
        listed = list(rows)
        if not listed:
            return
        dialect: Any = sqlite if self._session.get_bind().dialect.name == "sqlite" else postgresql
        statement = dialect.insert(table)
        keys = [column.name for column in table.primary_key]
        if over or newer_by:
            others = {column.name: statement.excluded[column.name] for column in table.c if column.name not in keys}
            newer = statement.excluded[newer_by] >= table.c[newer_by] if newer_by else None
            statement = statement.on_conflict_do_update(index_elements=keys, set_=others, where=newer)
        else:
            statement = statement.on_conflict_do_nothing(index_elements=keys)
        await self._session.execute(statement, listed)


class SqlUnitOfWork(SqlRecords, SqlParkCopy):
    """One transaction that may write. Facts that were collected are stored in the outbox with the commit."""

    def __init__(self, database: Database, *, scope: Scope, encode: Callable[[Fact], Event], committed: Callable[[], None]) -> None:
        """Stores the parts; the transaction begins with the `async with` block.

        Args:
            database: Of the service.
            scope: For whom the transaction is.
            encode: Makes an event of a fact.
            committed: Called after each commit, so that the relay looks at once.
        """
        self._database = database
        self._scope = scope
        self._encode = encode
        self._committed = committed
        self._facts: list[Fact] = []
        self._opened: AbstractAsyncContextManager[AsyncSession] | None = None

    async def __aenter__(self) -> Self:
        """Begins the transaction."""
        self._opened = self._database.begin(self._scope)
        self._session = await self._opened.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends the transaction; rolls back what was not committed."""
        if self._opened is not None:
            await self._opened.__aexit__(kind, error, traceback)

    async def lock(self, park: Park) -> None:
        """Waits until no other transaction holds the park's lock, and holds it. SQLite has one writer anyway."""
        await self._session.execute(select(tables.park.c.park_id).where(tables.park.c.park_id == park.park_id).with_for_update())

    async def caught_up(self, park: Park, at: datetime) -> None:
        """Notes that a park's account was read as a whole."""
        table = tables.park
        await self._session.execute(table.update().where(table.c.park_id == park.park_id).values(caught_up_time=at))

    async def add_system(self, system: IndicatorSystem, at: datetime) -> None:
        """Stores a new system."""
        row = {"tenant_id": system.tenant_id, "park_id": "", "system_id": system.system_id}
        await self._add(tables.indicator_system, "indicator system", [{**row, "document": written(system), "stored_time": at}])

    async def add_threshold_set(self, threshold_set: ThresholdSet, at: datetime) -> None:
        """Stores a new set of thresholds."""
        row = {"tenant_id": threshold_set.tenant_id, "park_id": "", "set_id": threshold_set.set_id}
        await self._add(tables.threshold_set, "threshold set", [{**row, "document": written(threshold_set), "stored_time": at}])

    async def add_weight_set(self, weight_set: WeightSet, at: datetime) -> None:
        """Stores a new set of weights."""
        row = {"tenant_id": weight_set.tenant_id, "park_id": "", "set_id": weight_set.set_id}
        await self._add(tables.weight_set, "weight set", [{**row, "document": written(weight_set), "stored_time": at}])

    async def add_values(self, values: Sequence[Value]) -> None:
        """Stores new versions of manual values."""
        await self._add(tables.indicator_value, "value", [asdict(value) for value in values])

    async def add_evaluation(self, evaluation: Evaluation, assessment: Assessment, scored_year: int) -> None:
        """Stores an evaluation."""
        total = assessment.scores.total.score
        row = {
            "tenant_id": evaluation.tenant_id,
            "park_id": evaluation.park_id,
            "sequence": evaluation.sequence,
            "evaluation_id": evaluation.evaluation_id,
            "system_id": evaluation.inputs.system.system_id,
            "year": evaluation.inputs.year,
            "scored_year": scored_year,
            "scored_by": evaluation.scored_by,
            "scored_time": evaluation.scored_time,
            "score": "" if total is None else decimal(total),
            "inputs_sha256": evaluation.inputs_sha256,
            "inputs": written(evaluation.inputs),
        }
        await self._add(tables.evaluation, "evaluation", [row])

    async def _add(self, table: Table, what: str, rows: Sequence[Mapping[str, Any]]) -> None:
        try:
            await self._session.execute(insert(table), list(rows))
        except IntegrityError as error:
            raise StoredMeanwhile(what) from error

    def collect(self, fact: Fact) -> None:
        """Adds a fact that becomes known with the commit."""
        self._facts.append(fact)

    async def commit(self) -> None:
        """Makes everything durable, the facts included."""
        await outbox.append(self._session, tables.outbox, [self._encode(fact) for fact in self._facts])
        await self._session.commit()
        self._facts.clear()
        self._committed()


@asynccontextmanager
async def read_records(database: Database, scope: Scope) -> AsyncIterator[SqlRecords]:
    """Opens what is of a scope in the records for reading, as it is at this moment."""
    async with database.read(scope) as session:
        yield SqlRecords(session)


def _park(row: Row[Any]) -> Park:
    return Park(**row._mapping)


def _evaluation(row: Row[Any]) -> Evaluation:
    return Evaluation(
        evaluation_id=row.evaluation_id,
        park_id=row.park_id,
        tenant_id=row.tenant_id,
        sequence=row.sequence,
        scored_by=row.scored_by,
        scored_time=row.scored_time,
        inputs_sha256=row.inputs_sha256,
        inputs=read_inputs(row.inputs, row.inputs_sha256),
    )
