"""The way to call another service: every call has a deadline, a caller, a bound on its fellows, and errors with a kind."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import grpc
from pydantic import BaseModel, ConfigDict, Field

from chassis.errors import RemoteError, from_rpc_error
from chassis.identity import CALLER_METADATA_KEY
from chassis.telemetry import Telemetry
from kernel.access import Caller
from kernel.refusals import Kind

_Response = TypeVar("_Response")
_Response_co = TypeVar("_Response_co", covariant=True)

_ATTEMPTS: Final = 4
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_RECONNECT_MS: Final = 5_000
_EVERY_ADDRESS: Final = '{"loadBalancingConfig": [{"round_robin": {}}]}'


class ChannelTls(BaseModel):
    """Keys of a client.

    Attributes:
        ca: File with the certificates that the server's is checked against, PEM.
        cert: File with the client's own certificate, for servers that ask for one.
        key: File with its key.
        server_name: The name to look for in the server's certificate, when it is not the host of the target.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ca: Path
    cert: Path | None = None
    key: Path | None = None
    server_name: str | None = None


class ChannelSettings(BaseModel):
    """Where another service is, and how it is called.

    Attributes:
        target: Such as `127.0.0.1:8443`, `dns:///accounting:8443` or `unix:/run/accounting.sock`; all replicas of a name with
            several addresses get their share.
        tls: Keys; None speaks in the clear.
        deadline_seconds: The longest a call takes unless it says otherwise, > 0.
        max_in_flight: Calls at a time; more wait for their turn. gRPC cancels calls beyond some thousand on one channel.
        max_message_bytes: The largest message sent or received.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str
    tls: ChannelTls | None = None
    deadline_seconds: float = Field(default=30.0, gt=0.0)
    max_in_flight: int = Field(default=200, ge=1, le=1000)
    max_message_bytes: int = Field(default=16 * 1024 * 1024, ge=1024)


class CallerStatements(Protocol):
    """Gives the statement that a caller's calls carry: a `CallerSigner`, or a `CallerForwarder` within a call."""

    def sign(self, caller: Caller) -> str:
        """Returns the statement."""
        ...


class SingleAnswer(Protocol[_Response_co]):
    """A method of a generated stub that has one answer; the request may be one message or an async iterator of them."""

    def __call__(self, request: Any, /, *, timeout: float | None = None, metadata: Any = None) -> Awaitable[_Response_co]:
        """Begins the call."""
        ...


class StreamedAnswer(Protocol[_Response_co]):
    """A method of a generated stub whose answer is a stream."""

    def __call__(self, request: Any, /, *, timeout: float | None = None, metadata: Any = None) -> Any:
        """Begins the call."""
        ...


class Channel:
    """A connection to another service. Stubs are built over `grpc`, and called through `call` and `stream`."""

    def __init__(
        self,
        settings: ChannelSettings,
        *,
        signer: CallerStatements | None,
        telemetry: Telemetry,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Opens the channel; it connects with its first call.

        Args:
            settings: Where and how.
            signer: States the caller of each call; None only for services that ask for no caller.
            telemetry: Of the calling service.
            jitter: Returns 0 (inclusive) to 1; shortens the pause before another attempt, so that callers spread.

        Raises:
            OSError: If a key file cannot be read.
        """
        self._settings = settings
        self._signer = signer
        self._jitter = jitter
        self._turns = asyncio.Semaphore(settings.max_in_flight)
        options: list[tuple[str, Any]] = [
            ("grpc.max_send_message_length", settings.max_message_bytes),
            ("grpc.max_receive_message_length", settings.max_message_bytes),
            # Two channels of one process to one server would otherwise share a connection, and its limit of calls.
            ("grpc.use_local_subchannel_pool", 1),
            # Calls go to all addresses that the name has, one after the other, and round one that is down.
            ("grpc.service_config", _EVERY_ADDRESS),
            # Within the pauses of a repeated call; by itself gRPC waits a second after the first failure, and two minutes at last.
            ("grpc.initial_reconnect_backoff_ms", round(_FIRST_PAUSE_SECONDS * 1000)),
            ("grpc.max_reconnect_backoff_ms", _LONGEST_RECONNECT_MS),
        ]
        interceptors = telemetry.client_interceptors()
        tls = settings.tls
        if tls is None:
            self.grpc: grpc.aio.Channel = grpc.aio.insecure_channel(settings.target, options, interceptors=interceptors)
        else:
            credentials = grpc.ssl_channel_credentials(
                tls.ca.read_bytes(),
                tls.key.read_bytes() if tls.key is not None else None,
                tls.cert.read_bytes() if tls.cert is not None else None,
            )
            if tls.server_name is not None:
                options.append(("grpc.ssl_target_name_override", tls.server_name))
            self.grpc = grpc.aio.secure_channel(settings.target, credentials, options, interceptors=interceptors)

    async def call(
        self,
        method: SingleAnswer[_Response],
        request: Any,
        *,
        caller: Caller | None,
        idempotent: bool = False,
        deadline_seconds: float | None = None,
    ) -> _Response:
        """Calls a method with one answer.

        An idempotent method is called again when the service is unavailable, within the deadline; waiting for a turn counts
        towards it as well.

        Args:
            method: Of a stub over `grpc`.
            request: Its request; an async iterator for a streamed one, which is never repeated.
            caller: For whom; None for a service that asks for none.
            idempotent: Whether a repetition has the effect of one call.
            deadline_seconds: The channel's own when None, > 0.

        Raises:
            RemoteError: If the service answers with an error or cannot be reached, or the deadline passes.
        """
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + (deadline_seconds if deadline_seconds is not None else self._settings.deadline_seconds)
        metadata = self._metadata(caller)
        repeatable = idempotent and not hasattr(request, "__aiter__")
        pause = _FIRST_PAUSE_SECONDS
        for attempt in range(1, _ATTEMPTS + 1):
            async with _turn(self._turns, ends_at):
                try:
                    return await method(request, timeout=max(0.0, ends_at - loop.time()), metadata=metadata)
                except grpc.aio.AioRpcError as error:
                    rest = pause * (1 - self._jitter() / 2)
                    final = attempt == _ATTEMPTS or loop.time() + rest >= ends_at
                    if error.code() is not grpc.StatusCode.UNAVAILABLE or not repeatable or final:
                        raise from_rpc_error(error) from error
            await asyncio.sleep(rest)
            pause *= 2
        raise AssertionError("the last attempt returns or raises")

    async def stream(
        self,
        method: StreamedAnswer[_Response],
        request: Any,
        *,
        caller: Caller | None,
        deadline_seconds: float | None = None,
    ) -> AsyncIterator[_Response]:
        """Calls a method whose answer is a stream; never repeated. Arguments and errors as `call`.

        The deadline covers the whole stream, which keeps its turn until it ends.
        """
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + (deadline_seconds if deadline_seconds is not None else self._settings.deadline_seconds)
        async with _turn(self._turns, ends_at):
            call = method(request, timeout=max(0.0, ends_at - loop.time()), metadata=self._metadata(caller))
            try:
                async for response in call:
                    yield response
            except grpc.aio.AioRpcError as error:
                raise from_rpc_error(error) from error
            finally:
                call.cancel()

    def _metadata(self, caller: Caller | None) -> tuple[tuple[str, str], ...]:
        if caller is None:
            return ()
        if self._signer is None:
            raise ValueError("a channel without a signer cannot name a caller")
        return ((CALLER_METADATA_KEY, self._signer.sign(caller)),)

    async def close(self) -> None:
        """Ends the connection; calls in flight are cancelled."""
        await self.grpc.close()


@asynccontextmanager
async def _turn(turns: asyncio.Semaphore, ends_at: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout_at(ends_at):
            await turns.acquire()
    except TimeoutError:
        raise RemoteError(
            kind=Kind.UNAVAILABLE, reason="DEADLINE_EXCEEDED", message="the deadline passed before the call had its turn"
        ) from None
    try:
        yield
    finally:
        turns.release()
