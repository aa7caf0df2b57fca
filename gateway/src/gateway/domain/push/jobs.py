"""The gateway's own jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from gateway.domain.callers import Action, Caller
from gateway.domain.errors import GatewayError
from kernel.access import Place, sees


class JobUnknown(GatewayError):
    """There is no such job in the caller's tenant, or it is not for the caller's eyes."""

    kind = "not_found"

    def __init__(self, job_id: str) -> None:
        super().__init__("JOB_NOT_FOUND", job_id=job_id)


class ResultsUnknown(GatewayError):
    """The job has no results: it is none of a push, or they are over their time."""

    kind = "not_found"

    def __init__(self, job_id: str) -> None:
        super().__init__("RESULTS_NOT_FOUND", job_id=job_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A long task of a service.

    Attributes:
        state: queued, running, succeeded, failed or cancelled.
        progress: 0 to 1, inclusive.
        result: What it found, once it succeeded.
        error: What stopped it, once it failed: `code` and `message`.
    """

    job_id: str
    state: str
    progress: float
    result: dict[str, object] | None
    error: dict[str, object] | None


@dataclass(frozen=True, slots=True)
class OwnJob:
    """A job of the gateway itself.

    Attributes:
        park_id: The park that it is about.
        owner: The subject that submitted it.
    """

    job: Job
    park_id: str
    owner: str

    def must_be_seen_by(self, caller: Caller, region_code: str) -> None:
        """Refuses whoever neither submitted it nor reads the park as a whole: its results may be of any enterprise there.

        Args:
            caller: Who asks.
            region_code: Of the park; "" where the caller is not bound to regions, or the park lies beyond its bounds.

        Raises:
            JobUnknown: As for a job that does not exist.
        """
        if caller.subject == self.owner:
            return
        if not caller.may(Action.READ) or not sees(caller, Place(caller.tenant, self.park_id, region_code)):
            raise JobUnknown(self.job.job_id)


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to submit.

    Attributes:
        arguments: As its handler reads them.
    """

    job_id: str
    kind: str
    tenant_id: str
    park_id: str
    owner: str
    arguments: Mapping[str, object]


RESULTS_LIFETIME = timedelta(days=30)
"""How long the results of a push are kept."""

UPLOAD_LIFETIME = timedelta(days=1)
"""How long an upload is kept whose job never came: longer than any upload takes to arrive."""
