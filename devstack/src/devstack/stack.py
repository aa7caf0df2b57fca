"""Every service in one process and one event loop: the production composition with two adapters exchanged.

SQLite files stand for PostgreSQL and the embedded event log for Kafka, unless `Servers` names real ones. Services still speak gRPC
over sockets and share no file.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from accounting.main import build as build_accounting
from accounting.settings import AccountingSettings
from chassis.channel import ChannelSettings
from chassis.clock import SystemClock
from chassis.executor import ExecutorSettings
from chassis.logs import Level, Renderer, configure
from chassis.process_executor import ProcessExecutor
from chassis.server import running
from chassis.settings import BrokerSettings, DatabaseSettings, LogSettings, environment
from chassis.telemetry import Telemetry, TelemetrySettings
from chassis.topics import TopicRegistry
from devstack.credentials import Credentials, load_or_make
from devstack.folder import claimed
from evaluation.main import WORK as EVALUATION_WORK
from evaluation.main import build as build_evaluation
from evaluation.settings import EvaluationSettings
from gateway.main import build as build_gateway
from gateway.settings import BootstrapToken, GatewaySettings, HttpSettings, MailSettings

HOST = "127.0.0.1"
ISSUER = "parkcarbon-gateway"
AUDIENCE = "parkcarbon-services"


class Servers(BaseSettings):
    """The servers that a stack uses in place of its own files, from variables that begin with `PARKCARBON_`.

    Attributes:
        broker: `PARKCARBON_BROKER__KIND=kafka` and `PARKCARBON_BROKER__KAFKA__BOOTSTRAP_SERVERS=host:port` take Kafka.
        accounting_database_url: Of accounting; None takes a file in the data folder.
        evaluation_database_url: Of evaluation; None takes a file in the data folder.
        gateway_database_url: Of the gateway; None takes a file in the data folder.
    """

    model_config = environment("PARKCARBON_")

    broker: BrokerSettings = Field(default_factory=BrokerSettings)
    accounting_database_url: SecretStr | None = None
    evaluation_database_url: SecretStr | None = None
    gateway_database_url: SecretStr | None = None


@dataclass(frozen=True)
class StackSettings:
    """Where a stack keeps its data and where it listens.

    Attributes:
        data_folder: Made when it does not exist; one stack at a time.
        port: HTTP port on 127.0.0.1; 0 takes a free one.
        logs: What its services write to the standard error output.
        servers: Which servers it uses; the environment says so.
    """

    data_folder: Path
    port: int = 0
    logs: LogSettings = field(default_factory=lambda: LogSettings(level=Level.WARNING, renderer=Renderer.TERMINAL))
    servers: Servers = field(default_factory=Servers)


class PortRefused(Exception):
    """The HTTP port cannot be listened on.

    Attributes:
        port: The port.
        taken: Whether another process has it.
        why: What the system says.
    """

    def __init__(self, port: int, error: OSError) -> None:
        self.port = port
        self.taken = error.errno == errno.EADDRINUSE
        self.why = error.strerror or str(error)
        super().__init__(port, self.why)

    def __str__(self) -> str:
        return f"port {self.port} cannot be listened on: {self.why}"


class Stack:
    """A stack that runs while its context lasts.

    >>> async with Stack(StackSettings(Path("var"))) as stack:  # doctest: +SKIP
    ...     print(stack.url, stack.tokens["reader"])
    """

    def __init__(self, settings: StackSettings) -> None:
        self.data_folder = settings.data_folder
        self._settings = settings
        self._running = AsyncExitStack()
        self._url = ""
        self._tokens: Mapping[str, str] = {}

    @property
    def url(self) -> str:
        """The API's base, once started."""
        return self._url

    @property
    def docs_url(self) -> str:
        """Its documentation for people, once started."""
        return f"{self._url}/docs"

    @property
    def tokens(self) -> Mapping[str, str]:
        """A bearer token per role, once started; the same at every start on one folder."""
        return self._tokens

    async def __aenter__(self) -> Self:
        """Starts every service.

        Raises:
            FolderInUse: Another stack runs on the folder.
            PortRefused: The port cannot be listened on.
        """
        async with AsyncExitStack() as starting:
            await self._start(starting)
            self._running = starting.pop_all()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Ends every service: the gateway first, so that no request loses what it needs."""
        await self._running.aclose()

    async def _start(self, starting: AsyncExitStack) -> None:
        folder = self._settings.data_folder
        starting.enter_context(claimed(folder))
        check_port(self._settings.port)
        credentials = load_or_make(folder)
        clock = SystemClock()
        topics = TopicRegistry.from_json((files("parkcarbon") / "topics.json").read_bytes())
        logs = self._settings.logs
        logger = configure("devstack", level=logs.level, renderer=logs.renderer)
        broker_settings = self._settings.servers.broker.model_copy(update={"embedded_file": folder / "log.sqlite3"})
        broker = await broker_settings.open(topics, clock=clock, logger=logger)
        starting.push_async_callback(broker.close)
        accounting = build_accounting(self._accounting_settings(credentials), clock=clock, broker=broker)
        await starting.enter_async_context(running(accounting))
        evaluation_settings = self._evaluation_settings(credentials, accounting.grpc_address)
        # One for all services: a machine has so many processors, whoever computes.
        telemetry = Telemetry("devstack", TelemetrySettings())
        executor = ProcessExecutor(ExecutorSettings(), preload=EVALUATION_WORK, telemetry=telemetry, logger=logger)
        await starting.enter_async_context(running(executor))
        evaluation = build_evaluation(evaluation_settings, clock=clock, broker=broker, executor=executor)
        await starting.enter_async_context(running(evaluation))
        addresses = (accounting.grpc_address, evaluation.grpc_address)
        gateway = build_gateway(self._gateway_settings(credentials, *addresses), clock=clock, broker=broker)
        await starting.enter_async_context(running(gateway))
        self._url = gateway.http_address
        self._tokens = credentials.tokens

    def _accounting_settings(self, credentials: Credentials) -> AccountingSettings:
        return AccountingSettings(
            database=self._database("accounting", self._settings.servers.accounting_database_url),
            caller_public_key=credentials.verifying_key,
            caller_issuer=ISSUER,
            caller_audience=AUDIENCE,
            logs=self._settings.logs,
        )

    def _evaluation_settings(self, credentials: Credentials, accounting_address: str) -> EvaluationSettings:
        return EvaluationSettings(
            database=self._database("evaluation", self._settings.servers.evaluation_database_url),
            accounting=ChannelSettings(target=accounting_address),
            caller_public_key=credentials.verifying_key,
            caller_issuer=ISSUER,
            caller_audience=AUDIENCE,
            logs=self._settings.logs,
        )

    def _gateway_settings(self, credentials: Credentials, accounting_address: str, evaluation_address: str) -> GatewaySettings:
        port = self._settings.port
        settings = GatewaySettings(
            http=HttpSettings(host=HOST, port=port),
            database=self._database("gateway", self._settings.servers.gateway_database_url),
            accounting=ChannelSettings(target=accounting_address),
            evaluation=ChannelSettings(target=evaluation_address),
            caller_private_key=credentials.signing_key,
            caller_issuer=ISSUER,
            caller_audience=AUDIENCE,
            bootstrap_tokens=tuple(BootstrapToken.model_validate(grant) for grant in credentials.grants()),
            mail=MailSettings(folder=self._settings.data_folder.absolute() / "mail"),
            logs=self._settings.logs,
        )
        # A port that the system chooses is not known yet, and nobody keeps an address of it.
        return settings if port == 0 else settings.model_copy(update={"public_url": f"http://{HOST}:{port}"})

    def _database(self, service: str, url: SecretStr | None) -> DatabaseSettings:
        if url is not None:
            return DatabaseSettings(url=url)
        path = self._settings.data_folder.absolute() / f"{service}.sqlite3"
        return DatabaseSettings(url=SecretStr(f"sqlite:///{path}"))


def check_port(port: int) -> None:
    """Says at once, before anything has started, that a port cannot be listened on.

    Raises:
        PortRefused: Another process has the port, or this one may not take it.
    """
    with socket.socket() as tried:
        # as the server will: a port whose last connections are only fading out is free
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((HOST, port))
        except OSError as error:
            raise PortRefused(port, error) from error
