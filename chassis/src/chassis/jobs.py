"""Long tasks: a row per job in the service's own database, worked off by whichever replica has a hand free.

A job is claimed for a while (its lease) and claimed anew when the lease runs out, so it survives the death of its worker; the
number of the attempt keeps a worker that was only asleep from writing into a later one. A handler therefore may run more than
once for one job, and has to bear it.

A handler removes nothing that another attempt needs before the end of its job is saved: it saves the end itself by `succeed`, in
the transaction that removes it. What it stores on the way it stores in a transaction that began with `hold`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias, cast

from sqlalchemy import (
    REAL,
    Column,
    ColumnElement,
    CursorResult,
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
from kernel.refusals import Kind, Refusal

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

JOB: Final = "job"


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


class JobLost(Exception):
    """The job is no longer the attempt's: its lease ran out and another worker has it, or it has ended.

    Not a refusal: nobody is answered with it, and the runner ends the attempt without saving anything.
    """

    def __init__(self, job_id: str, attempt: int) -> None:
        """Stores which."""
        super().__init__(f"attempt {attempt} of job {job_id} has lost it")
        self.job_id = job_id
        self.attempt = attempt


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


async def hold(session: AsyncSession, table: Table, *, job_id: str, attempt: int) -> None:
    """Keeps every other worker from taking a job until the session's transaction ends.

    Args:
        session: What is written in its transaction is this attempt's, or is not written.
        table: Of the jobs.
        job_id: Which.
        attempt: `Job.attempts` as the handler was given it.

    Raises:
        JobLost: If the job is no longer this attempt's.
    """
    held = select(table.c.job_id).where(*of_attempt(table, job_id, attempt)).with_for_update()
    if (await session.execute(held)).first() is None:
        raise JobLost(job_id, attempt)


async def change(session: AsyncSession, table: Table, *, job_id: str, attempt: int, now: datetime, **values: object) -> None:
    """Changes the row of a job in the session's transaction.

    Raises:
        JobLost: If the job is no longer this attempt's.
    """
    changed = update(table).where(*of_attempt(table, job_id, attempt)).values(**values, updated_at=now)
    if cast("CursorResult[Any]", await session.execute(changed)).rowcount == 0:
        raise JobLost(job_id, attempt)


async def succeed(
    session: AsyncSession, table: Table, *, job_id: str, attempt: int, result: Mapping[str, Json], now: datetime
) -> None:
    """Saves in the session's transaction that a job has succeeded: what else the transaction does is done with it, or not at all.

    Args:
        session: Of the service's own database.
        table: Of the jobs.
        job_id: Which.
        attempt: `Job.attempts` as the handler was given it.
        result: The handler returns the same afterwards.
        now: When.

    Raises:
        JobLost: If the job is no longer this attempt's.
        ValueError: If the result holds NaN or an infinity.
    """
    await change(session, table, job_id=job_id, attempt=attempt, now=now, **succeeded(result))


def succeeded(result: Mapping[str, Json]) -> dict[str, object]:
    """Returns the columns of a job that has succeeded."""
    return {"state": JobState.SUCCEEDED.value, "progress": 1.0, "result": encode_result(result), "lease_until": None}


def of_attempt(table: Table, job_id: str, attempt: int) -> Sequence[ColumnElement[bool]]:
    """Returns the condition that a job is running, and is this attempt's."""
    return (table.c.job_id == job_id, table.c.state == JobState.RUNNING.value, table.c.attempts == attempt)


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
