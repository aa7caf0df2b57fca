"""Transactions over the account: one that reads, and one that may write."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from accounting.adapters.sql.activity import SqlActivity
from accounting.adapters.sql.factors import SqlFactors
from accounting.adapters.sql.findings import SqlFindings
from accounting.adapters.sql.inventories import SqlInventories
from accounting.adapters.sql.jobs import SqlJobs
from accounting.adapters.sql.parks import SqlAnnualFigures, SqlEnterprises, SqlParks, SqlSources
from accounting.adapters.sql.publications import SqlPublications
from accounting.adapters.sql.registrations import RegistrationCache, TransactionRegistrations
from accounting.adapters.sql.sums import SqlSums
from accounting.adapters.sql.wave import TransactionMemory
from accounting.domain.facts import Fact
from chassis.clock import Clock
from chassis.database import Database
from chassis.tenancy import Scope
from chassis.unit_of_work import Outbox, UnitOfWork


class SqlAccount:
    """The account by aggregate, as one session sees it."""

    def __init__(
        self, database: Database, session: AsyncSession, registrations: TransactionRegistrations, memory: TransactionMemory
    ) -> None:
        """Hands the session to each aggregate.

        Args:
            database: Of the service.
            session: Whose transaction decides what is seen.
            registrations: What need not be read again.
            memory: What the session's connection is known to hold.
        """
        self.parks = SqlParks(session, registrations)
        self.enterprises = SqlEnterprises(session, registrations)
        self.sources = SqlSources(session, registrations)
        self.annual_figures = SqlAnnualFigures(session)
        self.activity = SqlActivity(database, session, memory)
        self.sums = SqlSums(session)
        self.factors = SqlFactors(session, memory)
        self.inventories = SqlInventories(session)
        self.findings = SqlFindings(session)
        self.publications = SqlPublications(session)


class SqlUnitOfWork(SqlAccount, UnitOfWork[Fact]):
    """One transaction that may write."""

    jobs: SqlJobs

    def __init__(
        self,
        database: Database,
        scope: Scope,
        facts: Outbox[Fact],
        *,
        registrations: TransactionRegistrations,
        clock: Clock,
        new_id: Callable[[], str],
        submitted: Callable[[], None],
    ) -> None:
        """Stores the parts; the transaction begins with the `async with` block.

        Args:
            database: Of the service.
            scope: For whom the transaction is.
            facts: Where facts go.
            registrations: What need not be read again.
            clock: For the time of queued jobs.
            new_id: Gives the ids of jobs.
            submitted: Called after the commit of a job, so that the runner looks at once.
        """
        UnitOfWork.__init__(self, database, scope, facts)
        self._registrations = registrations
        self._clock = clock
        self._new_id = new_id
        self._submitted = submitted

    def opened(self, session: AsyncSession) -> None:
        """Hands the session to each aggregate."""
        memory = TransactionMemory(session)
        self.after_commit(memory.committed)
        SqlAccount.__init__(self, self._database, session, self._registrations, memory)
        self.jobs = SqlJobs(
            session, clock=self._clock, new_id=self._new_id, after_commit=self.after_commit, submitted=self._submitted
        )


class SqlTransactions:
    """Opens transactions over the account."""

    def __init__(
        self, database: Database, facts: Outbox[Fact], *, clock: Clock, new_id: Callable[[], str], submitted: Callable[[], None]
    ) -> None:
        """Stores the parts, as `SqlUnitOfWork` takes them."""
        self._database = database
        self._facts = facts
        self._clock = clock
        self._new_id = new_id
        self._submitted = submitted
        self.registrations = RegistrationCache()

    def write(self, scope: Scope) -> SqlUnitOfWork:
        """Returns a transaction that may write what is of its scope."""
        return SqlUnitOfWork(
            self._database,
            scope,
            self._facts,
            registrations=self.registrations.of(scope),
            clock=self._clock,
            new_id=self._new_id,
            submitted=self._submitted,
        )

    @asynccontextmanager
    async def read(self, scope: Scope) -> AsyncIterator[SqlAccount]:
        """Opens what is of a scope for reading, as it is at this moment."""
        async with self._database.read(scope) as session:
            yield SqlAccount(self._database, session, self.registrations.of(scope), TransactionMemory(session))
