"""Factor rows that were published, and the bases that records were computed with."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from accounting.adapters import tables
from accounting.adapters.sql.wave import TransactionMemory
from accounting.domain.emissions import Ratio
from accounting.domain.factors import Basis, Factor
from chassis.dialects import among, insert_for
from chassis.tenancy import PLATFORM_TENANT


class SqlFactors:
    """Factors and bases; both are the platform's."""

    def __init__(self, session: AsyncSession, memory: TransactionMemory) -> None:
        """Stores the session, and what its connection is known to hold."""
        self._session = session
        self._memory = memory

    async def bases_named(self, basis_ids: Sequence[str]) -> Mapping[str, Basis]:
        """Returns those of the named bases that are stored."""
        table = tables.basis
        query = select(table).where(among(self._session, table.c.basis_id, basis_ids))
        return {row.basis_id: _basis(row) for row in await self._session.execute(query)}

    async def keep_bases(self, bases: Sequence[Basis]) -> None:
        """Stores the bases that records name, if they are new."""
        memory = await self._memory.of_connection()
        unsure = [each.basis_id for each in bases if not memory.holds(each.basis_id)]
        if not unsure:
            return
        table = tables.basis
        known = set(await self._session.scalars(select(table.c.basis_id).where(among(self._session, table.c.basis_id, unsure))))
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
            await self._session.execute(insert_for(self._session, table).on_conflict_do_nothing(), new)

    async def keep(self, factors: Sequence[Factor]) -> Sequence[Factor]:
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
        stored = insert_for(self._session, tables.factor).on_conflict_do_nothing().returning(tables.factor.c.factor_id)
        new = set(await self._session.scalars(stored, rows))
        return [factor for factor in factors if factor.factor_id in new]


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


def _factor_values(factor: Factor) -> dict[str, str]:
    def written(value: str | date | None) -> str:
        return "" if value is None else str(value)

    return {name: written(getattr(factor, name)) for name in Factor.__dataclass_fields__}
