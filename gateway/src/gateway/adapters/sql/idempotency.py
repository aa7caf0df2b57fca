"""Idempotency keys in the gateway's database."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.adapters.sql.push_tables import PushTables
from gateway.adapters.sql.upsert import upsert
from gateway.domain.callers import Caller
from gateway.domain.idempotency import HeldKey, IdempotencyKey, KeyState, KeyTimes, StoredAnswer


class SqlKeys:
    """Idempotency keys within one transaction."""

    def __init__(self, session: AsyncSession, tables: PushTables) -> None:
        self._session = session
        self._table = tables.idempotency_key

    async def take(self, key: IdempotencyKey, now: datetime) -> KeyState | None:
        """Takes a key for the request that asks; returns what is known of it where another has it, None where it is taken now."""
        table, until = self._table, KeyTimes(now)
        fresh = {
            "park_id": "",
            "begun_time": now,
            "lease_until": until.lease,
            "fingerprint": "",
            "status": 0,
            "headers_json": "{}",
            "file_id": "",
            "caller_json": None,
        }
        await self._session.execute(delete(table).where(table.c.begun_time < until.over))
        statement = upsert(self._session, table).values(tenant_id=key.tenant_id, subject=key.subject, key=key.key, **fresh)
        # A key without an answer whose lease is over belonged to a process that died.
        taken = statement.on_conflict_do_update(
            index_elements=["tenant_id", "subject", "key"],
            set_=fresh,
            where=(table.c.status == 0) & (table.c.lease_until < now),
        )
        if (await self._session.execute(taken.returning(table.c.key))).first() is not None:
            return None
        row = (await self._session.execute(select(table).where(*self._is(key)))).one()
        if row.status == 0:
            return KeyState(None)
        caller = None if row.caller_json is None else msgspec.json.decode(row.caller_json, type=Caller)
        return KeyState(StoredAnswer(row.fingerprint, row.status, json.loads(row.headers_json), row.file_id, caller))

    async def renew(self, held: HeldKey, now: datetime) -> None:
        """Says that the request which has the key is still under way."""
        await self._session.execute(update(self._table).where(*self._has(held)).values(lease_until=KeyTimes(now).lease))

    async def keep(self, held: HeldKey, answer: StoredAnswer) -> bool:
        """Stores the answer under its key; returns False where another request has taken the key over meanwhile."""
        values = {
            "fingerprint": answer.fingerprint,
            "status": answer.status,
            "headers_json": json.dumps(dict(answer.headers)),
            "file_id": answer.file_id,
            "caller_json": None if answer.caller is None else msgspec.json.encode(answer.caller).decode(),
        }
        kept = update(self._table).where(*self._has(held)).values(**values).returning(self._table.c.key)
        return (await self._session.execute(kept)).first() is not None

    async def release(self, held: HeldKey) -> None:
        """Forgets a key that has no answer, so that the request can be sent again; not one that another request has taken over."""
        await self._session.execute(delete(self._table).where(*self._has(held), self._table.c.status == 0))

    def _has(self, held: HeldKey) -> Sequence[Any]:
        return (*self._is(held.key), self._table.c.begun_time == held.begun_time)

    def _is(self, key: IdempotencyKey) -> Sequence[Any]:
        table = self._table
        return (table.c.tenant_id == key.tenant_id, table.c.subject == key.subject, table.c.key == key.key)
