"""Jobs and mapping profiles in the gateway's database."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import jobs
from chassis.columns import utc_text
from gateway.adapters.sql.push_tables import PushTables
from gateway.adapters.sql.upsert import upsert
from gateway.domain.push.jobs import Job, NewJob, OwnJob
from gateway.domain.push.profiles import MappingProfile, ProfileChangedMeanwhile, SavedProfile


class SqlJobs:
    """Jobs within one transaction."""

    def __init__(self, session: AsyncSession, tables: PushTables, now: datetime) -> None:
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

    async def hold(self, job_id: str, attempt: int) -> None:
        """Keeps every other worker from taking the job until the transaction ends.

        Raises:
            JobLost: Another attempt has it, or it has ended.
        """
        await jobs.hold(self._session, self._table, job_id=job_id, attempt=attempt)

    async def succeed(self, job_id: str, attempt: int, result: Mapping[str, int | str]) -> None:
        """Saves that the job has succeeded, with whatever else the transaction does.

        Raises:
            JobLost: As `hold`.
        """
        await jobs.succeed(self._session, self._table, job_id=job_id, attempt=attempt, result=result, now=self._now)


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

    def __init__(self, session: AsyncSession, tables: PushTables, now: datetime) -> None:
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

    async def add(
        self, tenant_id: str, profile_id: str, version: int, profile: MappingProfile, saved_by: str, owner: str
    ) -> SavedProfile:
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
            owner=owner,
        )
        if (await self._session.execute(added.on_conflict_do_nothing().returning(self._table.c.version))).first() is None:
            raise ProfileChangedMeanwhile(profile_id)
        return SavedProfile(
            profile_id=profile_id,
            version=version,
            profile=profile,
            saved_time=utc_text(self._now),
            saved_by=saved_by,
            owner=owner,
        )

    async def list(self, tenant_id: str, owners: Collection[str] | None, *, after: str, limit: int) -> Sequence[SavedProfile]:
        """Returns the newest version of each profile of some owners, None for all, with an id above `after`, in order of id."""
        table = self._table
        theirs = () if owners is None else (table.c.owner.in_(sorted(owners)),)
        newest = (
            select(table.c.profile_id, func.max(table.c.version).label("version"))
            .where(table.c.tenant_id == tenant_id, table.c.profile_id > after, *theirs)
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
        owner=row.owner,
    )
