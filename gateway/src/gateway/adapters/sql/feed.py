"""The change feed in the gateway's database."""

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import takewhile

from sqlalchemy import delete, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.columns import utc_text
from chassis.database import Database
from chassis.tenancy import Tenant
from gateway.adapters.sql.feed_tables import FeedTables
from gateway.adapters.sql.upsert import upsert
from gateway.domain.errors import CursorExpired
from gateway.domain.feed.changes import Change, FeedRead, IncomingFact
from kernel.access import WholeParks


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
        if change.park_id:
            # Registrations come by another topic, and may come later: a park that is not placed yet is noted as such.
            await SqlPlaces(self._session, self._tables).put(change.tenant_id, change.park_id, change.region_code)
        return Change(position=position, **values)


class SqlPlaces:
    """Places within one transaction."""

    def __init__(self, session: AsyncSession, tables: FeedTables) -> None:
        self._session = session
        self._table = tables.park_place

    async def put(self, tenant_id: str, park_id: str, region_code: str) -> None:
        """Stores which region a park lies in; "" where it is not known, which changes nothing that is."""
        place = {"tenant_id": tenant_id, "park_id": park_id, "region_code": region_code}
        statement = upsert(self._session, self._table).values(**place)
        known = statement.on_conflict_do_update(index_elements=["tenant_id", "park_id"], set_=place)
        await self._session.execute(known if region_code else statement.on_conflict_do_nothing())


class SqlChangeFeed:
    """A ChangeFeed over committed changes."""

    def __init__(self, database: Database, tables: FeedTables) -> None:
        self._database = database
        self._table = tables.change
        self._counter = tables.change_counter
        self._place = tables.park_place

    async def read(self, parks: WholeParks, *, after: int, limit: int, nowhere: Collection[str] = ()) -> FeedRead:
        """Returns at most `limit` changes of parks with a position above `after`, ascending.

        Args:
            parks: Whose changes are read.
            after: A position; 0 for the beginning.
            limit: >= 1.
            nowhere: Parks that are in no region: their changes are passed over where a region is asked for.

        Raises:
            CursorExpired: `after` is not 0, and what came next is no longer kept.
        """
        table, place, tenant_id, bounds = self._table, self._place, parks.tenant, parks.bounds
        query = (
            select(table).where(table.c.tenant_id == tenant_id, table.c.position > after).order_by(table.c.position).limit(limit)
        )
        if bounds.parks is not None:
            query = query.where(table.c.park_id.in_(bounds.parks))
        if bounds.regions is not None:
            within = or_(false(), *(place.c.region_code.startswith(each, autoescape=True) for each in bounds.regions if each))
            query = query.where(table.c.park_id.in_(select(place.c.park_id).where(place.c.tenant_id == tenant_id, within)))
        held_by = ""
        async with self._database.read(Tenant(tenant_id)) as session:
            # In the transaction that reads the changes: what is forgotten meanwhile is still seen, or its absence is.
            if after and (oldest := await self._oldest(session, tenant_id)) > after + 1:
                raise CursorExpired(str(after), oldest)
            if bounds.regions is not None and (held := await self._first_without_region(session, parks, after, nowhere)):
                position, held_by = held
                query = query.where(table.c.position < position)
            rows = (await session.execute(query)).all()
        changes = [
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
        # A part that is full ends before it came to where it is held.
        return FeedRead(changes, "" if len(changes) == limit else held_by)

    async def _first_without_region(
        self, session: AsyncSession, parks: WholeParks, after: int, nowhere: Collection[str]
    ) -> tuple[int, str] | None:
        """Returns position and park of the first change after a position whose park is not placed yet, None for none."""
        table, place = self._table, self._place
        unknown = select(place.c.park_id).where(
            place.c.tenant_id == parks.tenant, place.c.region_code == "", place.c.park_id.not_in(nowhere)
        )
        if parks.bounds.parks is not None:
            unknown = unknown.where(place.c.park_id.in_(parks.bounds.parks))
        # Asked by itself, as there is hardly ever one: the changes are not searched for what does not exist.
        if (await session.execute(unknown.limit(1))).first() is None:
            return None
        first = (
            select(table.c.position, table.c.park_id)
            .where(table.c.tenant_id == parks.tenant, table.c.position > after, table.c.park_id.in_(unknown))
            .order_by(table.c.position)
            .limit(1)
        )
        found = (await session.execute(first)).first()
        return None if found is None else (found.position, found.park_id)

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
