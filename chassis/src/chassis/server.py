"""A gRPC server of one service, from its first call to the end of its last."""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, Protocol, cast

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status
from opentelemetry import trace
from pydantic import BaseModel, ConfigDict, Field

from chassis import telemetry_names
from chassis.errors import to_rpc_status
from chassis.identity import CallerGuard, CallerVerifier
from chassis.interception import Context, GuardInterceptor
from chassis.logs import Logger
from chassis.telemetry import Telemetry

_STATUS_NAMES: Final = {code.value[0]: code.name for code in grpc.StatusCode}


class ServerTls(BaseModel):
    """Keys of a server.

    Attributes:
        cert: File with the certificate chain, PEM.
        key: File with its key.
        client_ca: File with the certificates that clients' are checked against; None lets clients in without one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cert: Path
    key: Path
    client_ca: Path | None = None


class ServerSettings(BaseModel):
    """Where a server listens, and how much it takes on.

    Attributes:
        host: To listen on.
        port: 0 takes a free one.
        unix_socket: A path to listen on in place of host and port.
        tls: Keys; None speaks in the clear.
        max_concurrent_rpcs: Calls at a time; more are answered RESOURCE_EXHAUSTED at once.
        max_message_bytes: The largest message sent or received.
        max_call_seconds: How long a handler runs for a caller who set no deadline, or a later one.
        max_connection_seconds: How old a connection gets, about, before its client is asked to make a new one, and so sees replicas
            that have come since; calls under way end on the old one.
        drain_seconds: How long a stop waits for the calls in flight.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    unix_socket: Path | None = None
    tls: ServerTls | None = None
    max_concurrent_rpcs: int = Field(default=1000, ge=1)
    max_message_bytes: int = Field(default=16 * 1024 * 1024, ge=1024)
    max_call_seconds: float = Field(default=300.0, gt=0.0)
    max_connection_seconds: float = Field(default=300.0, gt=0.0)
    drain_seconds: float = Field(default=20.0, ge=0.0)


@dataclass(frozen=True, slots=True)
class Registration:
    """A service to be served.

    Attributes:
        full_name: Such as `parkcarbon.accounting.v1.Accounting`.
        add_to_server: Adds its servicer, as `add_…Servicer_to_server` of generated code does.
    """

    full_name: str
    add_to_server: Callable[[grpc.aio.Server], None]


class _ErrorGuard:
    """Answers errors by the table, and ends what runs longer than its caller waits."""

    def __init__(self, *, error_domain: str, max_call_seconds: float, logger: Logger) -> None:
        self._error_domain = error_domain
        self._max_call_seconds = max_call_seconds
        self._logger = logger

    @asynccontextmanager
    async def __call__(self, method: str, context: Context) -> AsyncIterator[None]:
        remaining = context.time_remaining()
        limit = self._max_call_seconds if remaining is None else min(remaining, self._max_call_seconds)
        try:
            async with asyncio.timeout(limit) as scope:
                yield
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            if scope.expired() and isinstance(error, TimeoutError):
                await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, f"the call took longer than {limit:.3f} s")
            trace_id = _trace_id(context)
            status = to_rpc_status(error, domain=self._error_domain, trace_id=trace_id)
            if status.code == grpc.StatusCode.INTERNAL.value[0]:
                self._logger.exception("call failed", method=method, answered_trace_id=trace_id)
            else:
                self._logger.info("call refused", method=method, reason=getattr(error, "reason", ""))
            answer = rpc_status.to_status(status)
            await context.abort(answer.code, answer.details or "", tuple(answer.trailing_metadata or ()))


def _trace_id(context: Context) -> str:
    """Returns the trace the call is part of; one made up when nobody traces, so that a caller can name the log line."""
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        return trace.format_trace_id(span.trace_id)
    metadata: Mapping[str, Any] = dict(context.invocation_metadata() or ())
    parts = str(metadata.get("traceparent", "")).split("-")
    return parts[1] if len(parts) == 4 else token_hex(16)


class _CallMeter:
    """Records how long each call takes, by method and status."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._duration = telemetry.histogram(telemetry_names.METRIC_RPC_SERVER_DURATION)

    @asynccontextmanager
    async def __call__(self, method: str, context: Context) -> AsyncIterator[None]:
        attributes = {telemetry_names.ATTRIBUTE_RPC_SYSTEM: "grpc", telemetry_names.ATTRIBUTE_RPC_METHOD: method.removeprefix("/")}
        with self._telemetry.timed(self._duration, attributes):
            try:
                yield
            finally:
                attributes[telemetry_names.ATTRIBUTE_RPC_STATUS] = _STATUS_NAMES.get(cast("int", context.code()) or 0, "UNKNOWN")


class GrpcServer:
    """Serves services with health, reflection, errors by the table, and callers verified."""

    def __init__(
        self,
        settings: ServerSettings,
        *,
        services: Sequence[Registration],
        verifier: CallerVerifier | None,
        error_domain: str,
        telemetry: Telemetry,
        logger: Logger,
    ) -> None:
        """Stores the parts.

        Args:
            settings: Where and how.
            services: What is served.
            verifier: Who may call; None lets everyone, whom `current_caller` then does not know.
            error_domain: Names the service in its errors, such as `accounting.parkcarbon`.
            telemetry: Of the service.
            logger: Of the service.
        """
        self._settings = settings
        self._services = tuple(services)
        self._verifier = verifier
        self._error_domain = error_domain
        self._telemetry = telemetry
        self._logger = logger
        self._health = health.aio.HealthServicer()
        self._server: grpc.aio.Server | None = None
        self._address = ""

    @property
    def address(self) -> str:
        """The target for a channel, once started: `host:port` with the real port, or `unix:path`."""
        return self._address

    async def start(self) -> None:
        """Binds, and serves.

        Raises:
            OSError: If the address is taken or a key file cannot be read.
        """
        settings = self._settings
        errors = _ErrorGuard(error_domain=self._error_domain, max_call_seconds=settings.max_call_seconds, logger=self._logger)
        interceptors: list[grpc.aio.ServerInterceptor] = self._telemetry.server_interceptors()
        if self._telemetry.metering:
            interceptors.append(GuardInterceptor(_CallMeter(self._telemetry)))
        interceptors.append(GuardInterceptor(errors))
        if self._verifier is not None:
            interceptors.append(GuardInterceptor(CallerGuard(self._verifier)))
        server = grpc.aio.server(
            interceptors=interceptors,
            options=[
                ("grpc.max_send_message_length", settings.max_message_bytes),
                ("grpc.max_receive_message_length", settings.max_message_bytes),
                # Two servers on one port would each get some of the calls.
                ("grpc.so_reuseport", 0),
                ("grpc.max_connection_age_ms", round(settings.max_connection_seconds * 1000)),
                ("grpc.max_connection_age_grace_ms", round(settings.max_call_seconds * 1000)),
            ],
            maximum_concurrent_rpcs=settings.max_concurrent_rpcs,
        )
        for service in self._services:
            service.add_to_server(server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = [service.full_name for service in self._services]
        reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
        self._address = self._bind(server)
        await server.start()
        self._server = server
        await self.set_all_serving(serving=True)
        self._logger.info("serving", address=self._address)

    def _bind(self, server: grpc.aio.Server) -> str:
        settings = self._settings
        wanted = f"unix:{settings.unix_socket}" if settings.unix_socket is not None else f"{settings.host}:{settings.port}"
        tls = settings.tls
        try:
            if tls is None:
                port = server.add_insecure_port(wanted)
            else:
                client_ca = tls.client_ca.read_bytes() if tls.client_ca is not None else None
                credentials = grpc.ssl_server_credentials(
                    [(tls.key.read_bytes(), tls.cert.read_bytes())],
                    root_certificates=client_ca,
                    require_client_auth=client_ca is not None,
                )
                port = server.add_secure_port(wanted, credentials)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {wanted}: {error}") from error
        return wanted if settings.unix_socket is not None else f"{settings.host}:{port}"

    async def set_serving(self, full_name: str, *, serving: bool) -> None:
        """Tells health checks whether a service is fit to serve; "" stands for the whole server."""
        answer = health_pb2.HealthCheckResponse
        await self._health.set(full_name, answer.SERVING if serving else answer.NOT_SERVING)

    async def set_all_serving(self, *, serving: bool) -> None:
        """Tells health checks whether the server and each of its services is fit to serve."""
        for name in ("", *(service.full_name for service in self._services)):
            await self.set_serving(name, serving=serving)

    async def stop(self) -> None:
        """Drains: health says NOT_SERVING, new calls are refused, calls in flight have `drain_seconds` to end."""
        if self._server is None:
            return
        server, self._server = self._server, None
        await self._health.enter_graceful_shutdown()
        await server.stop(self._settings.drain_seconds)
        self._logger.info("stopped", address=self._address)


class Part(Protocol):
    """What stands up and goes down with a process: servers, relays, consumers, job runners."""

    async def start(self) -> None:
        """Begins to work."""
        ...

    async def stop(self) -> None:
        """Ends its work in order."""
        ...


@asynccontextmanager
async def running(*parts: Part) -> AsyncIterator[None]:
    """Starts parts in order and stops them in the opposite one, also when the block or a later start fails."""
    async with AsyncExitStack() as stack:
        for part in parts:
            await part.start()
            stack.push_async_callback(part.stop)
        yield


def freeze_loaded() -> None:
    """Takes whatever is in memory out of later garbage collections. Called once, when a process has started.

    A full collection looks at every object, and modules, schemas and messages are most of them: 100 ms and more in which the event
    loop answers nobody.
    """
    gc.collect()
    gc.freeze()


async def run_until_signalled(*parts: Part) -> None:
    """Runs parts until SIGTERM or SIGINT, then stops them in order. Called once, in the main thread, by a main."""
    loop = asyncio.get_running_loop()
    signalled = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signalled.set)
    try:
        async with running(*parts):
            freeze_loaded()
            await signalled.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
