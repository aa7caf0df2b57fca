"""Transactions of the gateway's database."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cached_property

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import outbox
from chassis.clock import Clock
from chassis.database import Database
from chassis.events import Event
from chassis.tenancy import Platform, Tenant
from gateway.adapters.sql.access import SqlAccessRegister, SqlTokenRegister
from gateway.adapters.sql.audit import SqlAuditRegister
from gateway.adapters.sql.feed import SqlChangeRetention, SqlPlaces
from gateway.adapters.sql.files import SqlFiles
from gateway.adapters.sql.idempotency import SqlKeys
from gateway.adapters.sql.library import SqlDocuments
from gateway.adapters.sql.people import SqlPeopleRegister
from gateway.adapters.sql.platforms import SqlPlatformRegister
from gateway.adapters.sql.push import SqlJobs, SqlProfiles
from gateway.adapters.sql.tables import Tables
from gateway.adapters.sql.webhooks import SqlWebhooks
from gateway.domain.feed.platforms import PlatformConnected


class SqlUnitOfWork:
    """A UnitOfWork over one session.

    Facts that were collected are stored in the outbox with the commit; `committed` is called afterwards.
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
        self._tables = tables
        self._now = now
        self._encode = encode
        self._committed = committed
        self._facts: list[PlatformConnected] = []

    @cached_property
    def tokens(self) -> SqlTokenRegister:
        """Bearer tokens."""
        return SqlTokenRegister(self._session, self._tables.access, self._now)

    @cached_property
    def access(self) -> SqlAccessRegister:
        """Callers, their keys and what was given out for them."""
        return SqlAccessRegister(self._session, self._tables.access)

    @cached_property
    def audit(self) -> SqlAuditRegister:
        """The audit log and quotas."""
        return SqlAuditRegister(self._session, self._tables.audit)

    @cached_property
    def people(self) -> SqlPeopleRegister:
        """People and their sessions."""
        return SqlPeopleRegister(self._session, self._tables.people, self.access)

    @cached_property
    def platforms(self) -> SqlPlatformRegister:
        """Connected platforms."""
        return SqlPlatformRegister(self._session, self._tables.feed)

    @cached_property
    def places(self) -> SqlPlaces:
        """Which region each park of the feed lies in."""
        return SqlPlaces(self._session, self._tables.feed)

    @cached_property
    def changes(self) -> SqlChangeRetention:
        """Where changes past their retention are removed."""
        return SqlChangeRetention(self._session, self._tables.feed)

    @cached_property
    def webhooks(self) -> SqlWebhooks:
        """Webhooks and their deliveries."""
        return SqlWebhooks(self._session, self._tables.feed, self._now)

    @cached_property
    def files(self) -> SqlFiles:
        """Files in chunks."""
        return SqlFiles(self._session, self._tables.push, self._now)

    @cached_property
    def jobs(self) -> SqlJobs:
        """The gateway's own jobs."""
        return SqlJobs(self._session, self._tables.push, self._now)

    @cached_property
    def profiles(self) -> SqlProfiles:
        """Mapping profiles."""
        return SqlProfiles(self._session, self._tables.push, self._now)

    @cached_property
    def keys(self) -> SqlKeys:
        """Idempotency keys."""
        return SqlKeys(self._session, self._tables.push)

    @cached_property
    def documents(self) -> SqlDocuments:
        """The library."""
        return SqlDocuments(self._session, self._tables.library, self._now)

    def collect(self, fact: PlatformConnected) -> None:
        """Adds a fact that becomes known with the commit."""
        self._facts.append(fact)

    async def commit(self) -> None:
        """Makes everything permanent, the facts included."""
        await outbox.append(self._session, self._tables.outbox, [self._encode(fact) for fact in self._facts])
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
        """Opens nothing yet.

        Args:
            database: The gateway's.
            tables: Its tables.
            clock: Tells when something was stored.
            encode: Makes the event of a fact.
            committed: Is called after a commit with facts.
        """
        self._database = database
        self._tables = tables
        self._clock = clock
        self._encode = encode
        self._committed = committed

    @asynccontextmanager
    async def __call__(self, tenant_id: str | None = None, *, work: str = "the gateway's own work") -> AsyncIterator[SqlUnitOfWork]:
        """Opens a transaction; nothing of it stays without a commit."""
        scope = Platform(work) if tenant_id is None else Tenant(tenant_id)
        async with self._database.begin(scope) as session:
            yield SqlUnitOfWork(session, self._tables, self._clock.now(), encode=self._encode, committed=self._committed)

    @asynccontextmanager
    async def read(self, tenant_id: str | None) -> AsyncIterator[SqlUnitOfWork]:
        """Opens a transaction that sees one moment and writes nothing."""
        scope = Platform("reading") if tenant_id is None else Tenant(tenant_id)
        async with self._database.read(scope) as session:
            yield SqlUnitOfWork(session, self._tables, self._clock.now(), encode=self._encode, committed=self._committed)
