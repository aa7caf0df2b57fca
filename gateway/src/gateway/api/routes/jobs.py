"""Routes of long tasks: how far they are, as one answer or as a stream of events, and what became of the rows of a push."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gateway.api.conditional import cell
from gateway.api.openapi import refusals
from gateway.api.parameters import ParkId, authority_of, caller_of, language
from gateway.api.problems import row_problem
from gateway.api.responses import answer, members
from gateway.api.schemas.jobs import JobAnswer
from gateway.api.schemas.model import ID_PATTERN
from gateway.application.access.authority import Authorities, rights_now
from gateway.application.ports import AccountingPort
from gateway.application.push import jobs
from gateway.application.push.receipts import unpacked
from gateway.application.push.services import PushServices
from gateway.domain import messages
from gateway.domain.access.authority import Authority
from gateway.domain.errors import GatewayError
from gateway.domain.messages import Language
from gateway.domain.push.activity import Outcome, Receipt
from gateway.domain.push.jobs import Job

ENDED = frozenset({"succeeded", "failed", "cancelled"})
_POLL_SECONDS = 0.5
_KEEP_ALIVE_SECONDS = 15.0
_LONGEST_SECONDS = 600.0
"""After so long a stream of events ends, and the browser opens the next."""

JobId = Annotated[str, Path(pattern=ID_PATTERN, alias="job", description="The job's id", examples=["0193-job"])]
_COLUMNS = ("row", "record_id", "outcome", "reason", "field", "found", "allowed", "message")
_EVENTS = (
    'event: job\ndata: {"job_id":"0193-job","state":"running","progress":0.5}\n\n'
    'event: job\ndata: {"job_id":"0193-job","state":"succeeded","progress":1.0}\n\n'
)
_CSV_EXAMPLE = "row,record_id,outcome,reason,field,found,allowed,message\r\n2,r-1,accepted,,,,,\r\n"
_NDJSON_EXAMPLE = '{"row":2,"record_id":"r-1","outcome":"accepted"}\n'


def router(accounting: AccountingPort, push_services: PushServices, authorities: Authorities) -> APIRouter:
    """Returns the routes of long tasks."""
    routes = APIRouter(prefix="/v1", tags=["jobs"])

    @routes.post(
        "/parks/{park}/sums:rebuild", status_code=202, response_model=JobAnswer, responses=refusals(403, 404, 409, 422, 429)
    )
    async def rebuild_sums(request: Request, park: ParkId) -> Response:
        """Starts the job that computes a park's sums anew from its records and reports what differed."""
        job = await jobs.rebuild_sums(accounting, caller_of(request), park)
        return answer(members(job), 202, {"Location": f"/v1/jobs/{job.job_id}"})

    @routes.get("/jobs/{job}", response_model=JobAnswer, responses=refusals(403, 404, 422))
    async def get_job(request: Request, job: JobId) -> Response:
        """Returns how far a job is, and its result once it has ended; to who submitted it, and to who reads the whole park."""
        found = await jobs.get_job(push_services.units, accounting, caller_of(request), job)
        return answer(_job_members(found, language(request)), headers={"Vary": "Accept-Language"})

    @routes.get(
        "/jobs/{job}/events",
        response_class=Response,
        responses={
            200: {
                "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EVENTS}},
                "description": "An event `job` whenever something changes, until the job has ended",
            },
            **refusals(403, 404, 422),
        },
    )
    async def stream_job_events(request: Request, job: JobId) -> Response:
        """Tells how far a job is as server-sent events: the job as it stands, again whenever it changes, until it has ended."""
        authority, spoken = authority_of(request), language(request)
        first = await jobs.get_job(push_services.units, accounting, authority.caller, job)
        headers = {"X-Accel-Buffering": "no", "Vary": "Accept-Language"}
        return StreamingResponse(_events(first, authority, spoken), media_type="text/event-stream", headers=headers)

    async def _events(first: Job, authority: Authority, spoken: Language) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        began_s = sent_s = loop.time()
        sent = b""
        job = first
        while True:
            event = b"event: job\ndata: " + msgspec.json.encode(_job_members(job, spoken)) + b"\n\n"
            if event != sent:
                yield event
                sent, sent_s = event, loop.time()
            elif loop.time() - sent_s > _KEEP_ALIVE_SECONDS:
                # Proxies close a connection on which nothing is said.
                yield b": still running\n\n"
                sent_s = loop.time()
            if job.state in ENDED or loop.time() - began_s > _LONGEST_SECONDS:
                return
            # Another replica may be working on it: what all of them share is the database.
            await asyncio.sleep(_POLL_SECONDS)
            try:
                caller = await rights_now(authorities, authority)
                job = await jobs.get_job(push_services.units, accounting, caller, job.job_id)
            except GatewayError:
                # The answer has begun: who may not see it any more, or cannot be told now, learns why by asking anew.
                return

    @routes.get(
        "/jobs/{job}/results",
        response_class=Response,
        responses={
            200: {
                "content": {
                    "text/csv": {"schema": {"type": "string"}, "example": _CSV_EXAMPLE},
                    "application/x-ndjson": {"schema": {"type": "string"}, "example": _NDJSON_EXAMPLE},
                },
                "description": "A line for each row",
            },
            **refusals(403, 404, 422),
        },
    )
    async def get_job_results(
        request: Request,
        job: JobId,
        format: Annotated[Literal["csv", "ndjson"], Query(description="How the file is written")] = "csv",
        outcome: Annotated[Outcome | None, Query(description="Only rows that ended so")] = None,
    ) -> Response:
        """Returns what became of each row of a push, so far as it has come, as a file. It is kept for 30 days."""
        spoken = language(request)
        parts = await jobs.results(push_services.units, accounting, caller_of(request), job)

        async def written() -> AsyncIterator[bytes]:
            if format == "csv":
                # With a mark, as Excel reads Chinese by it.
                yield b"\xef\xbb\xbf" + _csv([_COLUMNS])
            write = _csv_rows if format == "csv" else _ndjson_rows
            async for part in parts:
                lines = await asyncio.to_thread(write, unpacked(part), outcome, spoken)
                if lines:
                    yield lines

        headers = {
            "Content-Disposition": f'attachment; filename="{job}.{format}"',
            "Content-Language": spoken,
            "Vary": "Accept-Language",
        }
        media = "text/csv; charset=utf-8" if format == "csv" else "application/x-ndjson"
        return StreamingResponse(written(), headers=headers, media_type=media)

    return routes


def _job_members(job: Job, spoken: Language) -> dict[str, object]:
    """Returns a job with the sentence of its failure in the language of the request, where it is the gateway's own."""
    sent = members(job)
    error = job.error
    if error is not None and "reason" in error:
        reason, facts = str(error["reason"]), error.get("facts")
        if reason in messages.REASONS and isinstance(facts, dict):
            error = {**error, "message": _sentence(reason, spoken, facts, str(error["message"]))}
        sent["error"] = error
    return sent


def _sentence(reason: str, spoken: Language, facts: dict[str, str], otherwise: str) -> str:
    try:
        return messages.sentence(reason, spoken, facts)
    except KeyError:
        return otherwise


def _rows(receipt: Receipt, outcome: Outcome | None, spoken: Language) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for row, record_id, found in zip(receipt.row_numbers, receipt.record_ids, receipt.outcomes, strict=True):
        if outcome is not None and found is not outcome:
            continue
        entry: dict[str, object] = {"row": row, "record_id": record_id, "outcome": found.value}
        if found is Outcome.REJECTED and row in receipt.problems:
            entry.update(row_problem(receipt.problems[row], spoken))
        rows.append(entry)
    return rows


def _ndjson_rows(receipt: Receipt, outcome: Outcome | None, spoken: Language) -> bytes:
    return b"".join(msgspec.json.encode(row) + b"\n" for row in _rows(receipt, outcome, spoken))


def _csv_rows(receipt: Receipt, outcome: Outcome | None, spoken: Language) -> bytes:
    return _csv([[cell(row.get(name)) for name in _COLUMNS] for row in _rows(receipt, outcome, spoken)])


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue().encode()
