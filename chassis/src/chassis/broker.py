"""The port to a log of messages; the embedded log and Kafka fulfil it, and pass one conformance suite."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

MAX_MESSAGE_BYTES: Final = 1_000_000
"""The largest key and value together; the default of a Kafka broker is a little above."""


class BrokerError(Exception):
    """The broker cannot be reached or did not confirm; the same call may succeed later."""


class MessageTooLarge(Exception):
    """A message is larger than the broker takes; no repetition helps."""

    def __init__(self, topic: str, found_bytes: int, allowed_bytes: int) -> None:
        """Stores where, how much was found, and how much is allowed."""
        super().__init__(f"a message to {topic!r} has {found_bytes} bytes, allowed are {allowed_bytes}")
        self.topic = topic
        self.found_bytes = found_bytes
        self.allowed_bytes = allowed_bytes


@dataclass(frozen=True, slots=True)
class Message:
    """What is published.

    Attributes:
        topic: Where to.
        key: Messages of one key stay in order.
        value: The payload.
        headers: By name, ASCII.
    """

    topic: str
    key: str
    value: bytes
    headers: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is read.

    Attributes:
        message: As it was published.
        partition: Of the topic.
        offset: Its place in the partition, counted from 0, without gaps in what was published.
    """

    message: Message
    partition: int
    offset: int


class Subscription(Protocol):
    """One member of a group of readers."""

    async def poll(self, max_messages: int, timeout_seconds: float) -> Sequence[Delivery]:
        """Returns the next messages, in order within each partition; none when the time is over.

        Args:
            max_messages: At most so many, >= 1.
            timeout_seconds: How long to wait for the first, >= 0.

        Raises:
            BrokerError: If the broker cannot be reached.
        """
        ...

    async def commit(self, deliveries: Sequence[Delivery]) -> None:
        """Records that everything up to the last of `deliveries`, per partition, is done.

        What belongs to a partition that has moved to another member meanwhile is left out: the other member reads it again.

        Raises:
            BrokerError: If the broker cannot be reached.
        """
        ...

    async def lag(self) -> int:
        """Returns how many messages of this member's partitions are not yet committed."""
        ...

    async def close(self) -> None:
        """Leaves the group; its partitions move to the other members. Twice is once."""
        ...


class Broker(Protocol):
    """A durable, partitioned log of messages."""

    async def publish(self, messages: Sequence[Message]) -> None:
        """Stores messages durably, in order per key. All or some are stored when it fails.

        Raises:
            UnknownTopic: If a topic is not in the registry; nothing is stored.
            MessageTooLarge: If a message exceeds `MAX_MESSAGE_BYTES`; nothing is stored.
            BrokerError: If the broker did not confirm.
        """
        ...

    async def subscribe(self, group: str, topics: Sequence[str]) -> Subscription:
        """Joins a group, which begins at the oldest message kept and afterwards where it has committed.

        Each partition is read by one member of the group at a time; groups do not see each other.

        Raises:
            UnknownTopic: If a topic is not in the registry.
            BrokerError: If the broker cannot be reached.
        """
        ...

    async def close(self) -> None:
        """Ends the broker's connections and threads."""
        ...


def partition_of(key: str, partitions: int) -> int:
    """Returns the partition of a key, as the default partitioner of Kafka's own clients does.

    Args:
        key: Hashed as UTF-8.
        partitions: Of the topic, >= 1.

    Source: Apache Kafka, `Utils.murmur2` and `Utils.toPositive`.
    """
    return (_murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    multiplier, mask = 0x5BD1E995, 0xFFFFFFFF
    value = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * multiplier & mask
        word = (word ^ word >> 24) * multiplier & mask
        value = (value * multiplier & mask) ^ word
    if whole < len(data):
        value = (value ^ int.from_bytes(data[whole:], "little")) * multiplier & mask
    value = (value ^ value >> 13) * multiplier & mask
    return value ^ value >> 15
