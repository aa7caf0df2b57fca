"""Facts of the services become entries of the change feed."""

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any

import msgspec
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.consumer import Handler
from chassis.events import Event
from gateway.application.feed.changes import apply_fact
from gateway.application.feed.ports import ChangeLog
from gateway.domain.feed.changes import IncomingFact
from parkcarbon.accounting.events.v1 import events_pb2
from parkcarbon.evaluation.events.v1 import events_pb2 as results_pb2

TOPICS = ("accounting.activity.v1", "accounting.inventory.v1", "accounting.park.v1", "evaluation.result.v1")
"""What the gateway subscribes to."""

FACTS: tuple[type[Message], ...] = (
    events_pb2.ParkRegistered,
    events_pb2.EnterpriseRegistered,
    events_pb2.SourceRegistered,
    events_pb2.AnnualFiguresRecorded,
    events_pb2.ActivityRecorded,
    events_pb2.EmissionsCalculated,
    events_pb2.FindingAnswered,
    events_pb2.FindingClosed,
    events_pb2.FindingWritten,
    events_pb2.InventoryClosed,
    events_pb2.InventoryPublished,
    events_pb2.PublicationWithdrawn,
    results_pb2.EvaluationScored,
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
        await apply_fact(log_of(session), incoming_fact(event, fact.FromString(event.data)))

    return hear


def incoming_fact(event: Event, fact: Message) -> IncomingFact:
    """Returns an event as an entry of the change feed: the fact as JSON with the names of its proto file.

    Members without a value are written as well, so that a reader need not know the defaults; 64-bit integers are strings, as JSON
    numbers lose digits above 2^53.
    """
    return IncomingFact(
        tenant_id=event.tenant_id,
        park_id=event.park_id,
        topic=event.topic,
        type=event.type,
        time=event.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        event_id=event.id,
        data_json=msgspec.json.encode(_members(fact)).decode(),
        region_code=fact.region_code if isinstance(fact, events_pb2.ParkRegistered) else "",
    )


def _members(message: Message) -> dict[str, object]:
    """Returns what protobuf's own `json_format` would, in a seventh of its time: a fact holds a thousand rows.

    For the kinds of fields that facts have; a test compares the two over every fact. A sum that an older event has as an integer,
    in a field named for that, is told as text like every other.
    """
    found: dict[str, object] = {}
    for field in message.DESCRIPTOR.fields:
        if field.name.endswith(_OLDER):
            continue
        value = getattr(message, field.name)
        one = _WRITTEN.get(field.cpp_type)
        if field.is_repeated:
            if not value and (older := getattr(message, f"{field.name}{_OLDER}", None)):
                value, one = older, str
            found[field.name] = list(value) if one is None else [one(entry) for entry in value]
        elif not field.has_presence or message.HasField(field.name):
            if value == "" and (older := getattr(message, f"{field.name}{_OLDER}", None)) is not None:
                value = str(older)
            found[field.name] = value if one is None else one(value)
    return found


_OLDER = "_int64"
"""What the name of a field ends in that held a sum before sums were text."""


_WRITTEN: Mapping[int, Callable[[Any], object]] = {
    FieldDescriptor.CPPTYPE_INT64: str,
    FieldDescriptor.CPPTYPE_UINT64: str,
    FieldDescriptor.CPPTYPE_MESSAGE: _members,
}
"""How a value becomes JSON where it is not the value itself."""
