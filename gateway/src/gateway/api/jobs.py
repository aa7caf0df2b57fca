"""Routes of long tasks."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from gateway.api import models
from gateway.api.answers import answer, members
from gateway.api.asking import ParkId, caller_of
from gateway.api.describing import refusals
from gateway.api.models import ID_PATTERN
from gateway.application import jobs
from gateway.application.ports import AccountingPort


def router(accounting: AccountingPort) -> APIRouter:
    """Returns the routes of long tasks."""
    routes = APIRouter(prefix="/v1", tags=["jobs"])

    @routes.post(
        "/parks/{park}/sums:rebuild", status_code=202, response_model=models.JobAnswer, responses=refusals(403, 404, 409, 422, 429)
    )
    async def rebuild_sums(request: Request, park: ParkId) -> Response:
        """Starts the job that computes a park's sums anew from its records and reports what differed."""
        job = await jobs.rebuild_sums(accounting, caller_of(request), park)
        return answer(members(job), 202, {"Location": f"/v1/jobs/{job.job_id}"})

    @routes.get("/jobs/{job}", response_model=models.JobAnswer, responses=refusals(403, 404, 422))
    async def read_job(
        request: Request, job: Annotated[str, Path(pattern=ID_PATTERN, description="The job's id", examples=["0193-job"])]
    ) -> Response:
        """Returns how far a job is, and its result once it has ended."""
        return answer(members(await jobs.read_job(accounting, caller_of(request), job)))

    return routes
