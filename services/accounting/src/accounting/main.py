"""Stands the accounting service up: the only module that knows every room."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from uuid import uuid4

from accounting.adapters import tables
from accounting.adapters.factor_files import load_disclosure_rule, load_factor_book, load_reference_tables
from accounting.adapters.sql import REBUILD_SUMS, Registers, SqlAccount, SqlUnitOfWork, read_account
from accounting.api.measures import Measures
from accounting.api.rooms import Rooms
from accounting.api.servicer import AccountingServicer
from accounting.application.maintain import open_years, publish_factors, rebuild_sums
from accounting.events.publish import FactEncoder
from accounting.settings import AccountingSettings
from chassis.broker import Broker
from chassis.clock import Clock
from chassis.identity import CallerVerifier, current_caller
from chassis.jobs import JobContext, JobRunner, Json
from chassis.logs import configure
from chassis.monitoring import Monitoring
from chassis.operations import OperationsServicer
from chassis.process import run_service
from chassis.relay import Relay
from chassis.server import GrpcServer, Registration
from chassis.telemetry import Telemetry
from chassis.tenancy import Platform, Scope, Tenant
from chassis.topics import TopicRegistry
from parkcarbon.accounting.v1 import accounting_pb2
from parkcarbon.accounting.v1.accounting_pb2_grpc import add_AccountingServiceServicer_to_server

MIGRATIONS = "accounting.adapters.migrations"
ERROR_DOMAIN = "accounting.parkcarbon"


class Accounting:
    """The service, built and not yet started."""

    def __init__(self, settings: AccountingSettings, *, clock: Clock, broker: Broker) -> None:
        """Names every part once.

        Args:
            settings: What it was told.
            clock: Tells the time.
            broker: Where its facts go.
        """
        self.logger = configure("accounting", level=settings.logs.level, renderer=settings.logs.renderer)
        self.telemetry = Telemetry("accounting", settings.telemetry)
        self.database = settings.database.open(self.telemetry)
        self._registers = Registers()
        self.book = load_factor_book()
        self.reference = load_reference_tables()
        self._clock = clock
        self._encoder = FactEncoder(new_id=_new_id, now=clock.now, traceparent=self.telemetry.traceparent)
        self.relay = Relay(
            self.database,
            broker,
            tables.outbox,
            clock=clock,
            telemetry=self.telemetry,
            logger=self.logger,
            batch=settings.relay_batch,
        )
        self.runner = JobRunner(
            self.database,
            tables.job,
            {REBUILD_SUMS: self._rebuild},
            clock=clock,
            telemetry=self.telemetry,
            logger=self.logger,
        )
        verifier = CallerVerifier(
            settings.caller_public_key.read_bytes(),
            issuer=settings.caller_issuer,
            audience=settings.caller_audience,
            clock=clock,
        )
        operations = OperationsServicer(self.database, tables.job, self.runner, clock=clock, error_domain=ERROR_DOMAIN)
        rooms = Rooms(
            write=lambda: self.write(Tenant(current_caller().tenant)),
            read=lambda: self.read(Tenant(current_caller().tenant)),
            book=self.book,
            reference=self.reference,
            clock=clock,
            rule=load_disclosure_rule(),
            measures=Measures(self.telemetry),
        )
        servicer = AccountingServicer(rooms)
        name = accounting_pb2.DESCRIPTOR.services_by_name["AccountingService"].full_name
        self.server = GrpcServer(
            settings.server,
            services=[
                Registration(name, lambda server: add_AccountingServiceServicer_to_server(servicer, server)),
                operations.registration(),
            ],
            verifier=verifier,
            error_domain=ERROR_DOMAIN,
            telemetry=self.telemetry,
            logger=self.logger,
        )
        self.monitoring = Monitoring(
            self.telemetry,
            logger=self.logger,
            parts={"relay": self.relay, "job runner": self.runner},
            server=self.server,
        )

    def write(self, scope: Scope) -> SqlUnitOfWork:
        """Returns a transaction that may write what is of its scope."""
        return SqlUnitOfWork(
            self.database,
            self._registers.of(scope),
            scope=scope,
            encode=self._encoder.encode,
            committed=self.relay.notify,
            submitted=self.runner.notify,
            clock=self._clock,
            new_id=_new_id,
        )

    def read(self, scope: Scope) -> AbstractAsyncContextManager[SqlAccount]:
        """Returns what is of a scope in the account, for reading."""
        return read_account(self.database, self._registers.of(scope), scope)

    @property
    def grpc_address(self) -> str:
        """Where it listens, once started."""
        return self.server.address

    async def start(self) -> None:
        """Brings the schema and the factors up to date, then serves."""
        await self.database.migrate(MIGRATIONS)
        async with self.write(Platform("partitions")) as uow:
            await open_years(uow, clock=self._clock)
        async with self.write(Platform("factors")) as uow:
            await publish_factors(uow, book=self.book)
        await self.relay.start()
        await self.runner.start()
        await self.server.start()
        await self.monitoring.start()

    async def stop(self) -> None:
        """Finishes the calls in flight, then stops the rest."""
        await self.monitoring.stop()
        await self.server.stop()
        await self.runner.stop()
        await self.relay.stop()
        await self.database.dispose()
        self.telemetry.shutdown()

    async def _rebuild(self, context: JobContext) -> Mapping[str, Json]:
        async with self.write(Tenant(context.job.tenant_id)) as uow:
            result = await rebuild_sums(uow, context.job.park_id)
        return {"records": result.records, "sums": result.sums, "corrected": result.corrected}


def _new_id() -> str:
    return str(uuid4())


def build(settings: AccountingSettings, *, clock: Clock, broker: Broker) -> Accounting:
    """Builds the service; nothing runs until `start`."""
    return Accounting(settings, clock=clock, broker=broker)


def topic_registry() -> TopicRegistry:
    """Returns the topics as the contracts list them."""
    return TopicRegistry.from_package("parkcarbon")


def run() -> None:
    """Runs the service as a process of its own, as `chassis.process.run_service` does, with settings from the environment."""
    settings = AccountingSettings()  # type: ignore[call-arg]  # the environment brings what is required
    run_service("accounting", settings, build, topic_registry())
