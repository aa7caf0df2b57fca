"""Statements that SQLite and PostgreSQL write differently."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Table, func, literal, literal_column, select
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


def limbs(column: ColumnElement[int]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Returns what adds up a column of 64-bit integers without a limit, for a query that groups; `joined` puts it together.

    SQLite adds in 64 bits and fails beyond them. The upper and the lower 32 bits of the values, each added by itself, stay inside
    for 2³¹ rows.
    """
    return (
        func.sum(column.op(">>")(literal_column("32"))).label(f"{column.name}_upper"),
        func.sum(column.op("&")(literal_column("4294967295"))).label(f"{column.name}_lower"),
    )


def joined(row: RowMapping, name: str) -> int:
    """Returns the sum that a query over the `limbs` of a column gave, exactly; from a row by name."""
    upper, lower = (int(row[f"{name}_{limb}"]) for limb in ("upper", "lower"))
    return (upper << 32) + lower


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
