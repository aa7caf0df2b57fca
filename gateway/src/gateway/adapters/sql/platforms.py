"""Connected platforms in the gateway's database."""

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.adapters.sql.feed_tables import FeedTables
from gateway.adapters.sql.upsert import upsert
from gateway.domain.feed.platforms import PlatformConnected


class SqlPlatformRegister:
    """A PlatformRegister within one transaction."""

    def __init__(self, session: AsyncSession, tables: FeedTables) -> None:
        self._session = session
        self._table = tables.connected_platform

    async def add(self, platform: PlatformConnected) -> bool:
        """Stores a platform; returns False when it was there, and waits for another transaction that is about to store it."""
        table = self._table
        statement = upsert(self._session, table).values(
            tenant_id=platform.tenant_id,
            park_id=platform.park_id,
            platform_id=platform.platform_id,
            kind=platform.kind.value,
            connected_time=platform.connected_time,
        )
        stored = await self._session.execute(statement.on_conflict_do_nothing().returning(table.c.platform_id))
        return stored.one_or_none() is not None
