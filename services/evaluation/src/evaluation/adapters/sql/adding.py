"""Adding rows that another call may add at the same moment."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from evaluation.domain.errors import StoredMeanwhile


async def add_new(session: AsyncSession, table: Table, what: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows.

    Raises:
        StoredMeanwhile: Another call stored one of them since it was looked up.
    """
    try:
        await session.execute(insert(table), list(rows))
    except IntegrityError as error:
        raise StoredMeanwhile(what) from error
