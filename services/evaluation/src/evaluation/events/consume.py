"""Facts of accounting keep the copies of parks, those of the gateway the platforms that are connected."""

from collections.abc import Callable, Mapping
from datetime import datetime

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.consumer import Handler
from chassis.events import Event
from evaluation.application.ports import Records
from evaluation.domain.platforms import Platform
from parkcarbon.gateway.events.v1 import events_pb2
from parkcopies import consume as copies

TOPICS = (*copies.TOPICS, "gateway.platform.v1")
"""What the evaluation subscribes to."""

SKIPPED: tuple[type[Message], ...] = copies.SKIPPED
"""Facts on those topics that change nothing here."""


def handlers(records_of: Callable[[AsyncSession], Records]) -> Mapping[str, Handler]:
    """Returns the handler of each fact by its full name.

    Args:
        records_of: Returns the records within a transaction.
    """

    async def platform_connected(session: AsyncSession, event: Event) -> None:
        await records_of(session).platforms.keep(_platform(events_pb2.PlatformConnected.FromString(event.data)))

    of_parks = copies.handlers(lambda session: records_of(session).parks)
    return {**of_parks, events_pb2.PlatformConnected.DESCRIPTOR.full_name: platform_connected}


def _platform(fact: events_pb2.PlatformConnected) -> Platform:
    return Platform(fact.park_id, fact.tenant_id, fact.platform_id, fact.kind, datetime.fromisoformat(fact.connected_time))
