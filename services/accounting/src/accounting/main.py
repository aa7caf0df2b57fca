"""Stands the accounting service up: the only module that knows every room."""

from collections.abc import Mapping
from dataclasses import asdict

from accounting.adapters import tables
from accounting.adapters.factor_files import load_disclosure_rule, load_factor_book, load_reference_tables
from accounting.adapters.sql.account import SqlTransactions
from accounting.adapters.sql.jobs import REBUILD_SUMS
from accounting.api.measures import Measures
from accounting.api.servicer import AccountingServicer
from accounting.application.maintain import open_years, publish_factors, rebuild_sums
from accounting.application.ports import Ports
from accounting.events.publish import FactEncoder
from accounting.settings import AccountingSettings
from chassis.broker import Broker
from chassis.clock import Clock
from chassis.job_runner import JobContext
from chassis.jobs import Json
from chassis.process import run_service
from chassis.service import Service, new_id, servicer
from chassis.tenancy import Platform, Tenant
from chassis.topics import TopicRegistry
from chassis.unit_of_work import Outbox
from parkcarbon.accounting.v1 import accounting_pb2
from parkcarbon.accounting.v1.accounting_pb2_grpc import add_AccountingServiceServicer_to_server

MIGRATIONS = "accounting.adapters.migrations"


class Accounting(Service):
    """The service, built and not yet started.

    Attributes:
        ports: What its use cases work with.
        transactions: Opens transactions over its account.
    """

    def __init__(self, settings: AccountingSettings, *, clock: Clock, broker: Broker) -> None:
        """Puts the parts together; `settings`, `clock` and `broker` are as `Service` takes them."""
        super().__init__("accounting", settings, clock=clock, broker=broker, outbox=tables.outbox, migrations=MIGRATIONS)
        self.runner = self.add_jobs(tables.job, {REBUILD_SUMS: self._rebuild})
        facts = Outbox(tables.outbox, FactEncoder(self.events, now=clock.now).encode, self.relay.notify)
        self.transactions = SqlTransactions(self.database, facts, clock=clock, new_id=new_id, submitted=self.runner.notify)
        self.ports = Ports(
            read=lambda tenant: self.transactions.read(Tenant(tenant)),
            write=lambda tenant: self.transactions.write(Tenant(tenant)),
            write_as_platform=lambda work: self.transactions.write(Platform(work)),
            book=load_factor_book(),
            reference=load_reference_tables(),
            rule=load_disclosure_rule(),
            clock=clock,
        )
        answering = AccountingServicer(self.ports, Measures(self.telemetry))
        self.serve(servicer(accounting_pb2.DESCRIPTOR, "AccountingService", answering, add_AccountingServiceServicer_to_server))

    async def prepare(self) -> None:
        """Makes room for the records of the year, and publishes the factors that are new."""
        await open_years(self.ports)
        await publish_factors(self.ports)

    async def _rebuild(self, context: JobContext) -> Mapping[str, Json]:
        job = context.job
        return asdict(await rebuild_sums(self.ports, job.tenant_id, job.park_id, job_id=job.job_id, attempt=job.attempts))


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
