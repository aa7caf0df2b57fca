"""What tenants keep of their own: indicator systems, sets of thresholds and of weights."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Table, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.dialects import storable
from evaluation.adapters import tables
from evaluation.adapters.sql.adding import add_new
from evaluation.adapters.storing import read, written
from evaluation.domain.systems import IndicatorSystem, WeightSet
from evaluation.domain.thresholds import ThresholdSet


class SqlSystems:
    """Indicator systems."""

    def __init__(self, session: AsyncSession) -> None:
        """Stores the session, whose transaction decides what is seen."""
        self._session = session

    async def of_tenant(self, tenant_id: str) -> Sequence[IndicatorSystem]:
        """Returns a tenant's own systems."""
        table = tables.indicator_system
        found = await self._session.scalars(select(table.c.document).where(table.c.tenant_id == tenant_id))
        return [read(document, IndicatorSystem) for document in found]

    async def get(self, tenant_id: str, system_id: str) -> IndicatorSystem | None:
        """Returns a tenant's own system."""
        row = await _one(self._session, tables.indicator_system, tenant_id=tenant_id, system_id=system_id)
        return read(row.document, IndicatorSystem) if row else None

    async def add(self, system: IndicatorSystem, at: datetime) -> None:
        """Stores a new system."""
        row = {"tenant_id": system.tenant_id, "park_id": "", "system_id": system.system_id}
        await add_new(
            self._session, tables.indicator_system, "indicator system", [{**row, "document": written(system), "stored_time": at}]
        )


class SqlThresholdSets:
    """Sets of thresholds."""

    def __init__(self, session: AsyncSession) -> None:
        """Stores the session, whose transaction decides what is seen."""
        self._session = session

    async def get(self, tenant_id: str, set_id: str) -> ThresholdSet | None:
        """Returns a set of thresholds."""
        row = await _one(self._session, tables.threshold_set, tenant_id=tenant_id, set_id=set_id)
        return read(row.document, ThresholdSet) if row else None

    async def add(self, threshold_set: ThresholdSet, at: datetime) -> None:
        """Stores a new set of thresholds."""
        row = {"tenant_id": threshold_set.tenant_id, "park_id": "", "set_id": threshold_set.set_id}
        await add_new(
            self._session, tables.threshold_set, "threshold set", [{**row, "document": written(threshold_set), "stored_time": at}]
        )


class SqlWeightSets:
    """Sets of weights."""

    def __init__(self, session: AsyncSession) -> None:
        """Stores the session, whose transaction decides what is seen."""
        self._session = session

    async def get(self, tenant_id: str, set_id: str) -> WeightSet | None:
        """Returns a set of weights."""
        row = await _one(self._session, tables.weight_set, tenant_id=tenant_id, set_id=set_id)
        return read(row.document, WeightSet) if row else None

    async def add(self, weight_set: WeightSet, at: datetime) -> None:
        """Stores a new set of weights."""
        row = {"tenant_id": weight_set.tenant_id, "park_id": "", "set_id": weight_set.set_id}
        await add_new(self._session, tables.weight_set, "weight set", [{**row, "document": written(weight_set), "stored_time": at}])


async def _one(session: AsyncSession, table: Table, **key: str) -> Row[Any] | None:
    if not storable(*key.values()):
        return None
    query = select(table).where(*(table.c[name] == value for name, value in key.items()))
    return (await session.execute(query)).one_or_none()
