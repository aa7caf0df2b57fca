"""INSERT … ON CONFLICT, which both databases have and SQLAlchemy has once for each."""

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession


def upsert(session: AsyncSession, table: Table) -> Any:
    """Returns an INSERT that knows ON CONFLICT; both dialects spell it the same."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    return insert(table)
