"""Long tasks."""

from gateway.application.ports import AccountingPort
from gateway.domain.account import Job
from gateway.domain.callers import Action, Caller


async def rebuild_sums(accounting: AccountingPort, caller: Caller, park_id: str) -> Job:
    """Starts the job that computes a park's sums anew from its records."""
    caller.must(Action.REBUILD)
    return await accounting.rebuild_sums(caller, park_id)
