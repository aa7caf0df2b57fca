"""Statements that SQLite and PostgreSQL write differently."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

_NUL = "\x00"


def on_postgresql(session: AsyncSession) -> bool:
    """Tells whether a session is one of PostgreSQL, and not of SQLite."""
    return session.get_bind().dialect.name == "postgresql"


def storable(*identifiers: str) -> bool:
    """Tells whether texts can be stored: PostgreSQL refuses one that holds NUL, so nothing has such an id."""
    return all(_NUL not in each for each in identifiers)


def among(session: AsyncSession, column: ColumnElement[Any], values: Sequence[str] | Sequence[int]) -> ColumnElement[bool]:
    """Returns the condition that a column holds one of many values, as one parameter.

    A list of parameters is another statement for each length, to be compiled and planned anew.
    """
    if on_postgresql(session):
        return column == func.any(literal(values, postgresql.ARRAY(column.type)))
    return column.in_(select(func.json_each(json.dumps(values)).table_valued("value").c.value))


def insert_for(session: AsyncSession, table: Table) -> Any:
    """Returns an INSERT that knows what to do where a row is there already: `on_conflict_do_nothing`, `on_conflict_do_update`."""
    return postgresql.insert(table) if on_postgresql(session) else sqlite.insert(table)


async def upsert(
    session: AsyncSession, table: Table, rows: Iterable[Mapping[str, Any]], *, replace: bool = False, newer_by: str = ""
) -> None:
    """Inserts rows. One that is there stays, unless it is to be replaced.

    Args:
        session: Of a transaction that may write.
        table: With a primary key.
        rows: By column.
        replace: Whether the new row takes the place of one that is there.
        newer_by: A column by which the new row has to be at least as high as the one that is there, to take its place.
    """
    listed = list(rows)
    if not listed:
        return
    statement = insert_for(session, table)
    keys = [column.name for column in table.primary_key]
    if replace or newer_by:
        others = {column.name: statement.excluded[column.name] for column in table.c if column.name not in keys}
        newer = statement.excluded[newer_by] >= table.c[newer_by] if newer_by else None
        statement = statement.on_conflict_do_update(index_elements=keys, set_=others, where=newer)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    await session.execute(statement, listed)
