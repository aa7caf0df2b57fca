"""Long tasks."""

from gateway.application.ports import AccountingPort
from gateway.domain.account import Job
from gateway.domain.callers import Action, Caller


async def rebuild_sums(accounting: AccountingPort, caller: Caller, park_id: str) -> Job:
    """Starts the job that computes a park's sums anew from its records."""
    caller.must(Action.REBUILD)
    return await accounting.rebuild_sums(caller, park_id)


async def read_job(accounting: AccountingPort, caller: Caller, job_id: str) -> Job:
    """Returns how far a job is."""
    caller.must(Action.READ)
    return await accounting.get_job(caller, job_id)
