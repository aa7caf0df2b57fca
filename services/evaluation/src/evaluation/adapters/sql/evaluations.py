"""Evaluations with the inputs that they stand on."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.dialects import storable
from evaluation.adapters import tables
from evaluation.adapters.sql.adding import add_new
from evaluation.adapters.storing import read_inputs, written
from evaluation.domain.evaluations import Assessment, Evaluation
from evaluation.domain.systems import decimal
from parkcopies.sql import counts_by_park


class SqlEvaluations:
    """Evaluations of parks."""

    def __init__(self, session: AsyncSession) -> None:
        """Stores the session, whose transaction decides what is seen."""
        self._session = session

    async def get(self, park_id: str, evaluation_id: str) -> Evaluation | None:
        """Returns an evaluation of a park."""
        if not storable(park_id, evaluation_id):
            return None
        table = tables.evaluation
        query = select(table).where(table.c.park_id == park_id, table.c.evaluation_id == evaluation_id)
        row = (await self._session.execute(query)).one_or_none()
        return _evaluation(row) if row else None

    async def page(self, park_id: str, before: int, limit: int) -> Sequence[Evaluation]:
        """Returns evaluations whose sequence is below a number, newest first."""
        table = tables.evaluation
        query = select(table).where(table.c.park_id == park_id, table.c.sequence < before)
        return [_evaluation(row) for row in await self._session.execute(query.order_by(table.c.sequence.desc()).limit(limit))]

    async def counts(self, park_ids: Sequence[str], scored_year: int) -> Mapping[str, int]:
        """Returns how many evaluations of parks were made in a year, by park; those without any are left out."""
        table = tables.evaluation
        return await counts_by_park(self._session, table, park_ids, table.c.scored_year == scored_year)

    async def add(self, evaluation: Evaluation, assessment: Assessment, scored_year: int) -> None:
        """Stores an evaluation."""
        total = assessment.scores.total.score
        row = {
            "tenant_id": evaluation.tenant_id,
            "park_id": evaluation.park_id,
            "sequence": evaluation.sequence,
            "evaluation_id": evaluation.evaluation_id,
            "system_id": evaluation.inputs.system.system_id,
            "year": evaluation.inputs.year,
            "scored_year": scored_year,
            "scored_by": evaluation.scored_by,
            "scored_time": evaluation.scored_time,
            "score": "" if total is None else decimal(total),
            "inputs_sha256": evaluation.inputs_sha256,
            "inputs": written(evaluation.inputs),
        }
        await add_new(self._session, tables.evaluation, "evaluation", [row])


def _evaluation(row: Row[Any]) -> Evaluation:
    return Evaluation(
        evaluation_id=row.evaluation_id,
        park_id=row.park_id,
        tenant_id=row.tenant_id,
        sequence=row.sequence,
        scored_by=row.scored_by,
        scored_time=row.scored_time,
        inputs_sha256=row.inputs_sha256,
        inputs=read_inputs(row.inputs, row.inputs_sha256),
    )
