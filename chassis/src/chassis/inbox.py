"""The inbox: which events a group has already handled, stored in the transaction of their effect.

Delivery is at least once; a row here makes the effect exactly once.
"""

from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Column, CursorResult, MetaData, Table, Text, delete
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.columns import UtcDateTime
from chassis.dialects import insert_for
from chassis.events import Event

INBOX: Final = "inbox"


def inbox_table(metadata: MetaData) -> Table:
    """Adds the table `inbox` to a service's metadata, for its migrations and for its consumers."""
    return Table(
        INBOX,
        metadata,
        Column("consumer_group", Text, primary_key=True),
        Column("event_id", Text, primary_key=True),
        Column("tenant_id", Text, nullable=False),
        Column("park_id", Text, nullable=False),
        Column("handled_at", UtcDateTime, nullable=False),
        Column("expires_at", UtcDateTime, nullable=False, index=True),
        sqlite_strict=True,
    )


async def claim(session: AsyncSession, inbox: Table, *, group: str, event: Event, now: datetime, expires_at: datetime) -> bool:
    """Records an event as handled, unless it is recorded already.

    A second transaction with the same event waits for the first, and is told False if that one commits.

    Args:
        session: The transaction that has the effect, too.
        inbox: The table.
        group: Who handles.
        event: What is handled.
        now: Stored with it.
        expires_at: From when on the event cannot come again, and the row may go.

    Returns:
        Whether the event is new to the group.
    """
    claimed = insert_for(session, inbox).values(
        consumer_group=group,
        event_id=event.id,
        tenant_id=event.tenant_id,
        park_id=event.park_id,
        handled_at=now,
        expires_at=expires_at,
    )
    unless_known = claimed.on_conflict_do_nothing()
    # Not the row count, which SQLAlchemy keeps for UPDATE and DELETE only: it says -1 here on PostgreSQL.
    return await session.scalar(unless_known.returning(inbox.c.event_id)) is not None


async def prune(session: AsyncSession, inbox: Table, *, group: str, now: datetime) -> int:
    """Deletes the rows of a group that have expired.

    Returns:
        How many.
    """
    expired = delete(inbox).where(inbox.c.consumer_group == group, inbox.c.expires_at < now)
    return cast("CursorResult[Any]", await session.execute(expired)).rowcount
