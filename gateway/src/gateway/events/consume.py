"""Facts of the services become entries of the change feed."""

from collections.abc import Callable, Mapping
from datetime import UTC

from google.protobuf import json_format
from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.consumer import Handler
from chassis.events import Event
from gateway.application.changes import append_change
from gateway.application.ports import ChangeLog
from gateway.domain.changes import HeardChange
from parkcarbon.accounting.events.v1 import events_pb2

TOPICS = ("accounting.activity.v1", "accounting.park.v1")
"""What the gateway subscribes to."""

FACTS: tuple[type[Message], ...] = (
    events_pb2.ParkRegistered,
    events_pb2.EnterpriseRegistered,
    events_pb2.SourceRegistered,
    events_pb2.AnnualFiguresRecorded,
    events_pb2.ActivityRecorded,
    events_pb2.EmissionsCalculated,
)
"""Every fact on those topics."""


def handlers(log_of: Callable[[AsyncSession], ChangeLog]) -> Mapping[str, Handler]:
    """Returns the handler of each fact by its full name.

    Args:
        log_of: Returns the change log within a transaction.
    """
    return {fact.DESCRIPTOR.full_name: _handler(fact, log_of) for fact in FACTS}


def _handler(fact: type[Message], log_of: Callable[[AsyncSession], ChangeLog]) -> Handler:
    async def hear(session: AsyncSession, event: Event) -> None:
        await append_change(log_of(session), heard(event, fact.FromString(event.data)))

    return hear


def heard(event: Event, fact: Message) -> HeardChange:
    """Returns an event as an entry of the change feed: the fact as JSON with the names of its proto file.

    Members without a value are written as well, so that a reader need not know the defaults; 64-bit integers are strings, as JSON
    numbers lose digits above 2^53.
    """
    return HeardChange(
        tenant_id=event.tenant_id,
        park_id=event.park_id,
        topic=event.topic,
        type=event.type,
        time=event.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        event_id=event.id,
        data_json=json_format.MessageToJson(
            fact, preserving_proto_field_name=True, always_print_fields_with_no_presence=True, indent=None, ensure_ascii=False
        ),
    )
