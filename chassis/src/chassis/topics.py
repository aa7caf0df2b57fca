"""The registry of topics: which exist, who owns them, and what they carry."""

import re
from collections.abc import Iterable, Iterator
from importlib import resources
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field

_DEAD_LETTERS: Final = ".dlq"
_NAME: Final = re.compile(r"[a-z0-9_-]+")


class UnknownTopic(Exception):
    """A topic is not in the registry."""

    def __init__(self, name: str) -> None:
        """Stores the name that was asked for."""
        super().__init__(f"topic {name!r} is not in the registry")
        self.name = name


class Topic(BaseModel):
    """One topic.

    Attributes:
        name: Such as `accounting.activity.v1`.
        owner: The service that decides about it.
        key: The name of what its messages are keyed by.
        partitions: Its parts, each in order, >= 1.
        retention_days: How long messages are kept, >= 1.
        messages: Full names of the messages it carries.
        producers: Services that publish to it.
        consumers: Services that subscribe to it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    owner: str
    key: str
    partitions: int = Field(ge=1)
    retention_days: int = Field(ge=1)
    messages: tuple[str, ...]
    producers: tuple[str, ...]
    consumers: tuple[str, ...]


class _Document(BaseModel):
    topics: tuple[Topic, ...]


def dead_letter_topic(topic: str, group: str) -> str:
    """Returns where `group` puts what it cannot handle of `topic`.

    Raises:
        ValueError: If the group's name holds other than lower-case letters, digits, `_` and `-`.
    """
    if not _NAME.fullmatch(group):
        raise ValueError(f"a group is named in lower-case letters, digits, _ and -, got {group!r}")
    return f"{topic}.{group}{_DEAD_LETTERS}"


class TopicRegistry:
    """The topics that exist."""

    def __init__(self, topics: Iterable[Topic]) -> None:
        """Keeps the topics by name.

        Raises:
            ValueError: If two have one name.
        """
        self._topics: dict[str, Topic] = {}
        for topic in topics:
            if topic.name in self._topics:
                raise ValueError(f"topic {topic.name!r} is registered twice")
            self._topics[topic.name] = topic

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Reads `{"topics": [{"name": …}, …]}`.

        Raises:
            ValueError: If the text has another shape.
        """
        return cls(_Document.model_validate_json(text).topics)

    @classmethod
    def from_package(cls, package: str) -> Self:
        """Reads the file `topics.json` of an installed package, such as the contracts."""
        return cls.from_json(resources.files(package).joinpath("topics.json").read_bytes())

    def get(self, name: str) -> Topic:
        """Returns a topic.

        The dead-letter topic of a registered topic exists without being listed: one partition, the same retention.

        Raises:
            UnknownTopic: If there is none of that name.
        """
        topic = self._topics.get(name)
        if topic is not None:
            return topic
        source, _, group = name.removesuffix(_DEAD_LETTERS).rpartition(".")
        if name.endswith(_DEAD_LETTERS) and source in self._topics and _NAME.fullmatch(group):
            return self._topics[source].model_copy(
                update={"name": name, "owner": group, "partitions": 1, "producers": (group,), "consumers": ()}
            )
        raise UnknownTopic(name)

    def __iter__(self) -> Iterator[Topic]:
        """Returns the listed topics, in the order of the registry."""
        return iter(self._topics.values())
