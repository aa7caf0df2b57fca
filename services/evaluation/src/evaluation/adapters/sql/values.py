"""Entered values of indicators."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from evaluation.adapters import tables
from evaluation.adapters.sql.adding import add_new
from evaluation.domain.values import Value
from parkcopies.sql import batches, rows_by_park


class SqlValues:
    """Values with their versions."""

    def __init__(self, session: AsyncSession) -> None:
        """Stores the session, whose transaction decides what is seen."""
        self._session = session

    async def of_year(self, park_ids: Sequence[str], system_id: str, year: int) -> Sequence[Value]:
        """Returns every version of the manual values of a year, in order of version."""
        table = tables.indicator_value
        found = await rows_by_park(self._session, Value, table, park_ids, table.c.system_id == system_id, table.c.year == year)
        values = [value for of_park in found.values() for value in of_park]
        return sorted(values, key=lambda value: (value.park_id, value.indicator_id, value.version))

    async def newest(self, park_ids: Sequence[str], system_id: str, year: int) -> Mapping[str, Mapping[str, str]]:
        """Returns the newest manual value of each indicator by park."""
        table = tables.indicator_value.c
        found: dict[str, dict[str, str]] = {}
        for some in batches(park_ids):
            query = select(table.park_id, table.indicator_id, table.value).where(
                table.park_id.in_(some), table.system_id == system_id, table.year == year
            )
            for park_id, indicator_id, value in await self._session.execute(query.order_by(table.version)):
                # a later version comes later, and stays
                found.setdefault(park_id, {})[indicator_id] = value
        return found

    async def add(self, values: Sequence[Value]) -> None:
        """Stores new versions of manual values."""
        await add_new(self._session, tables.indicator_value, "value", [asdict(value) for value in values])
