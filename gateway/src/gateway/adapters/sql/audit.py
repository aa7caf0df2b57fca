"""The audit log and quotas in the gateway's database."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import case, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.adapters.sql.audit_tables import AuditTables
from gateway.adapters.sql.upsert import upsert
from gateway.domain.access.audit import Entry, StoredEntry

_NAMES = tuple(Entry.__dataclass_fields__)


class SqlAuditRegister:
    """An AuditRegister within one transaction."""

    def __init__(self, session: AsyncSession, tables: AuditTables) -> None:
        self._session = session
        self._tables = tables

    async def append(self, entries: Sequence[Entry]) -> None:
        """Stores entries."""
        rows = [{name: getattr(entry, name) for name in _NAMES} for entry in entries]
        await self._session.execute(insert(self._tables.audit), rows)

    async def entries(self, tenant_id: str, after: int, limit: int, subject: str, park_id: str) -> Sequence[StoredEntry]:
        """Returns entries of a tenant whose positions come after one; of a caller and a park, unless they are ""."""
        table = self._tables.audit
        query = select(table).where(table.c.tenant_id == tenant_id, table.c.position > after)
        if subject:
            query = query.where(table.c.subject == subject)
        if park_id:
            query = query.where(table.c.park_id == park_id)
        rows = await self._session.execute(query.order_by(table.c.position).limit(limit))
        return [StoredEntry(row.position, Entry(**{name: getattr(row, name) for name in _NAMES})) for row in rows]

    async def remove_before(self, moment: datetime, limit: int) -> Mapping[str, int]:
        """Deletes entries before a moment, of the oldest `limit`; returns how many of each tenant."""
        table = self._tables.audit
        # By position and not by time, which has no index: entries come in the order of time.
        oldest = select(table.c.position).order_by(table.c.position).limit(limit)
        statement = delete(table).where(table.c.position.in_(oldest), table.c.time < moment).returning(table.c.tenant_id)
        return Counter((await self._session.execute(statement)).scalars())

    async def reserve(self, tenant_id: str, subject: str, start_s: int, share: int) -> int:
        """Adds a share to what a caller has used of a minute; returns what it has used with it."""
        table = self._tables.quota
        new = {"start_s": start_s, "used": share}
        statement = upsert(self._session, table).values(tenant_id=tenant_id, subject=subject, park_id="", **new)
        used = case((table.c.start_s == start_s, table.c.used + share), else_=share)
        statement = statement.on_conflict_do_update(
            index_elements=["tenant_id", "subject"], set_={"start_s": start_s, "used": used}
        )
        found: int = (await self._session.execute(statement.returning(table.c.used))).scalar_one()
        return found
