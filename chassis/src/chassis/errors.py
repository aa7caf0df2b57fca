"""The one table between what a service refuses and what goes over the wire.

An exception that is no `kernel.refusals.Refusal`, or has a kind of its own, is a bug: the caller learns that something failed and
under which trace, nothing else.
"""

from collections.abc import Mapping
from typing import Final

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status

from kernel.refusals import Kind, Refusal

INTERNAL: Final = "internal"
"""The kind of a `RemoteError` that says nothing more than that the other side failed."""

CODE_OF_KIND: Final[Mapping[Kind, grpc.StatusCode]] = {
    Kind.INVALID: grpc.StatusCode.INVALID_ARGUMENT,
    Kind.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Kind.ALREADY_EXISTS: grpc.StatusCode.ALREADY_EXISTS,
    Kind.CONFLICT: grpc.StatusCode.FAILED_PRECONDITION,
    Kind.DENIED: grpc.StatusCode.PERMISSION_DENIED,
    Kind.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    Kind.EXHAUSTED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Kind.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
}

KIND_OF_CODE: Final[Mapping[grpc.StatusCode, Kind]] = {
    **{code: kind for kind, code in CODE_OF_KIND.items()},
    grpc.StatusCode.ABORTED: Kind.CONFLICT,
    grpc.StatusCode.DEADLINE_EXCEEDED: Kind.UNAVAILABLE,
    grpc.StatusCode.OUT_OF_RANGE: Kind.INVALID,
    # The other side gave the call up, as a server does whose drain time is over; a caller who gives up itself sees
    # asyncio.CancelledError instead.
    grpc.StatusCode.CANCELLED: Kind.UNAVAILABLE,
}

# gRPC refuses trailers of more than 8 KiB, and the caller would see that refusal in place of the error. The message travels
# twice, once with every byte outside of ASCII written as three; all else is written in base64, as four bytes for three.
_MAX_MESSAGE_BYTES: Final = 1000
_MAX_FACTS: Final = 16
_MAX_FACT_CHARACTERS: Final = 300
_MAX_FACTS_BYTES: Final = 2400


class RemoteError(Refusal):
    """What another service answered instead of a result.

    Attributes:
        kind: One of `Kind`, or `internal` when the other side told nothing.
        reason: Of the other domain; the name of the status code when it gave none.
        domain: The other service; "" when it gave none.
        message: Its sentence.
        metadata: Its facts.
    """

    def __init__(
        self, *, kind: str, reason: str, domain: str = "", message: str = "", metadata: Mapping[str, str] | None = None
    ) -> None:
        """Stores the attributes of the class."""
        super().__init__(message, **(metadata or {}))
        self.kind = kind
        self.reason = reason
        self.domain = domain
        self.message = message
        self.metadata = self.facts()


def kind_of(error: BaseException) -> Kind | None:
    """Returns the kind of an error, or None for one without: a bug, or a `RemoteError` of kind `internal`."""
    if not isinstance(error, Refusal):
        return None
    try:
        return Kind(error.kind)
    except ValueError:
        return None


def to_rpc_status(error: BaseException, *, domain: str, trace_id: str = "") -> status_pb2.Status:
    """Makes the status a caller is answered with.

    An error without a kind becomes INTERNAL with the sentence "internal error" and the trace it happened in. Facts are cut to 300
    characters each, and those that do not fit in with the ones before them are left out, because a trailer has a limit.

    Args:
        error: What the handler raised.
        domain: The service that answers, such as `accounting.parkcarbon`.
        trace_id: Where the log has more, for an error without a kind.
    """
    kind = kind_of(error)
    if kind is None or not isinstance(error, Refusal):
        message = f"internal error, trace {trace_id}" if trace_id else "internal error"
        return status_pb2.Status(code=code_pb2.INTERNAL, message=message)
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=domain)
    room = _MAX_FACTS_BYTES
    for name, value in list(error.facts().items())[:_MAX_FACTS]:
        fact = value[:_MAX_FACT_CHARACTERS]
        size = len(name.encode()) + len(fact.encode())
        if size <= room:
            info.metadata[name] = fact
            room -= size
    detail = any_pb2.Any()
    detail.Pack(info)
    code: int = CODE_OF_KIND[kind].value[0]
    return status_pb2.Status(code=code, message=_cut(str(error)), details=[detail])


def _cut(sentence: str) -> str:
    return sentence.encode()[:_MAX_MESSAGE_BYTES].decode(errors="ignore")


def from_rpc_error(error: grpc.aio.AioRpcError) -> RemoteError:
    """Reads a failed call back into an error with a kind; the inverse of `to_rpc_status`.

    INTERNAL and every code outside of the table become kind `internal` and keep no detail of the other side.
    """
    code = error.code()
    kind = KIND_OF_CODE.get(code)
    if kind is None:
        return RemoteError(kind=INTERNAL, reason=code.name, message="the called service failed")
    message = error.details() or ""
    for detail in _details(error):
        info = error_details_pb2.ErrorInfo()
        if detail.Is(info.DESCRIPTOR):
            detail.Unpack(info)
            return RemoteError(kind=kind, reason=info.reason, domain=info.domain, message=message, metadata=dict(info.metadata))
    return RemoteError(kind=kind, reason=code.name, message=message)


def _details(error: grpc.aio.AioRpcError) -> list[any_pb2.Any]:
    try:
        status = rpc_status.from_call(error)  # type: ignore[arg-type]  # it reads three attributes that the error has
    except ValueError:  # a status that contradicts its own trailer, as a proxy in between can make
        return []
    return list(status.details) if status is not None else []
