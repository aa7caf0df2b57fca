"""What was published of inventories and regions, in SQLite or PostgreSQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, exists, insert, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from accounting.adapters import tables
from accounting.domain.publication import Publication, PublishedCell, RegionRelease, Withdrawal
from chassis.dialects import on_postgresql

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('publications of ' || :tenant, 0))")


class SqlPublications:
    """Publications of inventories, and releases of regions."""

    def __init__(self, session: AsyncSession) -> None:
        """Stores the session, whose transaction decides what is seen."""
        self._session = session

    async def lock(self, tenant_id: str) -> None:
        """Waits until no other transaction publishes for a tenant; SQLite has one writer anyway."""
        if on_postgresql(self._session):
            await self._session.execute(_LOCK, {"tenant": tenant_id})

    async def get(self, park_id: str, year: int, version: int) -> Publication | None:
        """Returns what is published of an inventory, withdrawn or not."""
        table = tables.publication
        query = _publications().where(table.c.park_id == park_id, table.c.year == year, table.c.version == version)
        found = await self._read(query)
        return found[0] if found else None

    async def page(self, park_id: str, after: tuple[int, int], limit: int) -> Sequence[Publication]:
        """Returns publications that come after a year and version and were not withdrawn."""
        table = tables.publication
        key = tuple_(table.c.year, table.c.version)
        in_force = tables.publication_withdrawal.c.withdrawn_time.is_(None)
        return await self._read(_publications().where(table.c.park_id == park_id, key > after, in_force).limit(limit))

    async def of_year(self, tenant_id: str, year: int) -> Sequence[Publication]:
        """Returns every publication of a year, withdrawn ones too."""
        table = tables.publication
        return await self._read(_publications().where(table.c.tenant_id == tenant_id, table.c.year == year))

    async def add(self, made: Publication) -> None:
        """Stores a new publication."""
        key = {"tenant_id": made.tenant_id, "park_id": made.park_id, "year": made.year, "version": made.version}
        values = {
            **key,
            "breakdowns": ";".join(made.breakdowns),
            "rule_id": made.rule_id,
            "published_by": made.published_by,
            "published_time": made.published_time,
        }
        await self._session.execute(insert(tables.publication), [values])
        await self._session.execute(insert(tables.publication_cell), [{**key, **row} for row in _cell_rows(made.cells)])

    async def add_withdrawal(self, made: Publication, withdrawal: Withdrawal) -> None:
        """Stores that a publication was taken back."""
        values = {
            "tenant_id": made.tenant_id,
            "park_id": made.park_id,
            "year": made.year,
            "version": made.version,
            "reason": withdrawal.reason,
            "withdrawn_by": withdrawal.withdrawn_by,
            "withdrawn_time": withdrawal.withdrawn_time,
        }
        await self._session.execute(insert(tables.publication_withdrawal), [values])

    async def release(self, tenant_id: str, year: int) -> RegionRelease | None:
        """Returns the release of a year."""
        table, member = tables.region_release, tables.region_release_member
        query = select(table).where(table.c.tenant_id == tenant_id, table.c.year == year)
        row = (await self._session.execute(query)).one_or_none()
        if row is None:
            return None
        named = select(member.c.park_id, member.c.version).where(member.c.tenant_id == tenant_id, member.c.year == year)
        return RegionRelease(
            tenant_id=tenant_id,
            year=year,
            rule_id=row.rule_id,
            members=tuple((park_id, version) for park_id, version in await self._session.execute(named.order_by(member.c.park_id))),
            cells=await self._cells(tables.region_release_cell, tenant_id=tenant_id, year=year),
            released_by=row.released_by,
            released_time=row.released_time,
        )

    async def add_release(self, made: RegionRelease) -> None:
        """Stores a new release."""
        key = {"tenant_id": made.tenant_id, "year": made.year}
        values = {
            **key,
            "park_id": "",
            "rule_id": made.rule_id,
            "released_by": made.released_by,
            "released_time": made.released_time,
        }
        await self._session.execute(insert(tables.region_release), [values])
        members = [{**key, "park_id": park_id, "version": version} for park_id, version in made.members]
        await self._session.execute(insert(tables.region_release_member), members)
        cells = [{**key, "park_id": "", **row} for row in _cell_rows(made.cells)]
        if cells:
            await self._session.execute(insert(tables.region_release_cell), cells)

    async def _read(self, query: Select[Any]) -> Sequence[Publication]:
        return [
            Publication(
                park_id=row.park_id,
                tenant_id=row.tenant_id,
                year=row.year,
                version=row.version,
                breakdowns=tuple(filter(None, row.breakdowns.split(";"))),
                rule_id=row.rule_id,
                cells=await self._cells(
                    tables.publication_cell,
                    park_id=row.park_id,
                    year=row.year,
                    version=row.version,
                ),
                published_by=row.published_by,
                published_time=row.published_time,
                withdrawal=Withdrawal(row.reason, row.withdrawn_by, row.withdrawn_time) if row.withdrawn_time else None,
            )
            for row in (await self._session.execute(query)).all()
        ]

    async def _cells(self, table: Table, **key: str | int) -> tuple[PublishedCell, ...]:
        query = select(table).where(*(table.c[name] == value for name, value in key.items())).order_by(table.c.cell)
        return tuple(
            PublishedCell(row.dimension, row.key, row.status, row.emissions_mg) for row in await self._session.execute(query)
        )


def is_published(park_id: ColumnElement[str]) -> ColumnElement[bool]:
    """The condition that a park has a publication that was not withdrawn."""
    query = _publications().where(tables.publication.c.park_id == park_id, tables.publication_withdrawal.c.withdrawn_time.is_(None))
    return exists(query.order_by(None))


def _publications() -> Select[Any]:
    table, taken_back = tables.publication, tables.publication_withdrawal
    same = and_(*(table.c[name] == taken_back.c[name] for name in ("park_id", "year", "version")))
    return (
        select(table, taken_back.c.reason, taken_back.c.withdrawn_by, taken_back.c.withdrawn_time)
        .outerjoin(taken_back, same)
        .order_by(table.c.park_id, table.c.year, table.c.version)
    )


def _cell_rows(cells: Sequence[PublishedCell]) -> list[dict[str, Any]]:
    return [
        {
            "cell": number,
            "dimension": cell.dimension,
            "key": cell.key,
            "status": cell.status,
            "emissions_mg": cell.emissions_mg,
        }
        for number, cell in enumerate(cells, start=1)
    ]
