"""The runner of long tasks: claims a job, lets its handler work, and saves how it ended."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Table, and_, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from chassis import telemetry_names as names
from chassis.clock import Clock
from chassis.database import Database, DatabaseUnavailable
from chassis.errors import INTERNAL, kind_of
from chassis.jobs import Job, JobFailure, JobLost, JobState, Json, change, encode_failure, get, of_attempt, succeeded
from chassis.logs import Logger
from chassis.telemetry import Telemetry
from chassis.tenancy import Platform
from kernel.refusals import Kind, Refusal

_FIRST_PAUSE: Final = timedelta(seconds=1)
_LONGEST_PAUSE: Final = timedelta(minutes=5)
_OWN_WORK: Final = Platform("jobs")


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
            JobLost: If the job is no longer this attempt's; the attempt ends.
            ValueError: If it is not between 0 and 1.
        """
        if not 0.0 <= fraction <= 1.0:
            raise ValueError(f"progress is between 0 and 1, got {fraction}")
        await self._save_progress(fraction)


JobHandler = Callable[[JobContext], Awaitable[Mapping[str, Json]]]
"""Does a job, and returns its result; where it saved that itself by `jobs.succeed`, the same again."""


class JobRunner:
    """Works off the jobs of one service.

    What becomes of an attempt: returned, the job has succeeded; an error of kind `unavailable` or `exhausted` queues it again
    with growing pauses, every other error fails it; `max_attempts` are the most that are begun, counting those that a death
    ended. A stop gives running jobs back, without counting the attempt. An attempt that has lost its job saves nothing.
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
                values = {"state": JobState.FAILED.value, "lease_until": None, "failure": encode_failure(failure)}
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
                state = await self._save_end(job, {"lease_until": None, **values})
            except (SQLAlchemyError, DatabaseUnavailable) as error:
                # The lease runs out, and another attempt begins.
                self._logger.warning("job's end not saved", job_id=job.job_id, error=str(error))
                return
            if state is not None:
                self._finished.add(1, {names.ATTRIBUTE_JOB_KIND: job.kind, names.ATTRIBUTE_OUTCOME: state})

    async def _work(self, context: JobContext) -> dict[str, Any] | None:
        job = context.job
        try:
            return succeeded(await self._kinds[job.kind](context))
        except JobLost as lost:
            self._logger.warning("job lost to another worker", job_id=job.job_id, kind=job.kind, error=str(lost))
            return None
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
            return {"state": JobState.FAILED.value, "failure": encode_failure(failure)}

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

    async def _keep(self, context: JobContext, work: asyncio.Task[dict[str, Any] | None]) -> None:
        """Renews the lease; ends the work when somebody wants that, or when the lease is another worker's by now."""
        job = context.job
        never = asyncio.Event()
        while True:
            await self._rest(never, self._heartbeat_seconds)
            try:
                current = await self._renew(job)
            except (SQLAlchemyError, DatabaseUnavailable) as error:
                # The lease has room for several heartbeats.
                self._logger.warning("lease not renewed", job_id=job.job_id, error=str(error))
                continue
            if _has_ended(current, job):
                # Its handler has saved the end, and is about to return.
                return
            if current.attempts != job.attempts or current.state is not JobState.RUNNING:
                self._logger.warning("job lost to another worker", job_id=job.job_id, kind=job.kind)
                work.cancel()
                return
            if current.cancel_requested:
                context.cancelled.set()
                work.cancel()
                return

    async def _renew(self, job: Job) -> Job:
        """Renews the lease where the job is still this attempt's; returns the job as it stands."""
        async with self._database.begin(_OWN_WORK) as session:
            renewed = update(self._table).where(*of_attempt(self._table, job.job_id, job.attempts))
            await session.execute(renewed.values(lease_until=self._clock.now() + self._lease))
            current = await get(session, self._table, job_id=job.job_id, tenant_id=None)
            await session.commit()
        return current

    async def _save(self, job: Job, **values: Any) -> None:
        async with self._database.begin(_OWN_WORK) as session:
            await change(session, self._table, job_id=job.job_id, attempt=job.attempts, now=self._clock.now(), **values)
            await session.commit()

    async def _save_end(self, job: Job, values: Mapping[str, Any]) -> str | None:
        """Saves how an attempt ended; returns the state that the attempt left, None where the job is another attempt's."""
        try:
            await self._save(job, **values)
        except JobLost as lost:
            async with self._database.read(_OWN_WORK) as session:
                current = await get(session, self._table, job_id=job.job_id, tenant_id=None)
            if _has_ended(current, job):
                return current.state.value
            self._logger.warning("job lost to another worker", job_id=job.job_id, kind=job.kind, error=str(lost))
            return None
        return str(values["state"])


def _has_ended(current: Job, attempt: Job) -> bool:
    return current.done and current.attempts == attempt.attempts
