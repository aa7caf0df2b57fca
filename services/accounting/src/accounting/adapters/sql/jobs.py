"""Long tasks of the account."""

from collections.abc import Callable
from dataclasses import asdict

from sqlalchemy.ext.asyncio import AsyncSession

from accounting.adapters import tables
from accounting.domain.parks import Park
from accounting.domain.stored import RebuiltSums
from chassis import jobs
from chassis.clock import Clock

REBUILD_SUMS = "rebuild-sums"
"""The kind of the job that rebuilds a park's sums."""


class SqlJobs:
    """Queues jobs in a transaction, and saves their end in one."""

    def __init__(
        self,
        session: AsyncSession,
        *,
        clock: Clock,
        new_id: Callable[[], str],
        after_commit: Callable[[Callable[[], None]], None],
        submitted: Callable[[], None],
    ) -> None:
        """Stores the parts.

        Args:
            session: Of the transaction.
            clock: For the time of queued jobs.
            new_id: Gives the ids of jobs.
            after_commit: Takes what is to be called after the transaction's commit.
            submitted: To be called then, so that the runner looks at once.
        """
        self._session = session
        self._clock = clock
        self._new_id = new_id
        self._after_commit = after_commit
        self._submitted = submitted

    async def submit_rebuild(self, park: Park, owner: str) -> str:
        """Queues a rebuild of a park's sums; returns the job's id."""
        job_id = self._new_id()
        await jobs.submit(
            self._session,
            tables.job,
            job_id=job_id,
            kind=REBUILD_SUMS,
            tenant_id=park.tenant_id,
            park_id=park.park_id,
            owner=owner,
            arguments={"park_id": park.park_id},
            now=self._clock.now(),
        )
        self._after_commit(self._submitted)
        return job_id

    async def succeed(self, job_id: str, attempt: int, result: RebuiltSums) -> None:
        """Saves that a job has succeeded, with whatever else the transaction does.

        Raises:
            JobLost: Another attempt has the job, or it has ended.
        """
        await jobs.succeed(self._session, tables.job, job_id=job_id, attempt=attempt, result=asdict(result), now=self._clock.now())
