"""Webhooks and their deliveries in the gateway's database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.adapters.sql.feed_tables import FeedTables
from gateway.adapters.sql.upsert import upsert
from gateway.domain.feed.webhooks import Delivery, Webhook


class SqlWebhooks:
    """Webhooks within one transaction."""

    _LEASE = timedelta(seconds=60)
    _SHOWN = 50

    def __init__(self, session: AsyncSession, tables: FeedTables, now: datetime) -> None:
        self._session = session
        self._webhooks = tables.webhook
        self._deliveries = tables.webhook_delivery
        self._now = now

    async def put(self, webhook: Webhook) -> None:
        """Stores a webhook as its maker wants it: whoever is sending to it has it no longer."""
        columns = self._columns(webhook, self._now)
        statement = upsert(self._session, self._webhooks).values(
            tenant_id=webhook.caller.tenant, webhook_id=webhook.webhook_id, park_id="", made_time=webhook.made_time, **columns
        )
        await self._session.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "webhook_id"], set_=columns))

    async def keep(self, webhook: Webhook, *, held: bool = False) -> Webhook | None:
        """Stores how far the sender of a webhook has come; returns it as it is held then, None where the sender has lost it.

        Args:
            webhook: As `take` or this gave it, with what has changed.
            held: Whether the sender goes on.
        """
        table, until = self._webhooks, self._now + self._LEASE if held else self._now
        # The moment is the sender's token: another sender, its maker and its withdrawal have all changed it.
        ours = (
            table.c.tenant_id == webhook.caller.tenant,
            table.c.webhook_id == webhook.webhook_id,
            table.c.lease_until == webhook.held_until,
        )
        kept = update(table).where(*ours).values(**self._columns(webhook, until)).returning(table.c.webhook_id)
        if (await self._session.execute(kept)).first() is None:
            return None
        return replace(webhook, held_until=until)

    @staticmethod
    def _columns(webhook: Webhook, lease_until: datetime) -> dict[str, Any]:
        return {
            "webhook_json": msgspec.json.encode(replace(webhook, held_until=None)).decode(),
            "active": int(webhook.active),
            "due_time": webhook.due_time,
            "lease_until": lease_until,
        }

    async def find(self, tenant_id: str, webhook_id: str) -> Webhook | None:
        """Returns a webhook, None where there is none."""
        table = self._webhooks
        query = select(table.c.webhook_json).where(table.c.tenant_id == tenant_id, table.c.webhook_id == webhook_id)
        found = (await self._session.execute(query)).scalar_one_or_none()
        return None if found is None else msgspec.json.decode(found, type=Webhook)

    async def list(self, tenant_id: str) -> Sequence[Webhook]:
        """Returns the webhooks of a tenant in order of making."""
        table = self._webhooks
        query = select(table.c.webhook_json).where(table.c.tenant_id == tenant_id).order_by(table.c.made_time, table.c.webhook_id)
        return [msgspec.json.decode(found, type=Webhook) for found in (await self._session.execute(query)).scalars()]

    async def delete(self, tenant_id: str, webhook_id: str) -> None:
        """Forgets a webhook and its deliveries."""
        for table in (self._deliveries, self._webhooks):
            await self._session.execute(delete(table).where(table.c.tenant_id == tenant_id, table.c.webhook_id == webhook_id))

    async def take(self, now: datetime) -> Webhook | None:
        """Takes the active webhook that is due for longest for a minute, None where none is."""
        table = self._webhooks
        due = (
            select(table.c.tenant_id, table.c.webhook_id, table.c.webhook_json)
            .where(table.c.active == 1, table.c.due_time <= now, table.c.lease_until <= now)
            .order_by(table.c.due_time, table.c.webhook_id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        row = (await self._session.execute(due)).one_or_none()
        if row is None:
            return None
        taken = update(table).where(table.c.tenant_id == row.tenant_id, table.c.webhook_id == row.webhook_id)
        until = now + self._LEASE
        await self._session.execute(taken.values(lease_until=until))
        return replace(msgspec.json.decode(row.webhook_json, type=Webhook), held_until=until)

    async def log(self, webhook: Webhook, delivery: Delivery) -> None:
        """Notes an attempt; of old ones the newest fifty are kept."""
        table, tenant_id = self._deliveries, webhook.caller.tenant
        columns = {"status": delivery.status, "outcome": delivery.outcome, "time": delivery.time}
        statement = upsert(self._session, table).values(
            tenant_id=tenant_id,
            webhook_id=webhook.webhook_id,
            park_id="",
            position=delivery.position,
            attempt=delivery.attempt,
            **columns,
        )
        keys = ["tenant_id", "webhook_id", "position", "attempt"]
        await self._session.execute(statement.on_conflict_do_update(index_elements=keys, set_=columns))
        ours = (table.c.tenant_id == tenant_id, table.c.webhook_id == webhook.webhook_id)
        await self._session.execute(delete(table).where(*ours, table.c.position <= delivery.position - self._SHOWN))

    async def deliveries(self, tenant_id: str, webhook_id: str) -> Sequence[Delivery]:
        """Returns the latest attempts, the newest first."""
        table = self._deliveries
        query = (
            select(table)
            .where(table.c.tenant_id == tenant_id, table.c.webhook_id == webhook_id)
            .order_by(table.c.time.desc(), table.c.position.desc(), table.c.attempt.desc())
            .limit(self._SHOWN)
        )
        return [
            Delivery(row.position, row.attempt, row.status, row.outcome, row.time)
            for row in (await self._session.execute(query)).all()
        ]
