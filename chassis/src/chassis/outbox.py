"""The outbox: events are stored in the transaction of the change they report, and published afterwards by the relay."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Column, LargeBinary, MetaData, Row, Table, Text, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.columns import UtcDateTime, big_serial
from chassis.events import Event

OUTBOX: Final = "outbox"
MAX_EVENT_BYTES: Final = 512 * 1024
"""The most that `Event.data` may hold; larger facts are told in several events."""


class EventTooLarge(Exception):
    """An event's data exceeds `MAX_EVENT_BYTES`."""

    def __init__(self, event: Event) -> None:
        """Stores which event it is, and its size."""
        super().__init__(f"event {event.id} has {len(event.data)} bytes of data, allowed are {MAX_EVENT_BYTES}")
        self.event_id = event.id
        self.found_bytes = len(event.data)


def outbox_table(metadata: MetaData) -> Table:
    """Adds the table `outbox` to a service's metadata, for its migrations and for the relay."""
    return Table(
        OUTBOX,
        metadata,
        Column("sequence", big_serial(), primary_key=True, autoincrement=True),
        Column("event_id", Text, nullable=False, unique=True),
        Column("tenant_id", Text, nullable=False),
        Column("park_id", Text, nullable=False),
        Column("topic", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("source", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("time", UtcDateTime, nullable=False),
        Column("traceparent", Text, nullable=False),
        Column("data", LargeBinary, nullable=False),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )


async def append(session: AsyncSession, outbox: Table, events: Sequence[Event]) -> None:
    """Stores events in the session's transaction, to be published in this order once it is committed.

    Raises:
        EventTooLarge: If an event holds more than `MAX_EVENT_BYTES`; nothing is stored.
    """
    if not events:
        return
    for event in events:
        if len(event.data) > MAX_EVENT_BYTES:
            raise EventTooLarge(event)
    rows = [
        {
            "event_id": event.id,
            "tenant_id": event.tenant_id,
            "park_id": event.park_id,
            "topic": event.topic,
            "key": event.key,
            "type": event.type,
            "source": event.source,
            "subject": event.subject,
            "time": event.time,
            "traceparent": event.traceparent,
            "data": event.data,
        }
        for event in events
    ]
    # One row needs no pipeline of many, which psycopg opens and ends with messages of its own.
    await session.execute(insert(outbox).inline(), rows if len(rows) > 1 else rows[0])


async def unpublished(session: AsyncSession, outbox: Table, limit: int) -> Sequence[tuple[int, Event]]:
    """Returns the oldest events that wait, with their sequence numbers, in the order they were stored.

    What is published is deleted, so this never asks for "greater than the last": a transaction that took its number early and
    committed late would be passed over.
    """
    rows = await session.execute(select(outbox).order_by(outbox.c.sequence).limit(limit))
    return [(row.sequence, _event(row)) for row in rows]


async def forget(session: AsyncSession, outbox: Table, sequences: Sequence[int]) -> None:
    """Deletes events that are published."""
    await session.execute(delete(outbox).where(outbox.c.sequence.in_(sequences)))


def _event(row: Row[tuple[object, ...]]) -> Event:
    return Event(
        id=row.event_id,
        source=row.source,
        type=row.type,
        subject=row.subject,
        time=row.time,
        topic=row.topic,
        key=row.key,
        data=row.data,
        tenant_id=row.tenant_id,
        park_id=row.park_id,
        traceparent=row.traceparent,
    )
