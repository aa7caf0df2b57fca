"""What stands in the stores of the platform when nobody asks it."""

from __future__ import annotations

from sqlalchemy import text

from accounting.adapters import tables
from chassis import outbox
from chassis.broker import Broker
from chassis.database import Database
from chassis.events import Event
from chassis.tenancy import Platform
from chassis.topics import dead_letter_topic
from tests.faults.disorder import MARKER, TOPICS

_LETTERS_AT_ONCE = 500
_WAITING_AT_ONCE = 50

StoredJob = tuple[str, str, str | None]
"""Id, state and failure of a job."""


async def waiting(database: Database) -> list[Event]:
    """Returns events that stand in the outbox of accounting."""
    async with database.read() as session:
        return [event for _, event in await outbox.unpublished(session, tables.outbox, _WAITING_AT_ONCE)]


async def letters(broker: Broker) -> list[tuple[str, str]]:
    """Returns marker and reason of each dead letter of the gateway."""
    subscription = await broker.subscribe("letters", [dead_letter_topic(topic, "gateway") for topic in TOPICS])
    found: list[tuple[str, str]] = []
    try:
        while deliveries := await subscription.poll(_LETTERS_AT_ONCE, 2.0):
            headers = [delivery.message.headers for delivery in deliveries]
            found += [(each.get(MARKER, b"").decode(), each.get("dead-letter-reason", b"").decode()) for each in headers]
    finally:
        await subscription.close()
    return found


async def gateway_jobs(url: str) -> tuple[list[StoredJob], list[str]]:
    """Returns the gateway's own jobs as they stand, and the ids of those whose uploads are kept.

    Args:
        url: Of the gateway's database.
    """
    database = Database(url)
    try:
        async with database.read(Platform("tests")) as session:
            stored = await session.execute(text("SELECT job_id, state, failure FROM job"))
            uploads = await session.execute(text("SELECT file_id FROM stored_file WHERE file_id LIKE '%.upload'"))
            return [(row[0], row[1], row[2]) for row in stored], [row[0].removesuffix(".upload") for row in uploads]
    finally:
        await database.dispose()
