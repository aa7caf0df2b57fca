"""Routes of activity data: upload and list."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.api import models
from gateway.api.answers import answer, members
from gateway.api.asking import ParkId, caller_of, language, way_of
from gateway.api.bodies import WORKBOOKS, Format, Media, media_of
from gateway.api.describing import refusals
from gateway.api.results import Results, ResultSpool, receipt_answer
from gateway.api.streams import read_parts
from gateway.api.uploads import ENCODINGS, STREAM_HELD_BYTES, Uploads, declared_bytes, encoding_of
from gateway.api.workbooks import Workbooks
from gateway.application.feed.ports import Platforms
from gateway.application.ports import AccountingPort
from gateway.application.push import activity
from gateway.application.push.jobs import submit_push
from gateway.application.push.profiles import applied, read_profile
from gateway.application.stores import Keeping
from gateway.domain.callers import Action
from gateway.domain.files import CHUNK_BYTES
from gateway.domain.limits import Limits
from gateway.domain.push.activity import FIELDS, PLAIN, Layout, ReadRows
from gateway.domain.push.profiles import NO_PROFILE

Wanted = Annotated[Results | None, Query(description="Which rows the receipt lists")]

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
_BINARY = {"type": "string", "format": "binary"}
_BODY: dict[str, Any] = {
    "parameters": [
        {
            "name": "Prefer",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": "`respond-async`: the upload is kept, and recorded by a job",
        }
    ],
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
            Format.XLSX: {"schema": _BINARY},
            Format.PARQUET: {"schema": _BINARY},
        },
    },
}


class Readers:
    """How each format is received and read."""

    def __init__(self, uploads: Uploads, workbooks: Workbooks) -> None:
        """Reads with these."""
        self.uploads = uploads
        self._workbooks = workbooks
        self.limits = uploads.limits

    def parts(self, chunks: AsyncIterator[bytes], media: Media, layout: Layout) -> AsyncGenerator[ReadRows]:
        """Yields the rows of a body in parts.

        Args:
            chunks: The body.
            media: How it is written.
            layout: The names that the columns have.
        """
        if media.format in WORKBOOKS:
            return self._workbooks.read(chunks, media.format, layout)
        return read_parts(chunks, media, self.limits, layout)

    async def cells(self, chunks: AsyncIterator[bytes], rows: int) -> Sequence[tuple[int, Sequence[str]]]:
        """Returns the rows of a workbook that are not empty, with their numbers on the sheet.

        Args:
            chunks: The workbook.
            rows: The most rows below the headings.
        """
        return await self._workbooks.read_cells(chunks, rows)

    @asynccontextmanager
    async def receive(self, request: Request, media: Media, *, to_keep: bool = False) -> AsyncIterator[AsyncIterator[bytes]]:
        """Receives the body of a push within the bounds of its format.

        Args:
            request: Whose body.
            media: How it is written.
            to_keep: Whether it is kept as it comes, and read later.
        """
        limit_bytes = most_bytes(media, self.limits)
        held = 2 * CHUNK_BYTES if to_keep else limit_bytes if media.format is Format.JSON else STREAM_HELD_BYTES
        async with self.uploads.stream(request, limit_bytes=limit_bytes, held_at_most=held, unpack=not to_keep) as chunks:
            yield chunks


def most_bytes(media: Media, limits: Limits) -> int:
    """Returns how long a body of this format may be."""
    return limits.stream_bytes if media.format in (Format.NDJSON, Format.CSV) else limits.upload_bytes


def is_for_later(request: Request, media: Media, limits: Limits) -> bool:
    """Tells whether a push is answered before it is recorded: its sender prefers that, or it is too long to wait for.

    Source: RFC 7240 section 4.1, respond-async.
    """
    preferred = ",".join(request.headers.getlist("prefer")).lower()
    if "respond-async" in (entry.partition(";")[0].strip() for entry in preferred.split(",")):
        return True
    return media.format in (Format.NDJSON, Format.CSV) and declared_bytes(request) > limits.upload_bytes


def router(accounting: AccountingPort, readers: Readers, keeping: Keeping, platforms: Platforms) -> APIRouter:
    """Returns the routes of activity data."""
    routes = APIRouter(prefix="/v1/parks/{park}/activity-records", tags=["activity"])

    @routes.post(
        "",
        response_model=models.ReceiptAnswer,
        responses={
            202: {"model": models.JobAnswer, "description": "The upload is kept and recorded by a job"},
            **refusals(400, 403, 404, 408, 409, 413, 415, 422, 429),
        },
        openapi_extra=_BODY,
    )
    async def push_activity(
        request: Request,
        park: ParkId,
        results: Wanted = None,
        profile: Annotated[str, Query(max_length=64, description="The mapping profile that the file is read with")] = "",
        profile_version: Annotated[
            int | None, Query(ge=1, le=10**9, description="Of the profile; the newest when left out")
        ] = None,
    ) -> Response:
        """Records rows and returns one result per row, also when some are rejected.

        Good rows are kept whatever the others are. Sending the same rows again is safe: a record id counts once. Quantities are
        strings, so that no digit is lost; an offset is required where a period has a time of day. NDJSON and CSV are recorded
        while they arrive. Bodies may be compressed with gzip. With `Prefer: respond-async`, and beyond 32 MiB of NDJSON or CSV
        whose length is declared, the upload is kept and recorded by a job.
        """
        caller = caller_of(request)
        # Asked before the body is read: a reader's 32 MiB are not worth receiving.
        caller.must(Action.RECORD)
        media = media_of(request.headers.get("content-type"))
        mapped = NO_PROFILE
        if profile:
            mapped = (await read_profile(keeping.stores, caller, profile, profile_version)).profile
        if is_for_later(request, media, readers.limits):
            encoding = encoding_of(request, allowed=ENCODINGS)
            arguments = {"media": media, "encoding": encoding, "profile": mapped, "caller": caller, "way": way_of(request)}
            async with readers.receive(request, media, to_keep=True) as chunks:
                job = await submit_push(keeping, accounting, caller, park, chunks, arguments)
            headers = {"Location": f"/v1/jobs/{job.job_id}", "Preference-Applied": "respond-async", "Retry-After": "1"}
            return answer(members(job), 202, headers)
        spool = ResultSpool()
        try:
            async with readers.receive(request, media) as chunks:
                parts = applied(readers.parts(chunks, media, mapped.layout if profile else PLAIN), mapped)
                tally = await activity.push_activity(accounting, caller, park, parts, spool.add, limits=readers.limits)
        except BaseException:
            spool.close()
            raise
        if tally.rows > tally.rejected:
            await platforms.pushed(caller, way_of(request), park)
        return receipt_answer(park, tally, spool, results, language(request))

    return routes
