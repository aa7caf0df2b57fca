"""The contracts as values: services, rpcs, messages and fields with their options and comments.

Read from a descriptor set, so that comments are there too, and in a pool of its own: the stubs that are installed may be older.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_INTEGERS = {
    descriptor_pb2.FieldDescriptorProto.TYPE_INT32: (-(2**31), 2**31 - 1),
    descriptor_pb2.FieldDescriptorProto.TYPE_UINT32: (0, 2**32 - 1),
    descriptor_pb2.FieldDescriptorProto.TYPE_INT64: (-(2**63), 2**63 - 1),
    descriptor_pb2.FieldDescriptorProto.TYPE_UINT64: (0, 2**64 - 1),
}
_PLAIN = ("permission", "tag", "created", "existing", "status", "location", "rows", "computed")
_VARIABLE = re.compile(r"\{([a-z0-9_.]+)\}")


@dataclass(frozen=True)
class Rules:
    """What `contract.v1.member` says of a field; see contract.proto."""

    name: str = ""
    parameter: str = ""
    format: str = ""
    pattern: str = ""
    min_length: int | None = None
    max_length: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    min_items: int | None = None
    max_items: int | None = None
    values: Sequence[str] = ()
    default: str = ""
    example: str = ""
    nullable: bool = False
    inline: bool = False
    language: str = ""
    comma_separated: bool = False
    sparse: bool = False
    internal: bool = False


@dataclass(frozen=True)
class Operation:
    """What `contract.v1.operation` says of an rpc; see contract.proto."""

    permission: str = ""
    tag: str = ""
    deadline_seconds: float = 0.0
    created: str = ""
    existing: str = ""
    status: int = 0
    location: str = ""
    rows: str = ""
    computed: bool = False
    file_name: str = ""
    media_type: str = ""


@dataclass
class Field:
    """A field of a message.

    Attributes:
        name: In the contract.
        shown: In JSON.
        parameter: In path and query.
        kind: string, bool, bytes, integer, float or message.
        message: What it holds, where it holds messages; of a map it is the kind of the values that `kind` tells.
        bounds: Of an integer, both inclusive.
        optional: Whether it may be absent.
    """

    name: str
    shown: str
    parameter: str
    kind: str
    repeated: bool
    is_map: bool
    optional: bool
    required: bool
    output_only: bool
    rules: Rules
    comment: str
    bounds: tuple[int, int] | None = None
    message: "Message | None" = None


@dataclass
class Message:
    """A message of a contract; `bare` is written as its only member alone."""

    name: str
    comment: str
    bare: bool = False
    fields: list[Field] = field(default_factory=list)

    def named(self, name: str) -> Field:
        """Returns the field of a name."""
        return next(each for each in self.fields if each.name == name)


@dataclass(frozen=True)
class Rpc:
    """An rpc. `method` is "" where it has no place in the HTTP API.

    Attributes:
        path: With the contract's own field paths as variables.
        body: Which field the body is, "*" for all that the path does not have, "" for none.
        result: Which field of the response is shown, "" for the whole.
        repeatable: Whether a call may be made again when nobody knows how it ended.
    """

    name: str
    comment: str
    request: Message
    response: Message
    method: str
    path: str
    body: str
    result: str
    repeatable: bool
    operation: Operation

    @property
    def function(self) -> str:
        """The name in snake case: the operation's id."""
        return snake(self.name)

    @property
    def path_fields(self) -> list[str]:
        """The field paths that stand in the path."""
        return _VARIABLE.findall(self.path)

    @property
    def public_path(self) -> str:
        """The path with variables as the HTTP API names them."""
        return _VARIABLE.sub(lambda found: "{" + self.field_at(found[1]).parameter + "}", self.path)

    def field_at(self, path: str) -> Field:
        """Returns a field of the request by its path, such as park.park_id."""
        message: Message | None = self.request
        found: Field | None = None
        for name in path.split("."):
            assert message is not None
            found = message.named(name)
            message = found.message
        assert found is not None
        return found

    @property
    def shown(self) -> Message:
        """The message that the answer is."""
        if not self.result:
            return self.response
        found = self.response.named(self.result).message
        assert found is not None
        return found


@dataclass(frozen=True)
class Service:
    """A service's contract.

    Attributes:
        name: Such as evaluation.
        title: Of the service itself, such as EvaluationService.
        source: The path of its proto file below proto/.
    """

    name: str
    title: str
    source: str
    rpcs: Sequence[Rpc]

    @property
    def operations(self) -> list[Rpc]:
        """The rpcs that have a place in the HTTP API."""
        return [rpc for rpc in self.rpcs if rpc.method]


def snake(name: str) -> str:
    """Returns a name in snake case.

    >>> snake("ListIndicatorValues"), snake("GetEvaluation")
    ('list_indicator_values', 'get_evaluation')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def read_services(descriptor_set: bytes) -> list[Service]:
    """Returns the services of a descriptor set that was made with comments and imports, in order of name."""
    return _Reader(descriptor_set).services()


class _Reader:
    def __init__(self, descriptor_set: bytes) -> None:
        self._files = descriptor_pb2.FileDescriptorSet.FromString(descriptor_set).file
        self._pool = descriptor_pool.DescriptorPool()
        for file in self._files:
            self._pool.Add(file)
        self._messages: dict[str, Message] = {}

    def services(self) -> list[Service]:
        found = []
        for file in self._files:
            if not file.service or not file.package.startswith("parkcarbon."):
                continue
            comments = _comments(file)
            rpcs = [
                self._rpc(method, comments.get((6, number, 2, place), ""))
                for number, service in enumerate(file.service)
                for place, method in enumerate(service.method)
            ]
            found.append(Service(file.package.split(".")[1], file.service[0].name, file.name, rpcs))
        return sorted(found, key=lambda service: service.name)

    def _options(self, kind: str, given: Any) -> Any:
        """Options with the extensions of this set, which the modules that are installed may not know."""
        descriptor = self._pool.FindMessageTypeByName(f"google.protobuf.{kind}")
        return message_factory.GetMessageClass(descriptor).FromString(given.SerializeToString())

    def _extension(self, options: Any, name: str) -> Any:
        extension = self._pool.FindExtensionByName(name)
        if extension.is_repeated or options.HasExtension(extension):
            return options.Extensions[extension]
        return None

    def _rpc(self, method: Any, comment: str) -> Rpc:
        options = self._options("MethodOptions", method.options)
        rule = self._extension(options, "google.api.http")
        given = self._extension(options, "parkcarbon.contract.v1.operation")
        verb = rule.WhichOneof("pattern") if rule is not None else ""
        return Rpc(
            name=method.name,
            comment=comment,
            request=self._message(method.input_type),
            response=self._message(method.output_type),
            method=verb.upper() if verb else "",
            path=getattr(rule, verb) if verb else "",
            body=rule.body if verb else "",
            result=rule.response_body if verb else "",
            repeatable=options.idempotency_level != descriptor_pb2.MethodOptions.IDEMPOTENCY_UNKNOWN,
            operation=Operation()
            if given is None
            else Operation(
                **{each: getattr(given, each) for each in _PLAIN},
                deadline_seconds=given.deadline_seconds,
                file_name=given.file.name,
                media_type=given.file.media_type,
            ),
        )

    def _message(self, full_name: str) -> Message:
        name = full_name.removeprefix(".")
        if name in self._messages:
            return self._messages[name]
        file = next(file for file in self._files if name.startswith(f"{file.package}.") and self._holds(file, name))
        comments = _comments(file)
        place = [each.name for each in file.message_type].index(name.removeprefix(f"{file.package}."))
        given = file.message_type[place]
        shape = self._extension(self._options("MessageOptions", given.options), "parkcarbon.contract.v1.shape")
        found = Message(given.name, comments.get((4, place), ""), bare=shape is not None and shape.bare)
        self._messages[name] = found
        maps = {f".{name}.{each.name}": each for each in given.nested_type if each.options.map_entry}
        for number, each in enumerate(given.field):
            entry = maps.get(each.type_name)
            found.fields.append(self._field(each, comments.get((4, place, 2, number), ""), entry))
        return found

    @staticmethod
    def _holds(file: Any, name: str) -> bool:
        return name.removeprefix(f"{file.package}.") in [each.name for each in file.message_type]

    def _field(self, given: Any, comment: str, entry: Any) -> Field:
        options = self._options("FieldOptions", given.options)
        member = self._extension(options, "parkcarbon.contract.v1.member")
        behaviours = set(self._extension(options, "google.api.field_behavior") or ())
        rules = Rules() if member is None else _rules(member)
        valued = entry.field[1] if entry is not None else given
        kind, bounds, message = self._kind(valued)
        is_list = given.label == descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
        return Field(
            name=given.name,
            shown=rules.name or given.name,
            parameter=rules.parameter or given.name,
            kind=kind,
            repeated=is_list and entry is None,
            is_map=entry is not None,
            optional=given.proto3_optional or (kind == "message" and not is_list and 2 not in behaviours),
            required=2 in behaviours,
            output_only=3 in behaviours,
            rules=rules,
            comment=comment,
            bounds=bounds,
            message=message,
        )

    def _kind(self, given: Any) -> tuple[str, tuple[int, int] | None, Message | None]:
        kinds = descriptor_pb2.FieldDescriptorProto
        if given.type in _INTEGERS:
            return "integer", _INTEGERS[given.type], None
        if given.type == kinds.TYPE_MESSAGE:
            return "message", None, self._message(given.type_name)
        plain = {
            kinds.TYPE_STRING: "string",
            kinds.TYPE_BOOL: "bool",
            kinds.TYPE_BYTES: "bytes",
            kinds.TYPE_DOUBLE: "float",
            kinds.TYPE_ENUM: "enum",
        }
        return plain[given.type], None, None


def _rules(member: Any) -> Rules:
    plain = ("name", "parameter", "pattern", "default", "example", "language")
    flags = ("nullable", "inline", "comma_separated", "sparse", "internal")
    numbers = ("min_length", "max_length", "minimum", "maximum", "min_items", "max_items")
    chosen = member.DESCRIPTOR.fields_by_name["format"].enum_type.values_by_number[member.format].name
    given: dict[str, Any] = {each: getattr(member, each) for each in (*plain, *flags)}
    given |= {each: getattr(member, each) if member.HasField(each) else None for each in numbers}
    return Rules(**given, values=tuple(member.values), format="" if member.format == 0 else chosen.removeprefix("FORMAT_").lower())


def _comments(file: Any) -> dict[tuple[int, ...], str]:
    return {
        tuple(each.path): " ".join(line.strip() for line in each.leading_comments.strip().splitlines())
        for each in file.source_code_info.location
        if each.leading_comments
    }


def reached(messages: Sequence[Message]) -> Iterator[Message]:
    """Yields messages and everything that they hold, what is held before what holds it, each once."""
    seen: set[str] = set()

    def walk(message: Message) -> Iterator[Message]:
        if message.name in seen:
            return
        seen.add(message.name)
        for each in message.fields:
            if each.message is not None:
                yield from walk(each.message)
        yield message

    for message in messages:
        yield from walk(message)
