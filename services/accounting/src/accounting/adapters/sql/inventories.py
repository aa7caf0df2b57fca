"""Closed inventories."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, insert, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from accounting.adapters import tables
from accounting.domain.errors import RegisteredMeanwhile
from accounting.domain.inventories import Inventory, InventoryLine, Totals

_LINE_COLUMNS = [tables.inventory_line.c[name] for name in InventoryLine.__dataclass_fields__]


class SqlInventories:
    """Inventories with their lines."""

    def __init__(self, session: AsyncSession) -> None:
        """Stores the session, whose transaction decides what is seen."""
        self._session = session

    async def get(self, park_id: str, year: int, version: int | None = None) -> Inventory | None:
        """Returns an inventory of a year; without a version the one in force."""
        table = tables.inventory
        query = select(table).where(table.c.park_id == park_id, table.c.year == year).order_by(table.c.version.desc()).limit(1)
        if version is not None:
            query = query.where(table.c.version == version)
        row = (await self._session.execute(query)).one_or_none()
        return _inventory(row) if row else None

    async def page(self, park_id: str, after: tuple[int, int], limit: int) -> Sequence[Inventory]:
        """Returns inventories that come after a year and version."""
        table = tables.inventory
        key = tuple_(table.c.year, table.c.version)
        query = select(table).where(table.c.park_id == park_id, key > after).order_by(table.c.year, table.c.version).limit(limit)
        return [_inventory(row) for row in await self._session.execute(query)]

    async def lines(self, park_id: str, year: int, version: int, after: int, limit: int) -> Sequence[InventoryLine]:
        """Returns lines of an inventory whose numbers come after one."""
        table = tables.inventory_line
        query = (
            select(*_LINE_COLUMNS)
            .where(table.c.park_id == park_id, table.c.year == year, table.c.version == version, table.c.line > after)
            .order_by(table.c.line)
            .limit(limit)
        )
        return [InventoryLine(*row) for row in await self._session.execute(query)]

    async def in_force(self, tenant_id: str, year: int) -> Sequence[tuple[str, int]]:
        """Returns park and newest version of the inventories of a year."""
        table = tables.inventory
        query = (
            select(table.c.park_id, func.max(table.c.version))
            .where(table.c.tenant_id == tenant_id, table.c.year == year)
            .group_by(table.c.park_id)
            .order_by(table.c.park_id)
        )
        return [(park_id, int(version)) for park_id, version in await self._session.execute(query)]

    async def add(self, closed: Inventory, lines: Sequence[InventoryLine]) -> None:
        """Stores a new inventory.

        Raises:
            RegisteredMeanwhile: another call closed the same version since it was looked up.
        """
        key = {"tenant_id": closed.tenant_id, "park_id": closed.park_id, "year": closed.year, "version": closed.version}
        totals = closed.totals
        values = {
            **key,
            "reason": closed.reason,
            "factor_set_id": closed.factor_set_id,
            "last_position": closed.last_position,
            "head_sha256": closed.head_sha256 or None,
            "records": closed.records,
            "records_sha256": closed.records_sha256,
            "content_sha256": closed.content_sha256,
            "factor_ids": ";".join(closed.factor_ids),
            **{f"scope_{number}_mg": amount for number, amount in enumerate(totals.scope_mg, start=1)},
            "removals_mg": totals.removals_mg,
            "biogenic_mg": totals.biogenic_mg,
            "energy_mgce": totals.energy_mgce,
            "closed_by": closed.closed_by,
            "closed_time": closed.closed_time,
        }
        try:
            await self._session.execute(insert(tables.inventory), [values])
        except IntegrityError as error:
            raise RegisteredMeanwhile(tables.inventory.name) from error
        rows = [{**key, **{name: getattr(line, name) for name in InventoryLine.__dataclass_fields__}} for line in lines]
        await self._session.execute(insert(tables.inventory_line), rows)


def _inventory(row: Row[Any]) -> Inventory:
    return Inventory(
        park_id=row.park_id,
        tenant_id=row.tenant_id,
        year=row.year,
        version=row.version,
        reason=row.reason,
        factor_set_id=row.factor_set_id,
        last_position=row.last_position,
        head_sha256=row.head_sha256 or "",
        records=row.records,
        records_sha256=row.records_sha256,
        content_sha256=row.content_sha256,
        factor_ids=tuple(filter(None, row.factor_ids.split(";"))),
        totals=Totals((row.scope_1_mg, row.scope_2_mg, row.scope_3_mg), row.removals_mg, row.biogenic_mg, row.energy_mgce),
        closed_by=row.closed_by,
        closed_time=row.closed_time,
    )
