"""What an answer leaves out: an optional text that has nothing to say is absent, never empty."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message


class Absences:
    """Collects, over many answers, which optional texts were absent and which were there and empty."""

    def __init__(self) -> None:
        """Starts with none."""
        self.absent: set[str] = set()
        self.empty: set[str] = set()

    def look(self, answer: Message) -> None:
        """Looks at an answer and at everything in it."""
        for field in answer.DESCRIPTOR.fields:
            if _is_optional_text(field):
                if not answer.HasField(field.name):
                    self.absent.add(field.full_name)
                elif getattr(answer, field.name) == "":
                    self.empty.add(field.full_name)
        for field, value in answer.ListFields():
            if field.message_type is not None and not field.message_type.GetOptions().map_entry:
                for each in value if field.is_repeated else [value]:
                    self.look(each)


def optional_texts(service: Any) -> set[str]:
    """Names every optional text in the answers of a service, by its full name in the contract."""
    return {name for method in service.methods for name in _texts_of(method.output_type, set())}


def _texts_of(message: Descriptor, seen: set[str]) -> Iterator[str]:
    if message.full_name in seen:
        return
    seen.add(message.full_name)
    for field in message.fields:
        if _is_optional_text(field):
            yield field.full_name
        elif field.message_type is not None:
            yield from _texts_of(field.message_type, seen)


def _is_optional_text(field: Any) -> bool:
    return bool(field.type == FieldDescriptor.TYPE_STRING and field.has_presence)
