"""Findings of verifications, in SQLite or PostgreSQL."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Table, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from accounting.adapters import tables
from accounting.domain.findings import Answer, Closing, Finding


class SqlFindings:
    """Findings with their answers and closings."""

    def __init__(self, session: AsyncSession) -> None:
        """Stores the session, whose transaction decides what is seen."""
        self._session = session

    async def about(self, park_id: str, year: int, version: int) -> Sequence[Finding]:
        """Returns every finding about an inventory with answers and closing, in order of number."""

        def about(table: Table) -> list[ColumnElement[bool]]:
            return [table.c.park_id == park_id, table.c.year == year, table.c.version == version]

        answered: dict[str, list[Answer]] = {}
        answer = tables.finding_answer
        for row in await self._session.execute(select(answer).where(*about(answer)).order_by(answer.c.finding_id, answer.c.number)):
            given = Answer(row.number, row.text, row.restated_in, _ids(row.evidence), row.answered_by, row.answered_time)
            answered.setdefault(row.finding_id, []).append(given)
        closing = tables.finding_closing
        closed = {
            row.finding_id: Closing(row.conclusion, row.text, row.closed_by, row.closed_time)
            for row in await self._session.execute(select(closing).where(*about(closing)))
        }
        table = tables.finding
        return [
            Finding(
                park_id=row.park_id,
                tenant_id=row.tenant_id,
                year=row.year,
                version=row.version,
                finding_id=row.finding_id,
                number=row.number,
                kind=row.kind,
                material=bool(row.material),
                item=row.item,
                enterprise_id=row.enterprise_id,
                record_id=row.record_id,
                text=row.text,
                evidence=_ids(row.evidence),
                written_by=row.written_by,
                written_time=row.written_time,
                answers=tuple(answered.get(row.finding_id, ())),
                closing=closed.get(row.finding_id),
            )
            for row in await self._session.execute(select(table).where(*about(table)).order_by(table.c.number))
        ]

    async def add(self, finding: Finding) -> None:
        """Stores a new finding."""
        values = {
            **_key(finding),
            "number": finding.number,
            "kind": finding.kind,
            "material": int(finding.material),
            "item": finding.item,
            "enterprise_id": finding.enterprise_id,
            "record_id": finding.record_id,
            "text": finding.text,
            "evidence": ";".join(finding.evidence),
            "written_by": finding.written_by,
            "written_time": finding.written_time,
        }
        await self._session.execute(insert(tables.finding), [values])

    async def add_answer(self, finding: Finding, answer: Answer) -> None:
        """Stores a new answer."""
        values = {
            **_key(finding),
            "number": answer.number,
            "text": answer.text,
            "restated_in": answer.restated_in,
            "evidence": ";".join(answer.evidence),
            "answered_by": answer.answered_by,
            "answered_time": answer.answered_time,
        }
        await self._session.execute(insert(tables.finding_answer), [values])

    async def add_closing(self, finding: Finding) -> None:
        """Stores how a finding was closed."""
        closing = finding.closing
        assert closing is not None, "only what is closed has a closing"
        values = {
            **_key(finding),
            "conclusion": closing.conclusion,
            "text": closing.text,
            "closed_by": closing.closed_by,
            "closed_time": closing.closed_time,
        }
        await self._session.execute(insert(tables.finding_closing), [values])


def _key(finding: Finding) -> dict[str, str | int]:
    return {
        "tenant_id": finding.tenant_id,
        "park_id": finding.park_id,
        "year": finding.year,
        "version": finding.version,
        "finding_id": finding.finding_id,
    }


def _ids(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(";")))
