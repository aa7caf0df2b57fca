"""How rpcs are called with members of JSON: the request is filled from them, the response is written as them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from parkcarbon.contract.v1 import contract_pb2


@dataclass(frozen=True, slots=True)
class Rpc:
    """An rpc of a service.

    Attributes:
        request: Makes an empty request.
        write: Writes a response as members, its sentences in a language; None where the response is a file.
        repeatable: Whether a call may be made again when nobody knows how it ended.
        deadline_seconds: How long an answer may take; None for the channel's default.
    """

    request: Callable[[], Message]
    write: Callable[[Any, str], dict[str, Any]] | None
    repeatable: bool
    deadline_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """A service's contract.

    Attributes:
        name: The service's, such as accounting.
        full_name: With its package, as health checks name it.
        stub: Makes the calls of a gRPC channel.
        rpcs: Every rpc by its name.
    """

    name: str
    full_name: str
    stub: Callable[[Any], Any]
    rpcs: Mapping[str, Rpc]


def fill(message: Any, members: Mapping[str, Any]) -> None:
    """Fills a request from members by the contract's own names; text for decimals, lists for bare messages.

    Members were checked against the contract before; a value of another type is a defect of the caller.

    Raises:
        KeyError: There is no field of that name.
        TypeError, ValueError: A value does not fit its field.
    """
    places = _places(message.DESCRIPTOR)
    for name, value in members.items():
        outer, field = places[name]
        if value is not None:
            _set(getattr(message, outer) if outer else message, field, value)


@cache
def _places(descriptor: Descriptor) -> Mapping[str, tuple[str, FieldDescriptor]]:
    """Where the members of a message stand: the inline field that holds them, "" for the message itself, and their own field."""
    found: dict[str, tuple[str, FieldDescriptor]] = {}
    for field in descriptor.fields:
        if field.message_type is not None and field.GetOptions().Extensions[contract_pb2.member].inline:
            found.update({each.name: (field.name, each) for each in field.message_type.fields})
        found[field.name] = ("", field)
    return found


def _set(message: Any, field: FieldDescriptor, value: Any) -> None:
    holder = getattr(message, field.name)
    held = field.message_type
    if held is not None and held.GetOptions().map_entry:
        holder.update(value)
    elif held is None and field.is_repeated:
        holder.extend(value)
    elif held is None:
        setattr(message, field.name, value)
    elif field.is_repeated:
        for each in value:
            _fill_one(holder.add(), each)
    else:
        # Present even where nothing is set in it.
        holder.SetInParent()
        _fill_one(holder, value)


def _fill_one(message: Any, value: Any) -> None:
    if message.DESCRIPTOR.GetOptions().Extensions[contract_pb2.shape].bare:
        _set(message, message.DESCRIPTOR.fields[0], value)
    else:
        fill(message, value)
