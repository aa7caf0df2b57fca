"""Sums of a park by source and span of months, which are kept with every batch."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from accounting.adapters import tables
from accounting.domain.accounts import MonthRange, Sum, SummedRow, month_key
from accounting.domain.facts import SpanSum
from accounting.domain.months import calendar
from accounting.domain.parks import Park
from accounting.domain.plausibility import Extent, PastSpan
from chassis.dialects import among, joined, limbs


class SqlSums:
    """The sums, as they are at one moment."""

    def __init__(self, session: AsyncSession) -> None:
        """Stores the session, whose transaction decides what is seen."""
        self._session = session

    async def by_dimension(
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
                *limbs(sums.c.emissions_mg),
                *limbs(sums.c.energy_mgce),
                func.sum(sums.c.records).label("records"),
            )
            .join(source, and_(source.c.park_id == sums.c.park_id, source.c.source_id == sums.c.source_id))
            .where(sums.c.park_id == park_id, sums.c.last_month >= first, sums.c.first_month < end, sums.c.records > 0)
            .group_by(*[by[key.name.removeprefix("key_")] for key in keys], straddles, *fold[1:])
        )
        if own is not None:
            query = query.where(among(self._session, source.c.enterprise_id, sorted(own)))
        return [
            SummedRow(
                keys=tuple(_key(row, name) for name in dimensions),
                item=row.item,
                carrier=row.carrier,
                gas=row.gas,
                straddles=bool(row.straddles),
                sum=Sum(joined(row._mapping, "emissions_mg"), joined(row._mapping, "energy_mgce"), int(row.records)),
            )
            for row in await self._session.execute(query)
        ]

    async def page(self, park_id: str, after: tuple[str, int, int], limit: int) -> Sequence[SpanSum]:
        """Returns sums that come after a source, first and last month, in order of these; empty ones too."""
        table = tables.emissions_sum
        key = tuple_(table.c.source_id, table.c.first_month, table.c.last_month)
        query = select(table).where(table.c.park_id == park_id, key > after).order_by(*key.clauses).limit(limit)
        return [
            SpanSum(row.source_id, row.first_month, row.last_month, row.emissions_mg, row.energy_mgce, row.records)
            for row in await self._session.execute(query)
        ]

    async def history(self, park: Park, source_ids: Sequence[str], from_month: int) -> Mapping[str, Sequence[PastSpan]]:
        """Returns what sources of a park emitted in the spans that start in or after a month (YYYYMM)."""
        sums = tables.emissions_sum
        months = calendar(park.zone)
        start_of = dict(zip(months.numbers.tolist(), months.edges_s.tolist(), strict=True))
        found: dict[str, list[PastSpan]] = {}
        query = select(sums.c.source_id, sums.c.first_month, sums.c.last_month, sums.c.emissions_mg, sums.c.covered_s).where(
            sums.c.park_id == park.park_id, among(self._session, sums.c.source_id, source_ids), sums.c.first_month >= from_month
        )
        for row in await self._session.execute(query):
            month = row.first_month if row.last_month == row.first_month else 0
            span = PastSpan(start_of[row.first_month], row.emissions_mg, row.covered_s, month)
            found.setdefault(row.source_id, []).append(span)
        return found

    async def extents(self, park_id: str, source_ids: Sequence[str], from_month: int, threshold: Extent) -> Mapping[str, Extent]:
        """Returns how far spans of sources that start in or after a month (YYYYMM) reach, if they reach a threshold.

        Hardly any do, so that there is little to read.
        """
        sums = tables.emissions_sum.c
        rate = case((and_(sums.emissions_mg > 0, sums.covered_s > 0), sums.emissions_mg // sums.covered_s))
        emissions_mg, energy_mgce = func.abs(sums.emissions_mg), func.abs(sums.energy_mgce)
        query = (
            select(sums.source_id, func.min(rate), func.max(emissions_mg), func.max(energy_mgce))
            .where(
                sums.park_id == park_id,
                among(self._session, sums.source_id, source_ids),
                sums.first_month >= from_month,
                or_(
                    rate <= threshold.lowest_rate,
                    emissions_mg >= threshold.emissions_mg,
                    energy_mgce >= threshold.energy_mgce,
                ),
            )
            .group_by(sums.source_id)
        )
        return {source_id: Extent(*found) for source_id, *found in await self._session.execute(query)}


def _key(row: Any, dimension: str) -> str:
    if dimension == "month":
        return month_key(row.key_first_month, row.key_last_month)
    value = getattr(row, f"key_{dimension}")
    return str(int(value)) if dimension == "year" else str(value)
