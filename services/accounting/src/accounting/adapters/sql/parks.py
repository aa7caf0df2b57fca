"""Parks, and what is registered in them: enterprises, sources, and the figures of years."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, and_, false, insert, or_, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from accounting.adapters import tables
from accounting.adapters.sql.publications import is_published
from accounting.adapters.sql.registrations import TransactionRegistrations
from accounting.domain.errors import ParkIdTaken, RegisteredMeanwhile
from accounting.domain.evidence import ChainHead, first_head
from accounting.domain.parks import AnnualFigures, Enterprise, Park, Source
from chassis.dialects import among, insert_for, storable
from kernel.access import Bounds

_SOURCE_COLUMNS = [tables.source.c[name] for name in Source.__dataclass_fields__]


class SqlParks:
    """Parks and their ledgers."""

    def __init__(self, session: AsyncSession, registrations: TransactionRegistrations) -> None:
        """Stores the session, whose transaction decides what is seen, and what need not be read again."""
        self._session = session
        self._registrations = registrations

    async def get(self, park_id: str) -> Park | None:
        """Returns a park; in SQLite one of any tenant."""
        if not storable(park_id):
            return None
        if (known := self._registrations.park(park_id)) is not None:
            return known
        row = (await self._session.execute(select(tables.park).where(tables.park.c.park_id == park_id))).one_or_none()
        if row is None:
            return None
        park = _park(row)
        self._registrations.keep_park(park)
        return park

    async def page(self, tenant_id: str, within: Bounds, after: str, limit: int) -> Sequence[Park]:
        """Returns parks of a tenant within bounds whose ids come after one."""
        return await self._page(tables.park.c.park_id > after, tenant_id, within, limit)

    async def published_page(self, tenant_id: str, within: Bounds, after: str, limit: int) -> Sequence[Park]:
        """Returns parks within bounds with a publication that was not withdrawn, whose ids come after one."""
        park_id = tables.park.c.park_id
        condition = and_(park_id > after, is_published(park_id))
        return await self._page(condition, tenant_id, within, limit)

    async def _page(self, condition: ColumnElement[bool], tenant_id: str, within: Bounds, limit: int) -> Sequence[Park]:
        park = tables.park
        query = select(park).where(park.c.tenant_id == tenant_id, condition).order_by(park.c.park_id).limit(limit)
        if within.parks is not None:
            query = query.where(among(self._session, park.c.park_id, sorted(within.parks)))
        if within.regions is not None:
            query = query.where(
                or_(false(), *(park.c.region_code.startswith(each, autoescape=True) for each in within.regions if each))
            )
        return [_park(row) for row in await self._session.execute(query)]

    async def lock(self, park_id: str) -> ChainHead:
        """Makes this the only transaction that writes to the park's account; returns the head of its records."""
        return await self._head(park_id, for_update=True)

    async def head(self, park_id: str) -> ChainHead:
        """Returns the head of a park's records."""
        return await self._head(park_id, for_update=False)

    async def _head(self, park_id: str, *, for_update: bool) -> ChainHead:
        ledger = tables.park_ledger
        query = select(ledger.c.last_position, ledger.c.head_sha256).where(ledger.c.park_id == park_id)
        row = (await self._session.execute(query.with_for_update() if for_update else query)).one()
        return ChainHead(row.last_position, row.head_sha256)

    async def last_position(self, park_id: str) -> int:
        """Returns the position of a park's last record, 0 without any."""
        ledger = tables.park_ledger
        found = await self._session.scalar(select(ledger.c.last_position).where(ledger.c.park_id == park_id))
        return found or 0

    async def add(self, park: Park) -> None:
        """Stores a new park, and its ledger.

        Raises:
            RegisteredMeanwhile: If the tenant registered the id since it was looked up.
            ParkIdTaken: If the id is another tenant's, whose row this transaction need not see.
        """
        self._registrations.changed()
        values = {column.name: getattr(park, column.name) for column in tables.park.columns}
        stored = insert_for(self._session, tables.park).values(values).on_conflict_do_nothing().returning(tables.park.c.park_id)
        if await self._session.scalar(stored) is None:
            if await self.get(park.park_id) is not None:
                raise RegisteredMeanwhile(tables.park.name)
            raise ParkIdTaken(park.park_id)
        head = first_head(park.tenant_id, park.park_id)
        ledger = {
            "tenant_id": park.tenant_id,
            "park_id": park.park_id,
            "last_position": head.position,
            "head_sha256": head.sha256,
        }
        await self._session.execute(insert(tables.park_ledger), [ledger])


class SqlEnterprises:
    """Enterprises of parks."""

    def __init__(self, session: AsyncSession, registrations: TransactionRegistrations) -> None:
        """Stores the session, and what is to know that something was registered."""
        self._session = session
        self._registrations = registrations

    async def get(self, park_id: str, enterprise_id: str) -> Enterprise | None:
        """Returns an enterprise."""
        table = tables.enterprise
        query = select(table).where(table.c.park_id == park_id, table.c.enterprise_id == enterprise_id)
        row = (await self._session.execute(query)).one_or_none()
        return Enterprise(**row._mapping) if row else None

    async def page(self, park_id: str, own: Set[str] | None, after: str, limit: int) -> Sequence[Enterprise]:
        """Returns enterprises, of those named in `own` unless it is None, whose ids come after one."""
        table = tables.enterprise
        query = select(table).where(table.c.park_id == park_id, table.c.enterprise_id > after)
        if own is not None:
            query = query.where(among(self._session, table.c.enterprise_id, sorted(own)))
        rows = await self._session.execute(query.order_by(table.c.enterprise_id).limit(limit))
        return [Enterprise(**row._mapping) for row in rows]

    async def add(self, enterprise: Enterprise) -> None:
        """Stores a new enterprise.

        Raises:
            RegisteredMeanwhile: If another call registered the id since it was looked up.
        """
        self._registrations.changed()
        await _add(self._session, tables.enterprise, enterprise)


class SqlSources:
    """Emission sources of parks."""

    def __init__(self, session: AsyncSession, registrations: TransactionRegistrations) -> None:
        """Stores the session, and what need not be read again."""
        self._session = session
        self._registrations = registrations

    async def page(self, park_id: str, own: Set[str] | None, after: str, limit: int) -> Sequence[Source]:
        """Returns sources, of the enterprises in `own` unless it is None, whose ids come after one."""
        table = tables.source
        query = select(table).where(table.c.park_id == park_id, table.c.source_id > after)
        if own is not None:
            query = query.where(among(self._session, table.c.enterprise_id, sorted(own)))
        rows = await self._session.execute(query.order_by(table.c.source_id).limit(limit))
        return [Source(**row._mapping) for row in rows]

    async def named(self, park_id: str, source_ids: Sequence[str]) -> Mapping[str, Source]:
        """Returns those of the named sources that exist."""
        table, known = tables.source, self._registrations
        found = {source_id: source for source_id in source_ids if (source := known.source(park_id, source_id)) is not None}
        unknown = [source_id for source_id in source_ids if source_id not in found and storable(source_id)]
        if not unknown:
            return found
        query = select(*_SOURCE_COLUMNS).where(table.c.park_id == park_id, among(self._session, table.c.source_id, unknown))
        read = {source.source_id: source for source in (Source(*row) for row in await self._session.execute(query))}
        known.keep_sources(park_id, read.values())
        return found | read

    async def add(self, source: Source) -> None:
        """Stores a new source.

        Raises:
            RegisteredMeanwhile: If another call registered the id since it was looked up.
        """
        self._registrations.changed()
        await _add(self._session, tables.source, source)


class SqlAnnualFigures:
    """What parks report of their years, by version."""

    def __init__(self, session: AsyncSession) -> None:
        """Stores the session."""
        self._session = session

    async def in_force(self, park_id: str, year: int) -> AnnualFigures | None:
        """Returns the highest version of a year's figures."""
        table = tables.annual_figures
        query = select(table).where(table.c.park_id == park_id, table.c.year == year).order_by(table.c.version.desc()).limit(1)
        row = (await self._session.execute(query)).one_or_none()
        return AnnualFigures(**row._mapping) if row else None

    async def page(self, park_id: str, after: tuple[int, int], limit: int) -> Sequence[AnnualFigures]:
        """Returns versions that come after a year and version."""
        table = tables.annual_figures
        key = tuple_(table.c.year, table.c.version)
        query = select(table).where(table.c.park_id == park_id, key > after).order_by(table.c.year, table.c.version).limit(limit)
        return [AnnualFigures(**row._mapping) for row in await self._session.execute(query)]

    async def add(self, figures: AnnualFigures) -> None:
        """Stores a new version of a year's figures.

        Raises:
            RegisteredMeanwhile: If another call recorded the same version since it was looked up.
        """
        await _add(self._session, tables.annual_figures, figures)


def sources_of(session: AsyncSession, park_id: str, own: Set[str]) -> Select[tuple[str]]:
    """Returns the query for the ids of the sources of some enterprises of a park."""
    table = tables.source
    return select(table.c.source_id).where(table.c.park_id == park_id, among(session, table.c.enterprise_id, sorted(own)))


async def _add(session: AsyncSession, table: Table, value: Enterprise | Source | AnnualFigures) -> None:
    values = {column.name: getattr(value, column.name) for column in table.columns}
    try:
        await session.execute(insert(table), [values])
    except IntegrityError as error:
        raise RegisteredMeanwhile(table.name) from error


def _park(row: Row[Any]) -> Park:
    return Park(**{name: getattr(row, name) for name in Park.__dataclass_fields__})
