"""Transactions of pushes, webhooks and the library."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.clock import Clock
from chassis.database import Database
from chassis.tenancy import Platform, Tenant
from gateway.adapters.sql.files import SqlFiles
from gateway.adapters.sql.idempotency import SqlKeys
from gateway.adapters.sql.library import SqlDocuments
from gateway.adapters.sql.push import SqlJobs, SqlProfiles
from gateway.adapters.sql.push_tables import StoreTables
from gateway.adapters.sql.webhooks import SqlHooks


class SqlStore:
    """A Store over one session."""

    def __init__(self, session: AsyncSession, tables: StoreTables, now: datetime) -> None:
        self._session = session
        self.files = SqlFiles(session, tables, now)
        self.jobs = SqlJobs(session, tables, now)
        self.profiles = SqlProfiles(session, tables, now)
        self.keys = SqlKeys(session, tables)
        self.hooks = SqlHooks(session, tables, now)
        self.documents = SqlDocuments(session, tables, now)

    async def commit(self) -> None:
        """Makes everything permanent."""
        await self._session.commit()


class SqlStores:
    """Stores over the gateway's database."""

    def __init__(self, database: Database, tables: StoreTables, clock: Clock) -> None:
        """Opens nothing yet."""
        self._database = database
        self._tables = tables
        self._clock = clock

    @asynccontextmanager
    async def write(self, tenant_id: str | None) -> AsyncIterator[SqlStore]:
        """Opens a transaction that may write, for a tenant, or for the platform's own work."""
        scope = Platform("stores") if tenant_id is None else Tenant(tenant_id)
        async with self._database.begin(scope) as session:
            yield SqlStore(session, self._tables, self._clock.now())

    @asynccontextmanager
    async def read(self, tenant_id: str | None) -> AsyncIterator[SqlStore]:
        """Opens a transaction that sees one moment and writes nothing."""
        scope = Platform("stores") if tenant_id is None else Tenant(tenant_id)
        async with self._database.read(scope) as session:
            yield SqlStore(session, self._tables, self._clock.now())
