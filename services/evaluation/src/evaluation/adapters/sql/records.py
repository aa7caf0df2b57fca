"""Transactions over the records: one that reads, and one that may write."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.database import Database
from chassis.tenancy import Scope
from chassis.unit_of_work import Outbox, UnitOfWork
from evaluation.adapters import tables
from evaluation.adapters.sql.catalogue import SqlSystems, SqlThresholdSets, SqlWeightSets
from evaluation.adapters.sql.evaluations import SqlEvaluations
from evaluation.adapters.sql.platforms import SqlPlatforms
from evaluation.adapters.sql.values import SqlValues
from evaluation.domain.facts import Fact
from parkcopies.sql import SqlParkCopies


class SqlRecords:
    """The records by aggregate, as one session sees them."""

    def __init__(self, session: AsyncSession) -> None:
        """Hands the session, whose transaction decides what is seen, to each aggregate."""
        self.parks = park_copies(session)
        self.platforms = SqlPlatforms(session)
        self.systems = SqlSystems(session)
        self.threshold_sets = SqlThresholdSets(session)
        self.weight_sets = SqlWeightSets(session)
        self.values = SqlValues(session)
        self.evaluations = SqlEvaluations(session)


def park_copies(session: AsyncSession) -> SqlParkCopies:
    """Returns the copies of parks through a session."""
    return SqlParkCopies(session, tables.copies)


class SqlUnitOfWork(SqlRecords, UnitOfWork[Fact]):
    """One transaction that may write."""

    def __init__(self, database: Database, scope: Scope, facts: Outbox[Fact]) -> None:
        """Stores the parts; the transaction begins with the `async with` block."""
        UnitOfWork.__init__(self, database, scope, facts)

    def opened(self, session: AsyncSession) -> None:
        """Hands the session to each aggregate."""
        SqlRecords.__init__(self, session)


@asynccontextmanager
async def read_records(database: Database, scope: Scope) -> AsyncIterator[SqlRecords]:
    """Opens what is of a scope in the records for reading, as it is at this moment."""
    async with database.read(scope) as session:
        yield SqlRecords(session)
