"""Long tasks: a row per job in the service's own database, worked off by whichever replica has a hand free.

A job is claimed for a while (its lease) and claimed anew when the lease runs out, so it survives the death of its worker; the
number of the attempt keeps a worker that was only asleep from writing into a later one. A handler therefore may run more than
once for one job, and has to bear it.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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
    and_,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import telemetry_names as names
from chassis.clock import Clock
from chassis.columns import UtcDateTime
from chassis.database import Database, DatabaseUnavailable
from chassis.dialects import insert_for
from chassis.errors import INTERNAL, kind_of
from chassis.logs import Logger
from chassis.telemetry import Telemetry
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
    encoded = _encode(arguments)
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
    return _job(found)


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
    return _job(row)


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
    return [_job(row) for row in await session.execute(newest)]


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


class JobContext:
    """What a handler is given.

    Attributes:
        job: As it was when the attempt began.
        cancelled: Set when somebody wants the job to end. The handler's task is cancelled as well; this is for work that it
            has in a thread or another process.
    """

    def __init__(self, job: Job, save_progress: Callable[[float], Awaitable[None]]) -> None:
        """Stores the job, and how to save its progress."""
        self.job = job
        self.cancelled = asyncio.Event()
        self._save_progress = save_progress

    async def progress(self, fraction: float) -> None:
        """Says how far the job is; seen by everyone at once.

        Args:
            fraction: 0 to 1 inclusive.

        Raises:
            ValueError: If it is not between 0 and 1.
        """
        if not 0.0 <= fraction <= 1.0:
            raise ValueError(f"progress is between 0 and 1, got {fraction}")
        await self._save_progress(fraction)


JobHandler = Callable[[JobContext], Awaitable[Mapping[str, Json]]]
"""Does a job, and returns its result."""


class JobRunner:
    """Works off the jobs of one service.

    What becomes of an attempt: returned, the job has succeeded; an error of kind `unavailable` or `exhausted` queues it again
    with growing pauses, every other error fails it; `max_attempts` are the most that are begun, counting those that a death
    ended. A stop gives running jobs back, without counting the attempt.
    """

    def __init__(
        self,
        database: Database,
        table: Table,
        kinds: Mapping[str, JobHandler],
        *,
        clock: Clock,
        telemetry: Telemetry,
        logger: Logger,
        concurrency: int = 2,
        max_attempts: int = 5,
        lease: timedelta = timedelta(seconds=60),
        heartbeat_seconds: float = 2.0,
        poll_seconds: float = 2.0,
    ) -> None:
        """Stores the parts.

        Args:
            database: Of the service.
            table: Made by `job_table`.
            kinds: Handlers by kind; jobs of other kinds are left to other runners.
            clock: For leases.
            telemetry: Of the service.
            logger: Of the service.
            concurrency: Jobs at a time, >= 1.
            max_attempts: >= 1.
            lease: How long a job waits for another worker after the death of its own; several heartbeats.
            heartbeat_seconds: How often a lease is renewed and a wish to cancel is seen, > 0.
            poll_seconds: How long a job waits at most when nobody calls `notify`, > 0.
        """
        self._database = database
        self._table = table
        self._kinds = dict(kinds)
        self._clock = clock
        self._telemetry = telemetry
        self._logger = logger
        self._concurrency = concurrency
        self._max_attempts = max_attempts
        self._lease = lease
        self._heartbeat_seconds = heartbeat_seconds
        self._poll_seconds = poll_seconds
        self._notified = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._attempts: set[asyncio.Task[None]] = set()
        self._finished = telemetry.counter(names.METRIC_JOBS_FINISHED)

    @property
    def healthy(self) -> bool:
        """Whether it works: it was started, and has not ended by itself."""
        return self._task is not None and not self._task.done()

    def notify(self) -> None:
        """Tells that a job was committed; called after such a commit, in the event loop.

        Each call asks the database for a job, so a commit without one does not call. A job that was submitted to another
        replica is found within `poll_seconds`.
        """
        self._notified.set()

    async def start(self) -> None:
        """Begins to work off jobs."""
        for kind in self._kinds:
            # An increase is only seen from a value that was there before.
            self._finished.add(0, {names.ATTRIBUTE_JOB_KIND: kind, names.ATTRIBUTE_OUTCOME: JobState.FAILED.value})
        self._stopping = False
        self._task = asyncio.create_task(self._run(), name="job runner")

    async def stop(self) -> None:
        """Gives running jobs back, to be begun again by any runner at once."""
        self._stopping = True
        self._notified.set()
        if self._task is not None:
            await self._task
            self._task = None
        for attempt in self._attempts:
            attempt.cancel()
        await asyncio.gather(*self._attempts, return_exceptions=True)

    async def _run(self) -> None:
        while not self._stopping:
            self._notified.clear()
            try:
                while not self._stopping and len(self._attempts) < self._concurrency:
                    job = await self._claim()
                    if job is None:
                        break
                    attempt = asyncio.create_task(self._attempt(job), name=f"job {job.job_id}")
                    self._attempts.add(attempt)
                    attempt.add_done_callback(self._ended)
            except (SQLAlchemyError, DatabaseUnavailable) as error:
                self._logger.warning("jobs not read", error=str(error), retry_seconds=self._poll_seconds)
            if not self._stopping:
                await self._rest(self._notified, self._poll_seconds)

    def _ended(self, attempt: asyncio.Task[None]) -> None:
        self._attempts.discard(attempt)
        self._notified.set()

    async def _rest(self, until: asyncio.Event, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await until.wait()
        except TimeoutError:
            return

    async def _claim(self) -> Job | None:
        table, now = self._table, self._clock.now()
        free = or_(
            and_(table.c.state == JobState.QUEUED.value, table.c.due_at <= now),
            and_(table.c.state == JobState.RUNNING.value, table.c.lease_until < now),
        )
        oldest = (
            select(table)
            .where(free, table.c.kind.in_(self._kinds))
            .order_by(table.c.due_at, table.c.job_id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        async with self._database.begin(_OWN_WORK) as session:
            row = (await session.execute(oldest)).one_or_none()
            if row is None:
                return None
            if row.cancel_requested:
                values: dict[str, Any] = {"state": JobState.CANCELLED.value, "lease_until": None}
            elif row.attempts >= self._max_attempts:
                failure = JobFailure(INTERNAL, "ATTEMPTS_EXHAUSTED", f"the job was begun {row.attempts} times and never ended", {})
                values = {"state": JobState.FAILED.value, "lease_until": None, "failure": _encode_failure(failure)}
            else:
                values = {
                    "state": JobState.RUNNING.value,
                    "attempts": row.attempts + 1,
                    "lease_until": now + self._lease,
                }
            await session.execute(update(table).where(table.c.job_id == row.job_id).values(**values, updated_at=now))
            job = await get(session, table, job_id=row.job_id, tenant_id=None)
            await session.commit()
        return job if job.state is JobState.RUNNING else await self._claim()

    async def _attempt(self, job: Job) -> None:
        context = JobContext(job, lambda fraction: self._save(job, progress=fraction))
        with self._telemetry.span(
            names.SPAN_JOB_RUN,
            traceparent=job.traceparent,
            attributes={names.ATTRIBUTE_JOB_KIND: job.kind, names.ATTRIBUTE_JOB_ID: job.job_id},
        ):
            work = asyncio.create_task(self._work(context))
            pulse = asyncio.create_task(self._keep(context, work))
            values: dict[str, Any] | None
            try:
                values = await work
            except asyncio.CancelledError:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
                values = self._given_up(context)
            finally:
                pulse.cancel()
                await asyncio.gather(pulse, return_exceptions=True)
            if values is None:
                return
            try:
                await self._save(job, lease_until=None, **values)
            except (SQLAlchemyError, DatabaseUnavailable) as error:
                # The lease runs out, and another attempt begins.
                self._logger.warning("job's end not saved", job_id=job.job_id, error=str(error))
                return
            self._finished.add(1, {names.ATTRIBUTE_JOB_KIND: job.kind, names.ATTRIBUTE_OUTCOME: values["state"]})

    async def _work(self, context: JobContext) -> dict[str, Any]:
        job = context.job
        try:
            result = await self._kinds[job.kind](context)
            return {"state": JobState.SUCCEEDED.value, "progress": 1.0, "result": _encode(result)}
        except Exception as error:
            kind = kind_of(error)
            if kind in (Kind.UNAVAILABLE, Kind.EXHAUSTED) and job.attempts < self._max_attempts:
                pause = min(_FIRST_PAUSE * 2 ** (job.attempts - 1), _LONGEST_PAUSE)
                self._logger.warning("job put off", job_id=job.job_id, kind=job.kind, error=str(error))
                return {"state": JobState.QUEUED.value, "due_at": self._clock.now() + pause}
            if kind is not None and isinstance(error, Refusal):
                failure = JobFailure(kind.value, error.reason, str(error), error.facts())
            else:
                failure = JobFailure(INTERNAL, "INTERNAL", "internal error", {})
            self._logger.error("job failed", job_id=job.job_id, kind=job.kind, error=str(error), exc_info=kind is None)
            return {"state": JobState.FAILED.value, "failure": _encode_failure(failure)}

    def _given_up(self, context: JobContext) -> dict[str, Any] | None:
        if context.cancelled.is_set():
            return {"state": JobState.CANCELLED.value}
        if self._stopping:
            return {
                "state": JobState.QUEUED.value,
                "attempts": context.job.attempts - 1,
                "due_at": self._clock.now(),
            }
        return None

    async def _keep(self, context: JobContext, work: asyncio.Task[dict[str, Any]]) -> None:
        """Renews the lease; ends the work when somebody wants that, or when the lease is another worker's by now."""
        table, job = self._table, context.job
        never = asyncio.Event()
        while True:
            await self._rest(never, self._heartbeat_seconds)
            try:
                async with self._database.begin(_OWN_WORK) as session:
                    now = self._clock.now()
                    renewed = update(table).where(*self._is_ours(job)).values(lease_until=now + self._lease)
                    if cast("CursorResult[Any]", await session.execute(renewed)).rowcount == 0:
                        self._logger.warning("job lost to another worker", job_id=job.job_id, kind=job.kind)
                        work.cancel()
                        return
                    current = await get(session, table, job_id=job.job_id, tenant_id=None)
                    await session.commit()
            except (SQLAlchemyError, DatabaseUnavailable) as error:
                # The lease has room for several heartbeats.
                self._logger.warning("lease not renewed", job_id=job.job_id, error=str(error))
                continue
            if current.cancel_requested:
                context.cancelled.set()
                work.cancel()
                return

    async def _save(self, job: Job, **values: Any) -> None:
        async with self._database.begin(_OWN_WORK) as session:
            changed = update(self._table).where(*self._is_ours(job)).values(**values, updated_at=self._clock.now())
            await session.execute(changed)
            await session.commit()

    def _is_ours(self, job: Job) -> Sequence[ColumnElement[bool]]:
        columns = self._table.c
        return (
            columns.job_id == job.job_id,
            columns.state == JobState.RUNNING.value,
            columns.attempts == job.attempts,
        )


def _of(table: Table, tenant_id: str | None) -> Sequence[ColumnElement[bool]]:
    return () if tenant_id is None else (table.c.tenant_id == tenant_id,)


def _encode(value: Mapping[str, Json]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True)


def _encode_failure(failure: JobFailure) -> str:
    return _encode({"kind": failure.kind, "reason": failure.reason, "message": failure.message, "facts": dict(failure.facts)})


def _job(row: Row[Any]) -> Job:
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
