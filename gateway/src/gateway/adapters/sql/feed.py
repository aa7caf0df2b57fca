"""The change feed in the gateway's database."""

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile

from sqlalchemy import delete, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.columns import utc_text
from chassis.database import Database
from chassis.tenancy import Tenant
from gateway.adapters.sql.feed_tables import FeedTables
from gateway.adapters.sql.upsert import upsert
from gateway.domain.callers import Caller
from gateway.domain.errors import CursorExpired
from gateway.domain.feed.changes import Change, IncomingFact


class SqlChangeLog:
    """A ChangeLog within the transaction of the inbox."""

    def __init__(self, session: AsyncSession, tables: FeedTables) -> None:
        self._session = session
        self._tables = tables

    async def append(self, change: IncomingFact) -> Change:
        """Gives the change the tenant's next position.

        The counter's row is locked by the upsert until the transaction ends. Without that lock a transaction that took its position
        early could commit after a later one, and a reader would have gone past it.
        """
        counter = self._tables.change_counter
        counted = (
            upsert(self._session, counter)
            .values(tenant_id=change.tenant_id, park_id="", last_position=1)
            .on_conflict_do_update(index_elements=["tenant_id", "park_id"], set_={"last_position": counter.c.last_position + 1})
            .returning(counter.c.last_position)
        )
        position: int = (await self._session.execute(counted)).scalar_one()
        values = {
            "tenant_id": change.tenant_id,
            "park_id": change.park_id,
            "topic": change.topic,
            "type": change.type,
            "time": change.time,
            "event_id": change.event_id,
            "data_json": change.data_json,
        }
        await self._session.execute(self._tables.change.insert().values(position=position, **values))
        if change.region_code:
            place = {"tenant_id": change.tenant_id, "park_id": change.park_id, "region_code": change.region_code}
            known = upsert(self._session, self._tables.park_place).values(**place)
            await self._session.execute(known.on_conflict_do_update(index_elements=["tenant_id", "park_id"], set_=place))
        return Change(position=position, **values)


class SqlChangeFeed:
    """A ChangeFeed over committed changes."""

    def __init__(self, database: Database, tables: FeedTables) -> None:
        self._database = database
        self._table = tables.change
        self._counter = tables.change_counter
        self._place = tables.park_place

    async def read(self, caller: Caller, *, after: int, limit: int) -> Sequence[Change]:
        """Returns at most `limit` changes of the parks that the caller reaches with a position above `after`, ascending.

        Raises:
            CursorExpired: `after` is not 0, and what came next is no longer kept.
        """
        table, place, tenant_id = self._table, self._place, caller.tenant
        query = (
            select(table).where(table.c.tenant_id == tenant_id, table.c.position > after).order_by(table.c.position).limit(limit)
        )
        if caller.reached_parks is not None:
            query = query.where(table.c.park_id.in_(caller.reached_parks))
        if caller.regions is not None:
            within = or_(false(), *(place.c.region_code.startswith(each, autoescape=True) for each in caller.regions if each))
            query = query.where(table.c.park_id.in_(select(place.c.park_id).where(place.c.tenant_id == tenant_id, within)))
        async with self._database.read(Tenant(tenant_id)) as session:
            # In the transaction that reads the changes: what is forgotten meanwhile is still seen, or its absence is.
            if after and (oldest := await self._oldest(session, tenant_id)) > after + 1:
                raise CursorExpired(str(after), oldest)
            rows = (await session.execute(query)).all()
        return [
            Change(
                position=row.position,
                tenant_id=row.tenant_id,
                park_id=row.park_id,
                topic=row.topic,
                type=row.type,
                time=row.time,
                event_id=row.event_id,
                data_json=row.data_json,
            )
            for row in rows
        ]

    async def newest(self, tenant_id: str) -> int:
        """Returns the last position of a tenant, 0 before the first."""
        async with self._database.read(Tenant(tenant_id)) as session:
            return await self._last(session, tenant_id)

    async def _last(self, session: AsyncSession, tenant_id: str) -> int:
        counter = self._counter
        return int(await session.scalar(select(counter.c.last_position).where(counter.c.tenant_id == tenant_id)) or 0)

    async def _oldest(self, session: AsyncSession, tenant_id: str) -> int:
        """Returns the position of the oldest change that is kept; where none is, that of the next."""
        kept = await session.scalar(select(func.min(self._table.c.position)).where(self._table.c.tenant_id == tenant_id))
        return int(kept) if kept is not None else await self._last(session, tenant_id) + 1


class SqlChangeRetention:
    """A ChangeRetention within one transaction."""

    def __init__(self, session: AsyncSession, tables: FeedTables) -> None:
        self._session = session
        self._table = tables.change
        self._counter = tables.change_counter

    async def tenants(self) -> Sequence[str]:
        """Returns every tenant that has a feed."""
        return list(await self._session.scalars(select(self._counter.c.tenant_id).order_by(self._counter.c.tenant_id)))

    async def remove_before(self, tenant_id: str, moment: datetime, limit: int) -> int:
        """Forgets the oldest changes of a tenant, at most `limit`, up to the first that is not before a moment; says how many.

        A change is as old as the fact that it tells, to the second.
        """
        table, before = self._table, utc_text(moment)[:_SECONDS]
        oldest = select(table.c.position, table.c.time).where(table.c.tenant_id == tenant_id).order_by(table.c.position)
        rows = (await self._session.execute(oldest.limit(limit))).all()
        # The feed loses its beginning and never gets holes, in whatever order facts arrived.
        old = list(takewhile(lambda row: row.time[:_SECONDS] < before, rows))
        if old:
            ours = (table.c.tenant_id == tenant_id, table.c.position <= old[-1].position)
            await self._session.execute(delete(table).where(*ours))
        return len(old)


_SECONDS = len("2026-01-31T00:00:00")
