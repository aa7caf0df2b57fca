"""Records of activity with what is derived from them: their keys, the sums, and the last position of a park."""

import asyncio
from collections.abc import Collection, Mapping, Sequence, Set
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from accounting.adapters import tables
from accounting.adapters.sql.parks import sources_of
from accounting.adapters.sql.wave import SUM_COLUMNS, SUPERSEDE, StagedWave, TransactionMemory
from accounting.domain.batches import Candidates
from accounting.domain.evidence import NUMBERS, TEXTS, ChainedRow, ChainLinks, ChainPart, microseconds, stitched
from accounting.domain.facts import SpanSum
from accounting.domain.parks import Park
from accounting.domain.record import Content, Existing, StoredPeriod
from accounting.domain.spans import Counted, Span, SpanTotal, sums_after
from accounting.domain.stored import RebuiltSums, StoredRecord
from chassis.database import Database
from chassis.dialects import among, on_postgresql, upsert
from chassis.paging import SLICE, in_turns

_TIME_PLACE = NUMBERS.index("recorded_us")
_CHAINED = [
    tables.activity_record.c["recorded_time" if name == "recorded_us" else name] for name in (*NUMBERS, *TEXTS, "tenant_id")
]
_REBUILD_KEYS = text("""
INSERT INTO activity_key (tenant_id, park_id, record_id, position, source_id, period_start_s, period_end_s)
SELECT tenant_id, park_id, record_id, position, source_id, period_start_s, period_end_s
FROM activity_record
WHERE park_id = :park_id
""")
# In two limbs, as `chassis.dialects.limbs`: a sum is bounded, what it passes through on the way is not.
_REBUILD_SUMS = text(f"""
INSERT INTO emissions_sum ({SUM_COLUMNS})
SELECT r.tenant_id, r.park_id, r.source_id, r.first_month, r.last_month,
    CAST(SUM(r.emissions_mg >> 32) * 4294967296 + SUM(r.emissions_mg & 4294967295) AS bigint),
    CAST(SUM(r.energy_mgce >> 32) * 4294967296 + SUM(r.energy_mgce & 4294967295) AS bigint),
    CAST(SUM(r.period_end_s - r.period_start_s) AS bigint), COUNT(*)
FROM activity_record r
WHERE r.park_id = :park_id
    AND (SELECT k.superseded_by FROM activity_key k WHERE k.park_id = :park_id AND k.record_id = r.record_id) IS NULL
GROUP BY r.tenant_id, r.park_id, r.source_id, r.first_month, r.last_month
""")  # noqa: S608 - constants of this module


class SqlActivity:
    """The records of activity."""

    def __init__(self, database: Database, session: AsyncSession, memory: TransactionMemory) -> None:
        """Stores the parts.

        Args:
            database: Of the service.
            session: Of the transaction.
            memory: What its connection is known to hold.
        """
        self._database = database
        self._session = session
        self._memory = memory
        self._wave: StagedWave | None = None
        self._existing = Existing({}, {}, {})

    async def page(self, park_id: str, own: Set[str] | None, after: int, limit: int) -> Sequence[StoredRecord]:
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
            query = query.where(record.c.source_id.in_(sources_of(self._session, park_id, own)))
        found = (await self._session.execute(query)).partitions(SLICE)
        return [_record(row, row.superseded_by) async for part in in_turns(found) for row in part]

    async def in_force(self, park_id: str, year: int, last_position: int, after: int, limit: int) -> Sequence[StoredRecord]:
        """Returns records of a year that were in force at a position, whose own positions come after one.

        A record is superseded from the position of the record that corrects it on.
        """
        record, key = tables.activity_record, tables.activity_key
        correcting = key.alias("correcting")
        query = (
            select(record)
            .join(key, and_(key.c.park_id == record.c.park_id, key.c.record_id == record.c.record_id))
            .outerjoin(correcting, and_(correcting.c.park_id == key.c.park_id, correcting.c.record_id == key.c.superseded_by))
            .where(
                record.c.park_id == park_id,
                record.c.first_month.between(year * 100 + 1, year * 100 + 12),
                record.c.position > after,
                record.c.position <= last_position,
                or_(key.c.superseded_by.is_(None), correcting.c.position > last_position),
            )
            .order_by(record.c.position)
            .limit(limit)
        )
        found = (await self._session.execute(query)).partitions(SLICE)
        return [_record(row, "") async for part in in_turns(found) for row in part]

    async def sources_of(self, park_id: str, record_ids: Sequence[str]) -> Mapping[str, str]:
        """Returns those of the record ids that are taken, and the source of each record."""
        key = tables.activity_key
        query = select(key.c.record_id, key.c.source_id).where(
            key.c.park_id == park_id, among(self._session, key.c.record_id, record_ids)
        )
        return {row.record_id: row.source_id for row in await self._session.execute(query)}

    async def stage(self, park: Park, wave: Candidates, *, near_bounds: bool) -> Existing:
        """Takes a wave in, and returns what the account knows of its rows; the sums only where they matter."""
        if self._wave is None:
            connection = await self._session.connection()
            self._wave = StagedWave(self._database, self._session, connection, await self._memory.of_connection())
        await self._wave.stage(wave)
        taken, overlaps = await self._wave.look_up(park.park_id)
        contents = await self._contents(park.park_id, taken.values()) if taken else {}
        periods = await self._periods(park.park_id, overlaps.values()) if overlaps else {}
        targets, corrected = await self._corrected(park.park_id, wave) if any(wave.supersedes) else ({}, {})
        self._existing = Existing(
            same_id={row: contents[position] for row, position in taken.items()},
            overlaps={row: periods[record_id] for row, record_id in overlaps.items()},
            targets=targets,
            corrected=corrected,
            sums=await self._touched(park.park_id, wave, corrected) if near_bounds or corrected else None,
        )
        return self._existing

    async def _contents(self, park_id: str, positions: Collection[int]) -> Mapping[int, Content]:
        record = tables.activity_record
        query = select(record).where(record.c.park_id == park_id, among(self._session, record.c.position, sorted(set(positions))))
        return {
            row.position: Content(row.source_id, row.period_start_s, row.period_end_s, row.quantity_micro, row.unit, row.supersedes)
            for row in await self._session.execute(query)
        }

    async def _periods(self, park_id: str, record_ids: Collection[str]) -> Mapping[str, StoredPeriod]:
        key = tables.activity_key
        query = select(key.c.record_id, key.c.period_start_s, key.c.period_end_s).where(
            key.c.park_id == park_id, among(self._session, key.c.record_id, sorted(set(record_ids)))
        )
        return {row.record_id: StoredPeriod(*row) for row in await self._session.execute(query)}

    async def _corrected(self, park_id: str, wave: Candidates) -> tuple[Mapping[int, str], Mapping[str, Counted]]:
        """Returns for each row that corrects a record what superseded that record, and what these records count as, by id."""
        key, record = tables.activity_key, tables.activity_record
        named = {row: target for row, target in enumerate(wave.supersedes) if target}
        query = select(key.c.record_id, key.c.position, key.c.superseded_by).where(
            key.c.park_id == park_id, among(self._session, key.c.record_id, sorted(set(named.values())))
        )
        found = {row.record_id: row for row in await self._session.execute(query)}
        in_force = sorted(row.position for row in found.values() if row.superseded_by is None)
        corrected = {}
        if in_force:
            counting = select(record).where(record.c.park_id == park_id, among(self._session, record.c.position, in_force))
            for row in await self._session.execute(counting):
                total = SpanTotal(row.emissions_mg, row.energy_mgce, row.period_end_s - row.period_start_s, 1)
                corrected[row.record_id] = Counted(Span(row.source_id, row.first_month, row.last_month), total)
        return {row: found[target].superseded_by or "" for row, target in named.items() if target in found}, corrected

    async def _touched(self, park_id: str, wave: Candidates, corrected: Mapping[str, Counted]) -> Mapping[Span, SpanTotal]:
        """Returns every sum that is there and that a wave touches, and some that it does not."""
        sums = tables.emissions_sum
        months = [*wave.first_month.tolist(), *(each.span.first_month for each in corrected.values())]
        sources = {*wave.source_id, *(each.span.source_id for each in corrected.values())}
        query = select(sums).where(
            sums.c.park_id == park_id,
            among(self._session, sums.c.source_id, sorted(sources)),
            sums.c.first_month.between(min(months), max(months)),
        )
        return {
            Span(row.source_id, row.first_month, row.last_month): SpanTotal(
                row.emissions_mg, row.energy_mgce, row.covered_s, row.records
            )
            for row in await self._session.execute(query)
        }

    async def append(self, park: Park, accepted: Candidates, links: ChainLinks, recorded_time: datetime) -> Sequence[SpanSum]:
        """Stores the accepted rows of the staged wave with their links of the chain; returns the sums that it touched."""
        assert self._wave is not None, "a wave is staged before it is appended"
        existing = self._existing
        if existing.sums is None:
            return await self._wave.move(park, accepted, links, recorded_time, with_sums=True)
        corrections = [(row, target) for row, target in zip(accepted.record_id, accepted.supersedes, strict=True) if target]
        if corrections:
            await self._wave.supersede(park, corrections)
        await self._wave.move(park, accepted, links, recorded_time, with_sums=False)
        after = sums_after(accepted, existing.corrected, existing.sums)
        key = {"tenant_id": park.tenant_id, "park_id": park.park_id}
        rows = [{**key, **span._asdict(), **total._asdict()} for span, total in after.items()]
        await upsert(self._session, tables.emissions_sum, rows, replace=True)
        return [SpanSum(*span, total.emissions_mg, total.energy_mgce, total.records) for span, total in after.items()]

    async def chained(self, park_id: str, after: int, upto: int) -> ChainPart:
        """Returns the records of positions after one up to another, with the digests that are stored for them."""
        record, chain = tables.activity_record, tables.activity_chain
        stored = select(chain.c.first_position, chain.c.last_position, chain.c.digests).where(
            chain.c.park_id == park_id, chain.c.last_position > after, chain.c.first_position <= upto
        )
        digests = [tuple(row) for row in await self._session.execute(stored)]
        query = (
            select(*_CHAINED)
            .where(record.c.park_id == park_id, record.c.position > after, record.c.position <= upto)
            .order_by(record.c.position)
        )
        rows = (await self._session.execute(query)).all()
        return await asyncio.to_thread(_chain_part, rows, after, upto, digests)

    async def newest_position(self, park_id: str) -> int:
        """Returns the highest position of a record, whatever the ledger says; 0 without any."""
        position = tables.activity_record.c.position
        query = select(func.coalesce(func.max(position), 0)).where(tables.activity_record.c.park_id == park_id)
        newest: int = (await self._session.execute(query)).scalar_one()
        return newest

    async def open_years(self, first_year: int, last_year: int) -> int:
        """Opens partitions of records, in PostgreSQL; returns how many are new.

        A year of which there are records already, kept with the rest, gets none.
        """
        if not on_postgresql(self._session):
            return 0
        opened: int = (await self._session.execute(select(func.open_activity_years(first_year, last_year)))).scalar_one()
        return opened

    async def rebuild(self, park_id: str) -> RebuiltSums:
        """Computes keys and sums of a park anew from its records and puts them in place."""
        before = await self._sums(park_id)
        for table in (tables.activity_key, tables.emissions_sum):
            await self._session.execute(table.delete().where(table.c.park_id == park_id))
        records = await self._session.execute(_REBUILD_KEYS, {"park_id": park_id})
        await self._supersede_again(park_id)
        await self._session.execute(_REBUILD_SUMS, {"park_id": park_id})
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


def _record(row: Row[Any], superseded_by: str) -> StoredRecord:
    return StoredRecord(
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
        superseded_by=superseded_by,
        recorded_time=row.recorded_time,
    )


def _chain_part(rows: Sequence[Row[Any]], after: int, upto: int, digests: Sequence[tuple[int, int, bytes]]) -> ChainPart:
    times: dict[datetime, int] = {}
    made = []
    for row in rows:
        at = row[_TIME_PLACE]
        recorded_us = times.get(at)
        if recorded_us is None:
            recorded_us = times[at] = microseconds(at)
        made.append(ChainedRow._make((*row[:_TIME_PLACE], recorded_us, *row[_TIME_PLACE + 1 :])))
    return ChainPart(made, stitched(after, upto, digests))


def _row_count(result: Any) -> int:
    return int(result.rowcount)
