"""Events as they travel: CloudEvents 1.0 in the binary mode of the Kafka binding.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from google.protobuf.message import Message as Fact

from chassis.broker import Message

CONTENT_TYPE: Final = "application/protobuf"
_CONTENT_TYPE: Final = CONTENT_TYPE.encode()
_TRACEPARENT: Final = "traceparent"


class NotAnEvent(Exception):
    """A message is not an event of ours: an attribute is missing or cannot be read."""


@dataclass(frozen=True, slots=True)
class Event:
    """A fact that one service tells the others.

    Attributes:
        id: Unique among all events.
        source: The service that tells it, such as `/accounting`.
        type: Full name of the message in `data`.
        subject: The resource it is about.
        time: When it became a fact; aware.
        topic: Where it is published.
        key: Events of one key stay in order.
        data: The serialized message.
        tenant_id: Whose fact it is.
        park_id: The park it belongs to, "" for none.
        traceparent: The span it was recorded in, "" for none.
    """

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    topic: str
    key: str
    data: bytes
    tenant_id: str
    park_id: str = ""
    traceparent: str = ""


class EventFactory:
    """Makes the events of one service's facts: each gets an id of its own and the span that it was recorded in."""

    def __init__(self, source: str, *, new_id: Callable[[], str], traceparent: Callable[[], str]) -> None:
        """Stores the parts.

        Args:
            source: The service that tells, such as `/accounting`.
            new_id: Gives an id that no other event has.
            traceparent: Gives the present span, or "".
        """
        self._source = source
        self._new_id = new_id
        self._traceparent = traceparent

    def event(self, fact: Fact, *, topic: str, tenant_id: str, park_id: str, subject: str, time: datetime, key: str = "") -> Event:
        """Returns the event of a fact.

        Args:
            fact: As it goes over the wire.
            topic: Where it is published.
            tenant_id: Whose it is.
            park_id: The park that it belongs to, "" for none.
            subject: The resource that it is about; of a park, the path below it, "" for the park itself.
            time: When it became a fact.
            key: Events of one key stay in order; "" takes the park.
        """
        return Event(
            id=self._new_id(),
            source=self._source,
            type=fact.DESCRIPTOR.full_name,
            subject=f"parks/{park_id}/{subject}".rstrip("/") if park_id else subject,
            time=time,
            topic=topic,
            key=key or park_id,
            data=fact.SerializeToString(),
            tenant_id=tenant_id,
            park_id=park_id,
            traceparent=self._traceparent(),
        )


def to_message(event: Event) -> Message:
    """Puts an event into a message: its attributes become headers, its data the value.

    Written here and not by the library, whose way costs as much as sending the message to Kafka; a test compares the two. A name of
    the specification is lower-case and has the prefix `ce_`, a time in UTC ends in Z.
    """
    time = event.time.isoformat()
    headers = {
        "ce_id": event.id.encode(),
        "ce_source": event.source.encode(),
        "ce_type": event.type.encode(),
        "ce_time": (f"{time[:-6]}Z" if time.endswith("+00:00") else time).encode(),
        "content-type": _CONTENT_TYPE,
        "ce_tenantid": event.tenant_id.encode(),
    }
    if event.subject:
        headers["ce_subject"] = event.subject.encode()
    if event.park_id:
        headers["ce_parkid"] = event.park_id.encode()
    headers["ce_specversion"] = b"1.0"
    if event.traceparent:
        headers[_TRACEPARENT] = event.traceparent.encode()
    return Message(topic=event.topic, key=event.key, value=event.data, headers=headers)


def from_message(message: Message) -> Event:
    """Reads an event out of a message; the inverse of `to_message`.

    Raises:
        NotAnEvent: If it is not a CloudEvent with id, source, type, time and tenant.
    """
    # The library makes up an id and a time where there are none: an id that differs with every delivery.
    missing = [name for name in ("ce_id", "ce_time") if name not in message.headers]
    if missing:
        raise NotAnEvent(f"the message has no {' and no '.join(missing)}")
    try:
        read = from_binary(KafkaMessage(dict(message.headers), message.key, message.value), JSONFormat(), CloudEvent)
        time = read.get_time()
        if time is None or time.tzinfo is None:
            raise NotAnEvent("the event has no time with an offset")
        tenant_id = read.get_extension("tenantid")
        if not tenant_id:
            raise NotAnEvent("the event has no tenant")
        return Event(
            id=read.get_id(),
            source=read.get_source(),
            type=read.get_type(),
            subject=read.get_subject() or "",
            time=time,
            topic=message.topic,
            key=message.key,
            data=message.value,
            tenant_id=tenant_id,
            park_id=read.get_extension("parkid") or "",
            traceparent=message.headers.get(_TRACEPARENT, b"").decode("ascii"),
        )
    except (BaseCloudEventException, ValueError) as error:
        raise NotAnEvent(f"the message is not a CloudEvent: {error}") from error
