"""The skeleton of a service: what each consists of, put together part by part, started in that order and stopped in reverse.

A service derives its own class, whose `__init__` adds its parts and ends with `serve`, and whose `prepare` does what has to be done
to its data before it serves.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, TypeVar
from uuid import uuid4

from google.protobuf.descriptor import FileDescriptor
from grpc import aio
from sqlalchemy import Table

from chassis.broker import Broker
from chassis.channel import Channel, ChannelSettings
from chassis.clock import Clock
from chassis.consumer import Consumer, Handler
from chassis.events import EventFactory
from chassis.identity import CallerForwarder, CallerVerifier
from chassis.job_runner import JobHandler, JobRunner
from chassis.logs import configure
from chassis.monitoring import Monitoring, Watched
from chassis.operations import OperationsServicer
from chassis.relay import Relay
from chassis.server import GrpcServer, Part, Registration
from chassis.settings import GrpcServiceSettings
from chassis.telemetry import Telemetry
from chassis.topics import TopicRegistry

_Servicer = TypeVar("_Servicer")


def new_id() -> str:
    """Returns an id that nothing else has."""
    return str(uuid4())


def servicer(
    contract: FileDescriptor, service: str, answering: _Servicer, add_to_server: Callable[[_Servicer, aio.Server], Any]
) -> Registration:
    """Returns a servicer with the name it is served under.

    Args:
        contract: The file that declares the service, `DESCRIPTOR` of its module.
        service: Its name in there.
        answering: The servicer.
        add_to_server: `add_…Servicer_to_server` of the generated code.
    """
    return Registration(contract.services_by_name[service].full_name, lambda server: add_to_server(answering, server))


class Service:
    """A service, built and not yet started.

    Attributes:
        logger: Of the service.
        telemetry: What it reports.
        database: Where its data is.
        relay: Publishes its facts.
        events: Makes the events of its facts.
        clock: Tells the time.
        server: Where it is called.
        monitoring: Says how its parts are.
    """

    server: GrpcServer
    monitoring: Monitoring

    def __init__(
        self, name: str, settings: GrpcServiceSettings, *, clock: Clock, broker: Broker, outbox: Table, migrations: str
    ) -> None:
        """Makes what every service has.

        Args:
            name: Of the service: under which it logs, reports, tells facts and reads those of others.
            settings: Of the service.
            clock: Tells the time.
            broker: Where its facts go, and those of others come from; stays open after a stop.
            outbox: Its table of facts that wait.
            migrations: The package of its migrations.
        """
        self.name = name
        self.clock = clock
        self.logger = configure(name, level=settings.logs.level, renderer=settings.logs.renderer)
        self.telemetry = Telemetry(name, settings.telemetry)
        self.database = settings.database.open(self.telemetry)
        self.events = EventFactory(f"/{name}", new_id=new_id, traceparent=self.telemetry.traceparent)
        self._settings = settings
        self._broker = broker
        self._migrations = migrations
        self._error_domain = f"{name}.parkcarbon"
        self._parts: list[Part] = []
        self._watched: dict[str, Watched] = {}
        self._consumers: dict[str, Consumer] = {}
        self._closing: list[Callable[[], Awaitable[None]]] = []
        self._registrations: list[Registration] = []
        self._running = AsyncExitStack()
        self.relay = Relay(
            self.database,
            broker,
            outbox,
            clock=clock,
            telemetry=self.telemetry,
            logger=self.logger,
            batch=settings.relay_batch,
        )
        self.add(self.relay, watched={"relay": self.relay})

    def add(self, part: Part, *, watched: Mapping[str, Watched] | None = None) -> None:
        """Adds a part that starts after those that were added before it.

        Args:
            part: What is started and stopped.
            watched: What of it can end by itself, by the name that monitoring has for it.
        """
        self._parts.append(part)
        self._watched |= watched or {}

    def add_channel(self, settings: ChannelSettings) -> Channel:
        """Returns a channel to another service, which is asked on behalf of the caller of the call that is being handled."""
        channel = Channel(settings, signer=CallerForwarder(), telemetry=self.telemetry)
        self._closing.append(channel.close)
        return channel

    def add_consumer(
        self, topics: Sequence[str], registry: TopicRegistry, handlers: Mapping[str, Handler], inbox: Table
    ) -> Consumer:
        """Returns a reader of other services' facts.

        Args:
            topics: What it reads.
            registry: The topics that exist.
            handlers: By full name of the message.
            inbox: Its table of what was handled.
        """
        consumer = Consumer(
            self._broker,
            group=self.name,
            topics=topics,
            registry=registry,
            handlers=handlers,
            database=self.database,
            table=inbox,
            clock=self.clock,
            telemetry=self.telemetry,
            logger=self.logger,
        )
        self._consumers[self.name] = consumer
        self.add(consumer, watched={"consumer": consumer})
        return consumer

    def add_jobs(self, table: Table, kinds: Mapping[str, JobHandler]) -> JobRunner:
        """Returns a runner of long tasks, which are served as operations.

        Args:
            table: Of the jobs.
            kinds: Handlers by kind.
        """
        runner = JobRunner(self.database, table, kinds, clock=self.clock, telemetry=self.telemetry, logger=self.logger)
        operations = OperationsServicer(self.database, table, runner, clock=self.clock, error_domain=self._error_domain)
        self._registrations.append(operations.registration())
        self.add(runner, watched={"job runner": runner})
        return runner

    def serve(self, *registrations: Registration) -> None:
        """Adds the server, and the watch over all parts; to be called last, once."""
        settings = self._settings
        verifier = CallerVerifier(
            settings.caller_public_key.read_bytes(),
            issuer=settings.caller_issuer,
            audience=settings.caller_audience,
            clock=self.clock,
        )
        self.server = GrpcServer(
            settings.server,
            services=[*registrations, *self._registrations],
            verifier=verifier,
            error_domain=self._error_domain,
            telemetry=self.telemetry,
            logger=self.logger,
        )
        self.add(self.server)
        self.monitoring = Monitoring(
            self.telemetry, logger=self.logger, parts=self._watched, consumers=self._consumers, server=self.server
        )
        self.add(self.monitoring)

    @property
    def grpc_address(self) -> str:
        """Where it listens, once started."""
        return self.server.address

    async def prepare(self) -> None:
        """Does to the data what has to be done before the service serves; the schema is up to date."""

    async def start(self) -> None:
        """Brings the schema up to date, prepares the data, and starts the parts. What has started stops where a later part fails.

        Raises:
            OSError: The port is taken.
        """
        async with AsyncExitStack() as started:
            started.callback(self.telemetry.shutdown)
            started.push_async_callback(self.database.dispose)
            for close in self._closing:
                started.push_async_callback(close)
            await self.database.migrate(self._migrations)
            await self.prepare()
            for part in self._parts:
                await part.start()
                started.push_async_callback(part.stop)
            self._running = started.pop_all()

    async def stop(self) -> None:
        """Finishes the calls in flight, then stops the rest, in reverse order of the start."""
        await self._running.aclose()
