"""The ports of pushes over the gateway's own database, which every replica shares."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import jobs
from chassis.clock import Clock
from chassis.columns import utc_text
from chassis.database import Database
from chassis.tenancy import Platform, Tenant
from gateway.adapters.documents_sql import SqlDocuments
from gateway.adapters.sql.upsert import upsert
from gateway.adapters.store_tables import StoreTables
from gateway.domain.account import Job
from gateway.domain.profiles import MappingProfile, SavedProfile
from gateway.domain.stored import KeptAnswer, KeyOf, KeyState, NewJob, OwnJob, ProfileChangedMeanwhile, StoredFile, Until
from gateway.domain.webhooks import Delivery, Webhook


class SqlFiles:
    """Files within one transaction. In the database, because that is what replicas share and what is backed up."""

    def __init__(self, session: AsyncSession, tables: StoreTables, now: datetime) -> None:
        self._session = session
        self._files = tables.stored_file
        self._chunks = tables.stored_chunk
        self._now = now

    async def append(self, tenant_id: str, park_id: str, file_id: str, number: int, content: bytes) -> None:
        """Adds a chunk; the file begins with its chunk 0. A chunk that is there already stays as it is."""
        files, chunks = self._files, self._chunks
        added = upsert(self._session, chunks).values(
            tenant_id=tenant_id, park_id=park_id, file_id=file_id, number=number, content=content
        )
        if (await self._session.execute(added.on_conflict_do_nothing().returning(chunks.c.number))).first() is None:
            return
        counted = upsert(self._session, files).values(
            tenant_id=tenant_id, park_id=park_id, file_id=file_id, size_bytes=len(content), chunks=1, begun_time=self._now
        )
        await self._session.execute(
            counted.on_conflict_do_update(
                index_elements=["tenant_id", "file_id"],
                set_={"size_bytes": files.c.size_bytes + len(content), "chunks": files.c.chunks + 1},
            )
        )

    async def find(self, tenant_id: str, file_id: str) -> StoredFile | None:
        """Returns a file, None where there is none."""
        files = self._files
        query = select(files.c.size_bytes, files.c.chunks).where(files.c.tenant_id == tenant_id, files.c.file_id == file_id)
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else StoredFile(file_id, row.size_bytes, row.chunks)

    async def chunk(self, tenant_id: str, file_id: str, number: int) -> bytes | None:
        """Returns a chunk, None behind the last."""
        chunks = self._chunks
        query = select(chunks.c.content).where(
            chunks.c.tenant_id == tenant_id, chunks.c.file_id == file_id, chunks.c.number == number
        )
        found = (await self._session.execute(query)).scalar_one_or_none()
        return None if found is None else bytes(found)

    async def delete(self, tenant_id: str, file_id: str) -> None:
        """Forgets a file."""
        for table in (self._chunks, self._files):
            await self._session.execute(delete(table).where(table.c.tenant_id == tenant_id, table.c.file_id == file_id))

    async def rename(self, tenant_id: str, file_id: str, new_id: str) -> None:
        """Gives a file its lasting name; where there is one of that name already, that one stays and this one goes."""
        if await self.find(tenant_id, new_id) is not None:
            await self.delete(tenant_id, file_id)
            return
        for table in (self._chunks, self._files):
            ours = update(table).where(table.c.tenant_id == tenant_id, table.c.file_id == file_id)
            await self._session.execute(ours.values(file_id=new_id))

    async def expire(self, before: datetime) -> None:
        """Forgets the files of pushes that began before a moment."""
        files, chunks = self._files, self._chunks
        kept = files.c.file_id.startswith("document.", autoescape=True)
        old = select(files.c.tenant_id, files.c.file_id).where(files.c.begun_time < before, ~kept)
        for tenant_id, file_id in (await self._session.execute(old)).all():
            await self._session.execute(delete(chunks).where(chunks.c.tenant_id == tenant_id, chunks.c.file_id == file_id))
            await self._session.execute(delete(files).where(files.c.tenant_id == tenant_id, files.c.file_id == file_id))


class SqlJobs:
    """Jobs within one transaction."""

    def __init__(self, session: AsyncSession, tables: StoreTables, now: datetime) -> None:
        self._session = session
        self._table = tables.job
        self._now = now

    async def submit(self, job: NewJob) -> OwnJob:
        """Stores a job; it is worked off once that is committed."""
        found = await jobs.submit(
            self._session,
            self._table,
            job_id=job.job_id,
            kind=job.kind,
            tenant_id=job.tenant_id,
            park_id=job.park_id,
            owner=job.owner,
            arguments=cast("Mapping[str, jobs.Json]", msgspec.to_builtins(job.arguments)),
            now=self._now,
        )
        return _own(found)

    async def find(self, tenant_id: str, job_id: str) -> OwnJob | None:
        """Returns a job of the tenant, None where there is none."""
        try:
            return _own(await jobs.get(self._session, self._table, job_id=job_id, tenant_id=tenant_id))
        except jobs.JobNotFound:
            return None


def _own(found: jobs.Job) -> OwnJob:
    failure = found.failure
    error: dict[str, object] | None = None
    if failure is not None:
        error = {"kind": failure.kind, "reason": failure.reason, "message": failure.message, "facts": dict(failure.facts)}
    result: dict[str, object] | None = None if found.result is None else {**found.result}
    job = Job(job_id=found.job_id, state=found.state.value, progress=found.progress, result=result, error=error)
    return OwnJob(job, found.park_id, found.owner)


class SqlProfiles:
    """Mapping profiles within one transaction."""

    def __init__(self, session: AsyncSession, tables: StoreTables, now: datetime) -> None:
        self._session = session
        self._table = tables.mapping_profile
        self._now = now

    async def newest(self, tenant_id: str, profile_id: str) -> SavedProfile | None:
        """Returns the newest version, None where there is none."""
        table = self._table
        query = select(table).where(table.c.tenant_id == tenant_id, table.c.profile_id == profile_id)
        row = (await self._session.execute(query.order_by(table.c.version.desc()).limit(1))).one_or_none()
        return None if row is None else _profile(row)

    async def version(self, tenant_id: str, profile_id: str, version: int) -> SavedProfile | None:
        """Returns one version, None where there is none."""
        table = self._table
        query = select(table).where(table.c.tenant_id == tenant_id, table.c.profile_id == profile_id, table.c.version == version)
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else _profile(row)

    async def add(self, tenant_id: str, profile_id: str, version: int, profile: MappingProfile, saved_by: str) -> SavedProfile:
        """Saves a version.

        Raises:
            ProfileChangedMeanwhile: Another request saved that version.
        """
        added = upsert(self._session, self._table).values(
            tenant_id=tenant_id,
            park_id="",
            profile_id=profile_id,
            version=version,
            profile_json=msgspec.json.encode(profile).decode(),
            saved_time=self._now,
            saved_by=saved_by,
        )
        if (await self._session.execute(added.on_conflict_do_nothing().returning(self._table.c.version))).first() is None:
            raise ProfileChangedMeanwhile(profile_id)
        return SavedProfile(
            profile_id=profile_id, version=version, profile=profile, saved_time=utc_text(self._now), saved_by=saved_by
        )

    async def list(self, tenant_id: str, *, after: str, limit: int) -> Sequence[SavedProfile]:
        """Returns the newest version of each profile with an id above `after`, in order of id."""
        table = self._table
        newest = (
            select(table.c.profile_id, func.max(table.c.version).label("version"))
            .where(table.c.tenant_id == tenant_id, table.c.profile_id > after)
            .group_by(table.c.profile_id)
            .order_by(table.c.profile_id)
            .limit(limit)
            .subquery()
        )
        query = (
            select(table)
            .join(newest, (table.c.profile_id == newest.c.profile_id) & (table.c.version == newest.c.version))
            .where(table.c.tenant_id == tenant_id)
            .order_by(table.c.profile_id)
        )
        return [_profile(row) for row in (await self._session.execute(query)).all()]


def _profile(row: Any) -> SavedProfile:
    return SavedProfile(
        profile_id=row.profile_id,
        version=row.version,
        profile=msgspec.json.decode(row.profile_json, type=MappingProfile),
        saved_time=utc_text(row.saved_time),
        saved_by=row.saved_by,
    )


class SqlKeys:
    """Idempotency keys within one transaction."""

    def __init__(self, session: AsyncSession, tables: StoreTables) -> None:
        self._session = session
        self._table = tables.idempotency_key

    async def take(self, key: KeyOf, now: datetime) -> KeyState | None:
        """Takes a key for the request that asks; returns what is known of it where another has it, None where it is taken now."""
        table, until = self._table, Until(now)
        fresh = {
            "park_id": "",
            "begun_time": now,
            "lease_until": until.lease,
            "fingerprint": "",
            "status": 0,
            "headers_json": "{}",
            "file_id": "",
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
        return KeyState(KeptAnswer(row.fingerprint, row.status, json.loads(row.headers_json), row.file_id))

    async def renew(self, key: KeyOf, now: datetime) -> None:
        """Says that the request which has the key is still under way."""
        await self._session.execute(update(self._table).where(*self._is(key)).values(lease_until=Until(now).lease))

    async def keep(self, key: KeyOf, answer: KeptAnswer) -> None:
        """Stores the answer under its key."""
        values = {
            "fingerprint": answer.fingerprint,
            "status": answer.status,
            "headers_json": json.dumps(dict(answer.headers)),
            "file_id": answer.file_id,
        }
        await self._session.execute(update(self._table).where(*self._is(key)).values(**values))

    async def release(self, key: KeyOf) -> None:
        """Forgets a key that has no answer, so that the request can be sent again."""
        await self._session.execute(delete(self._table).where(*self._is(key), self._table.c.status == 0))

    def _is(self, key: KeyOf) -> Sequence[Any]:
        table = self._table
        return (table.c.tenant_id == key.tenant_id, table.c.subject == key.subject, table.c.key == key.key)


class SqlHooks:
    """Webhooks within one transaction."""

    _LEASE = timedelta(seconds=60)
    _SHOWN = 50

    def __init__(self, session: AsyncSession, tables: StoreTables, now: datetime) -> None:
        self._session = session
        self._hooks = tables.webhook
        self._deliveries = tables.webhook_delivery
        self._now = now

    async def put(self, webhook: Webhook, *, held: bool = False) -> None:
        """Stores a webhook, and gives back the lease on it unless it is still being sent to."""
        said = {
            "webhook_json": msgspec.json.encode(webhook).decode(),
            "active": int(webhook.active),
            "due_time": webhook.due_time,
            "lease_until": self._now + self._LEASE if held else self._now,
        }
        statement = upsert(self._session, self._hooks).values(
            tenant_id=webhook.caller.tenant, webhook_id=webhook.webhook_id, park_id="", made_time=webhook.made_time, **said
        )
        await self._session.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "webhook_id"], set_=said))

    async def find(self, tenant_id: str, webhook_id: str) -> Webhook | None:
        """Returns a webhook, None where there is none."""
        table = self._hooks
        query = select(table.c.webhook_json).where(table.c.tenant_id == tenant_id, table.c.webhook_id == webhook_id)
        found = (await self._session.execute(query)).scalar_one_or_none()
        return None if found is None else msgspec.json.decode(found, type=Webhook)

    async def list(self, tenant_id: str) -> Sequence[Webhook]:
        """Returns the webhooks of a tenant in order of making."""
        table = self._hooks
        query = select(table.c.webhook_json).where(table.c.tenant_id == tenant_id).order_by(table.c.made_time, table.c.webhook_id)
        return [msgspec.json.decode(found, type=Webhook) for found in (await self._session.execute(query)).scalars()]

    async def delete(self, tenant_id: str, webhook_id: str) -> None:
        """Forgets a webhook and its deliveries."""
        for table in (self._deliveries, self._hooks):
            await self._session.execute(delete(table).where(table.c.tenant_id == tenant_id, table.c.webhook_id == webhook_id))

    async def take(self, now: datetime) -> Webhook | None:
        """Takes the active webhook that is due for longest for a minute, None where none is."""
        table = self._hooks
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
        await self._session.execute(taken.values(lease_until=now + self._LEASE))
        return msgspec.json.decode(row.webhook_json, type=Webhook)

    async def log(self, webhook: Webhook, delivery: Delivery) -> None:
        """Notes an attempt; of old ones the newest fifty are kept."""
        table, tenant_id = self._deliveries, webhook.caller.tenant
        said = {"status": delivery.status, "outcome": delivery.outcome, "time": delivery.time}
        statement = upsert(self._session, table).values(
            tenant_id=tenant_id,
            webhook_id=webhook.webhook_id,
            park_id="",
            position=delivery.position,
            attempt=delivery.attempt,
            **said,
        )
        keys = ["tenant_id", "webhook_id", "position", "attempt"]
        await self._session.execute(statement.on_conflict_do_update(index_elements=keys, set_=said))
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
