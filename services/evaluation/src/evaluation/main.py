"""Stands the evaluation service up: the only module that knows every room."""

from contextlib import AbstractAsyncContextManager

from chassis.broker import Broker
from chassis.clock import Clock
from chassis.executor import Executor
from chassis.process import run_service
from chassis.process_executor import ProcessExecutor
from chassis.service import Service, new_id, servicer
from chassis.tenancy import Tenant
from chassis.topics import TopicRegistry
from chassis.unit_of_work import Outbox
from evaluation.adapters import tables
from evaluation.adapters.documents import Files
from evaluation.adapters.indicator_files import load_shipped_tables
from evaluation.adapters.sql.records import SqlRecords, SqlUnitOfWork, read_records
from evaluation.api.measures import Measures
from evaluation.api.servicer import EvaluationServicer
from evaluation.application.ports import Ports
from evaluation.events import consume
from evaluation.events.publish import FactEncoder
from evaluation.settings import EvaluationSettings
from parkcarbon.evaluation.v1 import evaluation_pb2
from parkcarbon.evaluation.v1.evaluation_pb2_grpc import add_EvaluationServiceServicer_to_server
from parkcopies.accounting_client import AccountingClient
from parkcopies.directory import ParkDirectory

MIGRATIONS = "evaluation.adapters.migrations"
WORK = (
    "evaluation.adapters.documents",
    "evaluation.api.wire",
    "evaluation.application.evaluate",
    "evaluation.application.files",
    "evaluation.application.rank",
    "evaluation.application.weigh",
)
"""The modules of what is computed in workers."""


class Evaluation(Service):
    """The service, built and not yet started.

    Attributes:
        ports: What its use cases work with.
        executor: Computes for it.
    """

    def __init__(self, settings: EvaluationSettings, *, clock: Clock, broker: Broker, executor: Executor | None = None) -> None:
        """Puts the parts together; `settings`, `clock` and `broker` are as `Service` takes them.

        Args:
            settings: Of the service.
            clock: Tells the time.
            broker: Where its facts go, and those of others come from.
            executor: Shared with others, and outlives the service; None makes one of its own.
        """
        super().__init__("evaluation", settings, clock=clock, broker=broker, outbox=tables.outbox, migrations=MIGRATIONS)
        self.consumer = self.add_consumer(consume.TOPICS, topic_registry(), consume.handlers(SqlRecords), tables.inbox)
        if executor is None:
            own = ProcessExecutor(settings.executor, preload=WORK, telemetry=self.telemetry, logger=self.logger)
            self.add(own)
            executor = own
        self.executor: Executor = executor
        facts = Outbox(tables.outbox, FactEncoder(self.events).encode, self.relay.notify)

        def read(tenant: str) -> AbstractAsyncContextManager[SqlRecords]:
            return read_records(self.database, Tenant(tenant))

        def write(tenant: str) -> SqlUnitOfWork:
            return SqlUnitOfWork(self.database, Tenant(tenant), facts)

        self.ports = Ports(
            read=read,
            write=write,
            parks=ParkDirectory(read, write, AccountingClient(self.add_channel(settings.accounting)), clock),
            shipped=load_shipped_tables(),
            documents=Files(),
            executor=executor,
            clock=clock,
            new_id=new_id,
        )
        answering = EvaluationServicer(self.ports, Measures(self.telemetry))
        self.serve(servicer(evaluation_pb2.DESCRIPTOR, "EvaluationService", answering, add_EvaluationServiceServicer_to_server))


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
