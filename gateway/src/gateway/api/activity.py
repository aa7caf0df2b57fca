"""Routes of activity data: upload and list."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.api import models
from gateway.api.answers import answer, page
from gateway.api.asking import PageToken, ParkId, caller_of, language
from gateway.api.bodies import media_of, read_rows
from gateway.api.describing import refusals
from gateway.api.problems import rejected_rows, row_problem
from gateway.api.uploads import Uploads
from gateway.application import activity
from gateway.application.ports import AccountingPort
from gateway.domain.account import Paging
from gateway.domain.activity import FIELDS, Outcome, Receipt
from gateway.domain.callers import Action
from gateway.domain.wording import Language

_SHOWN_IN_FULL = 1000
"""Up to so many rows the receipt lists every row unless asked otherwise."""

_IN_A_THREAD_BYTES = 256 * 1024
"""Bodies above are parsed beside the event loop, so that other requests are not held up."""

_IN_A_THREAD_ROWS = 5000

Results = Literal["all", "rejected", "none"]

_ROW = {
    "record_id": "ganzhou-2022-electricity",
    "source_id": "electricity-bill",
    "period_start": "2022-01-01",
    "period_end": "2023-01-01",
    "quantity": "1200000",
    "unit": "MWh",
}
_ROW_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": list(_ROW),
    "properties": {field: {"type": "boolean" if field == "confirmed" else "string"} for field in FIELDS},
}
_NDJSON = (
    '{"record_id":"r-1","source_id":"meter-7","period_start":"2022-01-01T00:00:00+08:00",'
    '"period_end":"2022-01-01T00:15:00+08:00","quantity":"12.5","unit":"kWh"}\n'
)
_CSV = (
    "record_id,source_id,period_start,period_end,quantity,unit\n"
    "ganzhou-2022-electricity,electricity-bill,2022-01-01,2023-01-01,1200000,MWh\n"
)
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "oneOf": [
                        {"type": "array", "items": _ROW_SCHEMA},
                        {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["records"],
                            "properties": {"records": {"type": "array", "items": _ROW_SCHEMA}},
                        },
                    ]
                },
                "example": [_ROW],
            },
            "application/x-ndjson": {"schema": {"type": "string"}, "example": _NDJSON},
            "text/csv": {"schema": {"type": "string"}, "example": _CSV},
        },
    }
}


def router(accounting: AccountingPort, uploads: Uploads) -> APIRouter:
    """Returns the routes of activity data."""
    routes = APIRouter(prefix="/v1/parks/{park}/activity-records", tags=["activity"])

    @routes.post(
        "",
        response_model=models.ReceiptAnswer,
        responses=refusals(400, 403, 404, 408, 409, 413, 415, 422, 429),
        openapi_extra=_BODY,
    )
    async def push_activity(
        request: Request,
        park: ParkId,
        results: Annotated[Results | None, Query(description="Which rows the receipt lists")] = None,
    ) -> Response:
        """Records rows and returns one result per row, also when some are rejected.

        Good rows are kept whatever the others are. Sending the same rows again is safe: a record id counts once. Quantities are
        strings, so that no digit is lost; an offset is required where a period has a time of day.
        """
        caller = caller_of(request)
        # Asked before the body is read: a reader's 32 MiB are not worth receiving.
        caller.must(Action.RECORD)
        media = media_of(request.headers.get("content-type"))
        async with uploads.receive(request, limit_bytes=uploads.limits.upload_bytes) as body:
            if len(body) > _IN_A_THREAD_BYTES:
                read = await asyncio.to_thread(read_rows, body, media, uploads.limits)
            else:
                read = read_rows(body, media, uploads.limits)
            receipt = await activity.push_activity(accounting, caller, park, read, limits=uploads.limits)
        spoken = language(request)
        if len(receipt.row_numbers) > _IN_A_THREAD_ROWS:
            return await asyncio.to_thread(_receipt, receipt, results, spoken)
        return _receipt(receipt, results, spoken)

    @routes.get("", response_model=models.ActivityRecordsAnswer, responses=refusals(403, 404, 422))
    async def list_activity_records(
        request: Request,
        park: ParkId,
        page_size: Annotated[int, Query(ge=1, le=10_000, description="Records of a page, 1 to 10000")] = 1000,
        page_token: PageToken = "",
    ) -> Response:
        """Returns the records of a park in the order in which they were accepted, superseded ones included."""
        listed = await activity.list_activity_records(accounting, caller_of(request), park, Paging(page_size, page_token))
        return page("records", listed)

    return routes


def _receipt(receipt: Receipt, results: Results | None, spoken: Language) -> Response:
    rows = len(receipt.row_numbers)
    shown: Results = results or ("all" if rows <= _SHOWN_IN_FULL else "rejected")
    body: dict[str, object] = {
        "park_id": receipt.park_id,
        "rows": rows,
        **{outcome.value: receipt.count(outcome) for outcome in Outcome},
    }
    if shown == "all":
        body["results"] = [
            {"row": row, "record_id": record_id, "outcome": outcome}
            if outcome is not Outcome.REJECTED or row not in receipt.problems
            else {
                "row": row,
                "record_id": record_id,
                "outcome": outcome,
                "problem": row_problem(receipt.problems[row], spoken),
            }
            for row, record_id, outcome in zip(receipt.row_numbers, receipt.record_ids, receipt.outcomes, strict=True)
        ]
    else:
        rejected = sorted(receipt.problems.values(), key=lambda entry: entry.row)
        body["results"] = rejected_rows(rejected, spoken) if shown == "rejected" else []
    body["results_shown"] = shown
    return answer(body, headers={"Content-Language": spoken, "Vary": "Accept-Language"})
