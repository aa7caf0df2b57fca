"""The copies in SQLite or PostgreSQL, through one session."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.dialects import storable, upsert
from parkcopies.parks import Enterprise, Park, Source, SpanSum, YearFigures
from parkcopies.tables import CopyTables

_T = TypeVar("_T")
_AT_ONCE = 500
"""Parks named in one statement; SQLite takes 32,766 parameters."""


async def rows_by_park(
    session: AsyncSession, kind: type[_T], table: Table, park_ids: Iterable[str], *where: Any
) -> dict[str, list[_T]]:
    """Returns rows of parks as values, by park.

    Args:
        session: Of the transaction.
        kind: A dataclass whose fields name columns, the park's id first; filled by place, as there may be a million rows.
        table: With a column `park_id`.
        park_ids: Of the parks.
        where: Further conditions.
    """
    columns = [table.c[field.name] for field in fields(kind)]  # type: ignore[arg-type]  # a dataclass
    found: dict[str, list[_T]] = {}
    for some in batches(park_ids):
        for row in await session.execute(select(*columns).where(table.c.park_id.in_(some), *where)):
            found.setdefault(row[0], []).append(kind(*row))
    return found


async def counts_by_park(session: AsyncSession, table: Table, park_ids: Iterable[str], *where: Any) -> dict[str, int]:
    """Returns how many rows parks have in a table, by park; those without any are left out."""
    found: dict[str, int] = {}
    for some in batches(park_ids):
        query = select(table.c.park_id, func.count()).where(table.c.park_id.in_(some), *where).group_by(table.c.park_id)
        found |= {row[0]: row[1] for row in await session.execute(query)}
    return found


def batches(park_ids: Iterable[str]) -> Iterable[Sequence[str]]:
    """Returns ids in batches that one statement may name."""
    listed = list(park_ids)
    return (listed[start : start + _AT_ONCE] for start in range(0, len(listed), _AT_ONCE))


class SqlParkCopies:
    """The copies in the tables of one service."""

    def __init__(self, session: AsyncSession, tables: CopyTables) -> None:
        """Stores the session, whose transaction decides what is seen, and the tables."""
        self._session = session
        self._tables = tables

    async def get(self, park_id: str) -> Park | None:
        """Returns a park; in SQLite one of any tenant."""
        if not storable(park_id):
            return None
        return next(iter((await self._parks([park_id])).get(park_id, [])), None)

    async def of_tenant(self, tenant_id: str) -> Sequence[Park]:
        """Returns every park of a tenant, in order of id."""
        table = self._tables.park
        query = select(table).where(table.c.tenant_id == tenant_id).order_by(table.c.park_id)
        return [Park(**row._mapping) for row in await self._session.execute(query)]

    async def _parks(self, park_ids: Iterable[str]) -> Mapping[str, Sequence[Park]]:
        return await rows_by_park(self._session, Park, self._tables.park, park_ids)

    async def sources(self, park_ids: Sequence[str]) -> Mapping[str, Sequence[Source]]:
        """Returns the sources of parks, by park."""
        return await rows_by_park(self._session, Source, self._tables.source, park_ids)

    async def sums(self, park_ids: Sequence[str], first_month: int, last_month: int) -> Mapping[str, Sequence[SpanSum]]:
        """Returns the sums of spans that lie whole within a range of months (YYYYMM, both inclusive), by park."""
        table = self._tables.emissions_sum
        within = (table.c.first_month >= first_month, table.c.last_month <= last_month)
        return await rows_by_park(self._session, SpanSum, table, park_ids, *within)

    async def figures(self, park_ids: Sequence[str], year: int) -> Mapping[str, YearFigures]:
        """Returns the figures of a year, by park."""
        table = self._tables.year_figures
        found = await rows_by_park(self._session, YearFigures, table, park_ids, table.c.year == year)
        return {park_id: figures for park_id, (figures,) in found.items()}

    async def enterprise_counts(self, park_ids: Sequence[str]) -> Mapping[str, int]:
        """Returns how many enterprises parks have, by park; those without any are left out."""
        return await counts_by_park(self._session, self._tables.enterprise, park_ids)

    async def lock(self, park_id: str) -> None:
        """Waits until no other transaction holds the park's lock, and holds it. SQLite has one writer anyway."""
        table = self._tables.park
        await self._session.execute(select(table.c.park_id).where(table.c.park_id == park_id).with_for_update())

    async def keep_park(self, park: Park) -> None:
        """Keeps a park; one that is there stays."""
        await upsert(self._session, self._tables.park, [asdict(park)])

    async def keep_enterprises(self, enterprises: Sequence[Enterprise]) -> None:
        """Keeps enterprises; those that are there stay."""
        await upsert(self._session, self._tables.enterprise, map(asdict, enterprises))

    async def keep_sources(self, sources: Sequence[Source], *, replace: bool = False) -> None:
        """Keeps sources; those that are there stay unless they are to be replaced."""
        await upsert(self._session, self._tables.source, map(asdict, sources), replace=replace)

    async def keep_figures(self, figures: Sequence[YearFigures]) -> None:
        """Keeps figures; the highest version of a year stays."""
        await upsert(self._session, self._tables.year_figures, map(asdict, figures), newer_by="version")

    async def keep_sums(self, sums: Sequence[SpanSum]) -> None:
        """Keeps sums; the highest position of a source and span stays."""
        await upsert(self._session, self._tables.emissions_sum, map(asdict, sums), newer_by="position")

    async def synced(self, park_id: str, at: datetime) -> None:
        """Notes that a park's account was read as a whole."""
        table = self._tables.park
        await self._session.execute(table.update().where(table.c.park_id == park_id).values(synced_time=at))
