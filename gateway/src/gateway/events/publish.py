"""Encodes the gateway's facts as events."""

from collections.abc import Callable
from datetime import UTC

from chassis.events import Event
from gateway.domain.feed.platforms import PlatformConnected
from parkcarbon.gateway.events.v1 import events_pb2

SOURCE = "/gateway"
PLATFORM_TOPIC = "gateway.platform.v1"


class FactEncoder:
    """Makes the event of a fact.

    Args:
        new_id: Gives an id that no other event has.
        traceparent: Gives the span that the fact was recorded in, or "".
    """

    def __init__(self, *, new_id: Callable[[], str], traceparent: Callable[[], str]) -> None:
        self._new_id = new_id
        self._traceparent = traceparent

    def encode(self, fact: PlatformConnected) -> Event:
        """Returns the event of a fact; its key is the park."""
        message = events_pb2.PlatformConnected(
            park_id=fact.park_id,
            tenant_id=fact.tenant_id,
            platform_id=fact.platform_id,
            kind=fact.kind.value,
            enterprise_id=fact.enterprises,
            region_code=fact.regions,
            way=fact.auth_method,
            connected_time=fact.connected_time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        )
        return Event(
            id=self._new_id(),
            source=SOURCE,
            type=message.DESCRIPTOR.full_name,
            subject=f"parks/{fact.park_id}/platforms/{fact.platform_id}",
            time=fact.connected_time,
            topic=PLATFORM_TOPIC,
            key=fact.park_id,
            data=message.SerializeToString(),
            tenant_id=fact.tenant_id,
            park_id=fact.park_id,
            traceparent=self._traceparent(),
        )
