"""Transactions of the gateway's database."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import outbox
from chassis.clock import Clock
from chassis.database import Database
from chassis.events import Event
from chassis.tenancy import Platform, Tenant
from gateway.adapters.sql.access import SqlAccessRegister, SqlTokenRegister
from gateway.adapters.sql.audit import SqlAuditRegister
from gateway.adapters.sql.feed import SqlChangeRetention
from gateway.adapters.sql.people import SqlPeopleRegister
from gateway.adapters.sql.platforms import SqlPlatformRegister
from gateway.adapters.sql.tables import Tables
from gateway.domain.feed.platforms import PlatformConnected


class SqlUnitOfWork:
    """A UnitOfWork over one session.

    Facts that were collected are stored in the outbox with the commit; the relay is told afterwards.
    """

    def __init__(
        self,
        session: AsyncSession,
        tables: Tables,
        now: datetime,
        *,
        encode: Callable[[PlatformConnected], Event],
        committed: Callable[[], None],
    ) -> None:
        self._session = session
        self._outbox = tables.outbox
        self._encode = encode
        self._committed = committed
        self._facts: list[PlatformConnected] = []
        self.tokens = SqlTokenRegister(session, tables, now)
        self.access = SqlAccessRegister(session, tables.access)
        self.audit = SqlAuditRegister(session, tables.audit)
        self.people = SqlPeopleRegister(session, tables.people, self.access)
        self.platforms = SqlPlatformRegister(session, tables.connected_platform)
        self.changes = SqlChangeRetention(session, tables)

    def collect(self, fact: PlatformConnected) -> None:
        """Adds a fact that becomes known with the commit."""
        self._facts.append(fact)

    async def commit(self) -> None:
        """Makes everything permanent, the facts included."""
        await outbox.append(self._session, self._outbox, [self._encode(fact) for fact in self._facts])
        await self._session.commit()
        if self._facts:
            self._facts.clear()
            self._committed()


class SqlUnitsOfWork:
    """Opens units of work."""

    def __init__(
        self,
        database: Database,
        tables: Tables,
        clock: Clock,
        *,
        encode: Callable[[PlatformConnected], Event],
        committed: Callable[[], None],
    ) -> None:
        """Stores the parts.

        Args:
            database: The gateway's.
            tables: Its tables.
            clock: Tells when something was stored.
            encode: Makes the event of a fact.
            committed: Is told after a commit with facts.
        """
        self._database = database
        self._tables = tables
        self._clock = clock
        self._encode = encode
        self._committed = committed

    @asynccontextmanager
    async def __call__(self, tenant_id: str | None = None, *, work: str = "grants") -> AsyncIterator[SqlUnitOfWork]:
        """Opens a transaction; nothing of it stays without a commit."""
        scope = Platform(work) if tenant_id is None else Tenant(tenant_id)
        async with self._database.begin(scope) as session:
            yield SqlUnitOfWork(session, self._tables, self._clock.now(), encode=self._encode, committed=self._committed)
