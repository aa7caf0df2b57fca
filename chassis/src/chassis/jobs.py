"""Long tasks: a row per job in the service's own database, worked off by whichever replica has a hand free.

A job is claimed for a while (its lease) and claimed anew when the lease runs out, so it survives the death of its worker; the
number of the attempt keeps a worker that was only asleep from writing into a later one. A handler therefore may run more than
once for one job, and has to bear it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    REAL,
    Column,
    ColumnElement,
    Double,
    Index,
    Integer,
    MetaData,
    Row,
    Table,
    Text,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.columns import UtcDateTime
from chassis.dialects import insert_for
from chassis.tenancy import Platform
from kernel.refusals import Kind, Refusal

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

JOB: Final = "job"
_FIRST_PAUSE: Final = timedelta(seconds=1)
_LONGEST_PAUSE: Final = timedelta(minutes=5)
_OWN_WORK: Final = Platform("jobs")


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class JobFailure:
    """Why a job failed.

    Attributes:
        kind: One of `refusals.Kind`, or `internal`.
        reason: UPPER_SNAKE.
        message: A sentence.
        facts: What was found and what was allowed.
    """

    kind: str
    reason: str
    message: str
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Job:
    """A long task.

    Attributes:
        job_id: Chosen by who submits it.
        kind: Names its handler.
        tenant_id: Whose it is.
        park_id: The park it is about, "" for none.
        owner: The subject that submitted it.
        arguments: For the handler.
        state: Where it stands.
        progress: 0 to 1 inclusive.
        attempts: How often it was begun.
        cancel_requested: Whether somebody wants it to end.
        result: What the handler returned, once succeeded.
        failure: Why it failed, once failed.
        created_at: When it was submitted.
        updated_at: When its row last changed.
        traceparent: The span it was submitted in, "" for none.
    """

    job_id: str
    kind: str
    tenant_id: str
    park_id: str
    owner: str
    arguments: Mapping[str, Json]
    state: JobState
    progress: float
    attempts: int
    cancel_requested: bool
    result: Mapping[str, Json] | None
    failure: JobFailure | None
    created_at: datetime
    updated_at: datetime
    traceparent: str

    @property
    def done(self) -> bool:
        """Whether nothing more will happen."""
        return self.state not in (JobState.QUEUED, JobState.RUNNING)


class JobNotFound(Refusal):
    """There is no such job, or it is another tenant's."""

    kind = Kind.NOT_FOUND
    reason = "JOB_NOT_FOUND"

    def __init__(self, job_id: str) -> None:
        """Stores which."""
        super().__init__(f"there is no job {job_id!r}", job_id=job_id)
        self.job_id = job_id


class JobDiffers(Refusal):
    """A job of that id exists, with other content."""

    kind = Kind.ALREADY_EXISTS
    reason = "JOB_DIFFERS"

    def __init__(self, job_id: str) -> None:
        """Stores which."""
        super().__init__(f"job {job_id!r} exists with other content", job_id=job_id)
        self.job_id = job_id


def job_table(metadata: MetaData) -> Table:
    """Adds the table `job` to a service's metadata, for its migrations and for its runner."""
    return Table(
        JOB,
        metadata,
        Column("job_id", Text, primary_key=True),
        Column("kind", Text, nullable=False),
        Column("tenant_id", Text, nullable=False),
        Column("park_id", Text, nullable=False),
        Column("owner", Text, nullable=False),
        Column("arguments", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("progress", Double().with_variant(REAL(), "sqlite"), nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("cancel_requested", Integer, nullable=False),
        Column("due_at", UtcDateTime, nullable=False),
        Column("lease_until", UtcDateTime),
        Column("result", Text),
        Column("failure", Text),
        Column("created_at", UtcDateTime, nullable=False),
        Column("updated_at", UtcDateTime, nullable=False),
        Column("traceparent", Text, nullable=False),
        Index("job_by_state", "state", "due_at"),
        Index("job_by_tenant", "tenant_id", "created_at", "job_id"),
        sqlite_strict=True,
    )


async def submit(
    session: AsyncSession,
    table: Table,
    *,
    job_id: str,
    kind: str,
    tenant_id: str,
    park_id: str,
    owner: str,
    arguments: Mapping[str, Json],
    now: datetime,
    traceparent: str = "",
) -> Job:
    """Stores a job in the session's transaction; a runner finds it once that is committed.

    The same id with the same content is the same job, and is returned as it stands now.

    Raises:
        JobDiffers: If the id exists with another kind, tenant, park, owner or other arguments.
        ValueError: If the arguments hold NaN or an infinity.
    """
    encoded = encode_result(arguments)
    values: dict[str, Any] = {
        "job_id": job_id,
        "kind": kind,
        "tenant_id": tenant_id,
        "park_id": park_id,
        "owner": owner,
        "arguments": encoded,
        "state": JobState.QUEUED.value,
        "progress": 0.0,
        "attempts": 0,
        "cancel_requested": 0,
        "due_at": now,
        "created_at": now,
        "updated_at": now,
        "traceparent": traceparent,
    }
    await session.execute(insert_for(session, table).values(values).on_conflict_do_nothing())
    found = (await session.execute(select(table).where(table.c.job_id == job_id))).one()
    if (found.kind, found.tenant_id, found.park_id, found.owner, found.arguments) != (
        kind,
        tenant_id,
        park_id,
        owner,
        encoded,
    ):
        raise JobDiffers(job_id)
    return job_of(found)


async def get(session: AsyncSession, table: Table, *, job_id: str, tenant_id: str | None) -> Job:
    """Returns a job.

    Args:
        session: To read with.
        table: Of the jobs.
        job_id: Which.
        tenant_id: Whose; None for anyone's.

    Raises:
        JobNotFound: If there is none of that tenant.
    """
    wanted = select(table).where(table.c.job_id == job_id, *_of(table, tenant_id))
    row = (await session.execute(wanted)).one_or_none()
    if row is None:
        raise JobNotFound(job_id)
    return job_of(row)


async def page(
    session: AsyncSession, table: Table, *, tenant_id: str | None, limit: int, before: tuple[datetime, str] | None
) -> Sequence[Job]:
    """Returns jobs, the newest first.

    Args:
        session: To read with.
        table: Of the jobs.
        tenant_id: Whose; None for everyone's.
        limit: At most so many, >= 1.
        before: `created_at` and `job_id` of the last job of the page before, None for the first page.
    """
    wanted = select(table).where(*_of(table, tenant_id))
    if before is not None:
        key = tuple_(table.c.created_at, table.c.job_id)
        wanted = wanted.where(key < tuple_(*before, types=[UtcDateTime(), Text()]))
    newest = wanted.order_by(table.c.created_at.desc(), table.c.job_id.desc()).limit(limit)
    return [job_of(row) for row in await session.execute(newest)]


async def request_cancel(session: AsyncSession, table: Table, *, job_id: str, tenant_id: str | None, now: datetime) -> None:
    """Ends a queued job, asks the worker of a running one to end it, and leaves a finished one as it is.

    Raises:
        JobNotFound: If there is none of that tenant.
    """
    where = (table.c.job_id == job_id, *_of(table, tenant_id))
    queued = update(table).where(*where, table.c.state == JobState.QUEUED.value)
    running = update(table).where(*where, table.c.state == JobState.RUNNING.value)
    await session.execute(running.values(cancel_requested=1, updated_at=now))
    await session.execute(queued.values(state=JobState.CANCELLED.value, cancel_requested=1, updated_at=now))
    await get(session, table, job_id=job_id, tenant_id=tenant_id)


def _of(table: Table, tenant_id: str | None) -> Sequence[ColumnElement[bool]]:
    return () if tenant_id is None else (table.c.tenant_id == tenant_id,)


def encode_result(value: Mapping[str, Json]) -> str:
    """Returns the result of a job as it is stored."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True)


def encode_failure(failure: JobFailure) -> str:
    """Returns the failure of a job as it is stored."""
    return encode_result({"kind": failure.kind, "reason": failure.reason, "message": failure.message, "facts": dict(failure.facts)})


def job_of(row: Row[Any]) -> Job:
    """Returns a stored job."""
    return Job(
        job_id=row.job_id,
        kind=row.kind,
        tenant_id=row.tenant_id,
        park_id=row.park_id,
        owner=row.owner,
        arguments=json.loads(row.arguments),
        state=JobState(row.state),
        progress=row.progress,
        attempts=row.attempts,
        cancel_requested=bool(row.cancel_requested),
        result=json.loads(row.result) if row.result is not None else None,
        failure=JobFailure(**json.loads(row.failure)) if row.failure is not None else None,
        created_at=row.created_at,
        updated_at=row.updated_at,
        traceparent=row.traceparent,
    )
