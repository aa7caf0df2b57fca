"""Services over gRPC. Their refusals become the gateway's own errors and keep their reason."""

import asyncio
from collections.abc import Mapping
from typing import Any, NoReturn

from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis.channel import Channel, SingleAnswer
from chassis.errors import INTERNAL, RemoteError
from gateway.adapters.rpcs import Contract, fill
from gateway.domain.callers import Caller
from gateway.domain.errors import ServiceRefused, Unavailable
from kernel.refusals import Kind

_PROBE_SECONDS = 2.0
_AT_ONCE_BYTES = 256 * 1024
"""A longer response, such as a page of records, takes too long to write as members in the event loop."""


class ServiceClient:
    """A ServicePort over a channel."""

    def __init__(self, contract: Contract, channel: Channel) -> None:
        """Builds the stub.

        Args:
            contract: Of the service.
            channel: To the service; signs the caller of each call.
        """
        self._contract = contract
        self._channel = channel
        self._stub = contract.stub(channel.grpc)
        self._check: SingleAnswer[health_pb2.HealthCheckResponse] = health_pb2_grpc.HealthStub(channel.grpc).Check  # type: ignore[attr-defined]  # its stubs name no method

    async def ask(self, caller: Caller, rpc: str, members: Mapping[str, Any], language: str = "en") -> dict[str, Any]:
        """Calls an rpc and returns the members of its response as the HTTP API shows them, with sentences in a language."""
        write = self._contract.rpcs[rpc].write
        assert write is not None, f"{rpc} answers with a file"
        response = await self._requested(caller, rpc, members)
        if response.ByteSize() > _AT_ONCE_BYTES:
            return await asyncio.to_thread(write, response, language)
        return write(response, language)

    async def download(self, caller: Caller, rpc: str, members: Mapping[str, Any]) -> tuple[bytes, str]:
        """Calls an rpc whose response is a file; returns its content and media type."""
        response = await self._requested(caller, rpc, members)
        return response.content, response.media_type

    async def _requested(self, caller: Caller, rpc: str, members: Mapping[str, Any]) -> Any:
        request = self._contract.rpcs[rpc].request()
        fill(request, members)
        return await self.call(caller, rpc, request)

    async def call(self, caller: Caller, rpc: str, request: Any) -> Any:
        """Calls an rpc with a request that is a message already, for bulk paths; returns the response's message."""
        called = self._contract.rpcs[rpc]
        try:
            return await self._channel.call(
                getattr(self._stub, rpc),
                request,
                caller=caller,
                idempotent=called.repeatable,
                deadline_seconds=called.deadline_seconds,
            )
        except RemoteError as error:
            refuse(self._contract.name, error)

    async def check(self) -> None:
        """Returns when the service serves.

        Raises:
            Unavailable: It does not.
        """
        request = health_pb2.HealthCheckRequest(service=self._contract.full_name)
        try:
            answer = await self._channel.call(self._check, request, caller=None, deadline_seconds=_PROBE_SECONDS)
        except RemoteError as error:
            raise unavailable(self._contract.name) from error
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise unavailable(self._contract.name)


class NoService:
    """A ServicePort of a platform without that service: every call is unavailable."""

    def __init__(self, name: str) -> None:
        """Stores the name of the service that is not there."""
        self._name = name

    async def ask(self, caller: Caller, rpc: str, members: Mapping[str, Any], language: str = "en") -> dict[str, Any]:  # noqa: ARG002 - the port's
        """Refuses."""
        raise unavailable(self._name)

    async def download(self, caller: Caller, rpc: str, members: Mapping[str, Any]) -> tuple[bytes, str]:  # noqa: ARG002 - as above
        """Refuses."""
        raise unavailable(self._name)


def unavailable(service: str) -> Unavailable:
    """Returns the refusal that a service does not answer, such as ACCOUNTING_UNAVAILABLE."""
    return Unavailable(f"{service.upper()}_UNAVAILABLE")


def refuse(service: str, error: RemoteError) -> NoReturn:
    """Raises what a service's refusal is here.

    Without a domain it is the connection that speaks, and not the service. That the service does not believe the gateway's own
    signature is our failure and not the caller's, so it is not passed on.
    """
    if error.kind == Kind.UNAVAILABLE and not error.domain:
        raise unavailable(service) from error
    if error.kind in (INTERNAL, Kind.UNAUTHENTICATED):
        raise ServiceRefused(
            INTERNAL, "INTERNAL", f"the {service} service failed", {"message_zh": f"{service} 服务出错"}
        ) from error
    raise ServiceRefused(error.kind, error.reason, error.message, error.metadata) from error
