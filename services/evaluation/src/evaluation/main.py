"""Stands the evaluation service up: the only module that knows every room."""

from contextlib import AbstractAsyncContextManager
from uuid import uuid4

from chassis.broker import Broker
from chassis.channel import Channel
from chassis.clock import Clock
from chassis.consumer import Consumer
from chassis.executor import Executor
from chassis.identity import CallerForwarder, CallerVerifier, current_caller
from chassis.logs import configure
from chassis.monitoring import Monitoring
from chassis.process import run_service
from chassis.process_executor import ProcessExecutor
from chassis.relay import Relay
from chassis.server import GrpcServer, Registration
from chassis.telemetry import Telemetry
from chassis.tenancy import Scope, Tenant
from chassis.topics import TopicRegistry
from evaluation.adapters import tables
from evaluation.adapters.accounting_client import AccountingClient
from evaluation.adapters.documents import Files
from evaluation.adapters.indicator_files import load_shipped_tables
from evaluation.adapters.sql import SqlParkCopy, SqlRecords, SqlUnitOfWork, read_records
from evaluation.api.measures import Measures
from evaluation.api.servicer import EvaluationServicer
from evaluation.application.ports import Outside
from evaluation.events import consume
from evaluation.events.publish import FactEncoder
from evaluation.settings import EvaluationSettings
from parkcarbon.evaluation.v1 import evaluation_pb2
from parkcarbon.evaluation.v1.evaluation_pb2_grpc import add_EvaluationServiceServicer_to_server

MIGRATIONS = "evaluation.adapters.migrations"
ERROR_DOMAIN = "evaluation.parkcarbon"
WORK = ("evaluation.adapters.documents", "evaluation.api.wire", "evaluation.application.evaluate", "evaluation.application.weigh")
"""The modules of what is computed in workers."""


class Evaluation:
    """The service, built and not yet started."""

    def __init__(self, settings: EvaluationSettings, *, clock: Clock, broker: Broker, executor: Executor | None = None) -> None:
        """Names every part once.

        Args:
            settings: What it was told.
            clock: Tells the time.
            broker: Where its facts go, and those of others come from.
            executor: Shared with others, and outlives the service; None makes one of its own.
        """
        self.logger = configure("evaluation", level=settings.logs.level, renderer=settings.logs.renderer)
        self.telemetry = Telemetry("evaluation", settings.telemetry)
        self.database = settings.database.open(self.telemetry)
        self._encoder = FactEncoder(new_id=_new_id, traceparent=self.telemetry.traceparent)
        self._accounting = Channel(settings.accounting, signer=CallerForwarder(), telemetry=self.telemetry)
        self.relay = Relay(
            self.database,
            broker,
            tables.outbox,
            clock=clock,
            telemetry=self.telemetry,
            logger=self.logger,
            batch=settings.relay_batch,
        )
        self.consumer = Consumer(
            broker,
            group="evaluation",
            topics=consume.TOPICS,
            registry=topic_registry(),
            handlers=consume.handlers(SqlParkCopy),
            database=self.database,
            table=tables.inbox,
            clock=clock,
            telemetry=self.telemetry,
            logger=self.logger,
        )
        own = ProcessExecutor(settings.executor, preload=WORK, telemetry=self.telemetry, logger=self.logger)
        self.executor: Executor = executor or own
        self._own_executor = own
        outside = Outside(
            write=lambda: self.write(Tenant(current_caller().tenant)),
            read=lambda: self.read(Tenant(current_caller().tenant)),
            accounting=AccountingClient(self._accounting),
            shipped=load_shipped_tables(),
            documents=Files(),
            executor=self.executor,
            clock=clock,
            new_id=_new_id,
        )
        servicer = EvaluationServicer(outside, Measures(self.telemetry))
        name = evaluation_pb2.DESCRIPTOR.services_by_name["EvaluationService"].full_name
        verifier = CallerVerifier(
            settings.caller_public_key.read_bytes(),
            issuer=settings.caller_issuer,
            audience=settings.caller_audience,
            clock=clock,
        )
        self.server = GrpcServer(
            settings.server,
            services=[Registration(name, lambda server: add_EvaluationServiceServicer_to_server(servicer, server))],
            verifier=verifier,
            error_domain=ERROR_DOMAIN,
            telemetry=self.telemetry,
            logger=self.logger,
        )
        self.monitoring = Monitoring(
            self.telemetry,
            logger=self.logger,
            parts={"relay": self.relay, "consumer": self.consumer},
            consumers={"evaluation": self.consumer},
            server=self.server,
        )

    def write(self, scope: Scope) -> SqlUnitOfWork:
        """Returns a transaction that may write."""
        return SqlUnitOfWork(self.database, scope=scope, encode=self._encoder.encode, committed=self.relay.notify)

    def read(self, scope: Scope) -> AbstractAsyncContextManager[SqlRecords]:
        """Returns the records for reading."""
        return read_records(self.database, scope)

    @property
    def grpc_address(self) -> str:
        """Where it listens, once started."""
        return self.server.address

    async def start(self) -> None:
        """Brings the schema up to date, then listens to facts and serves."""
        await self.database.migrate(MIGRATIONS)
        await self.relay.start()
        await self.consumer.start()
        await self.server.start()
        await self.monitoring.start()

    async def stop(self) -> None:
        """Finishes the calls in flight, then stops the rest."""
        await self.monitoring.stop()
        await self.server.stop()
        await self._own_executor.stop()
        await self.consumer.stop()
        await self.relay.stop()
        await self._accounting.close()
        await self.database.dispose()
        self.telemetry.shutdown()


def _new_id() -> str:
    return str(uuid4())


def build(settings: EvaluationSettings, *, clock: Clock, broker: Broker, executor: Executor | None = None) -> Evaluation:
    """Builds the service; nothing runs until `start`. Called inside the event loop that it will run in."""
    return Evaluation(settings, clock=clock, broker=broker, executor=executor)


def topic_registry() -> TopicRegistry:
    """Returns the topics as the contracts list them."""
    return TopicRegistry.from_package("parkcarbon")


def run() -> None:
    """Runs the service as a process of its own, as `chassis.process.run_service` does, with settings from the environment."""
    settings = EvaluationSettings()  # type: ignore[call-arg]  # the environment brings what is required
    run_service("evaluation", settings, build, topic_registry())
