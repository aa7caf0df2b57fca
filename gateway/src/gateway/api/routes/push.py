"""Routes of activity data: upload and list."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.openapi import refusals
from gateway.api.parameters import ParkId, auth_method_of, authority_of, caller_of, language
from gateway.api.reading.body_reader import BodyReader
from gateway.api.reading.media import media_of
from gateway.api.reading.uploads import ENCODINGS, declared_bytes, encoding_of
from gateway.api.receipts import Results, ResultSpool, receipt_answer
from gateway.api.responses import answer, members
from gateway.api.schemas.jobs import JobAnswer
from gateway.api.schemas.push import ReceiptAnswer
from gateway.application.access.authority import Authorities, rights_now
from gateway.application.feed.ports import Platforms
from gateway.application.ports import AccountingPort
from gateway.application.push import activity
from gateway.application.push.jobs import submit_push
from gateway.application.push.profiles import applied, choose_profile
from gateway.application.push.services import PushServices
from gateway.domain.callers import Action
from gateway.domain.limits import Limits
from gateway.domain.push.activity import FIELDS, PLAIN
from gateway.domain.push.media import Format, Media

ShownResults = Annotated[Results | None, Query(description="Which rows the receipt lists")]

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


def is_for_later(request: Request, media: Media, limits: Limits) -> bool:
    """Tells whether a push is answered before it is recorded: its sender prefers that, or it is too long to wait for.

    Source: RFC 7240 section 4.1, respond-async.
    """
    preferred = ",".join(request.headers.getlist("prefer")).lower()
    if "respond-async" in (entry.partition(";")[0].strip() for entry in preferred.split(",")):
        return True
    return media.format in (Format.NDJSON, Format.CSV) and declared_bytes(request) > limits.upload_bytes


def router(
    accounting: AccountingPort, readers: BodyReader, push_services: PushServices, platforms: Platforms, authorities: Authorities
) -> APIRouter:
    """Returns the routes of activity data."""
    routes = APIRouter(prefix="/v1/parks/{park}/activity-records", tags=["activity"])

    @routes.post(
        "",
        response_model=ReceiptAnswer,
        responses={
            202: {"model": JobAnswer, "description": "The upload is kept and recorded by a job"},
            **refusals(400, 403, 404, 408, 409, 413, 415, 422, 429),
        },
        openapi_extra=_BODY,
    )
    async def push_activity(
        request: Request,
        park: ParkId,
        results: ShownResults = None,
        profile: Annotated[str, Query(max_length=64, description="The mapping profile that the file is read with")] = "",
        profile_version: Annotated[
            int | None, Query(ge=1, le=10**9, description="Of the profile; the newest when left out")
        ] = None,
    ) -> Response:
        """Records rows and returns one result per row, also when some are rejected.

        Good rows are kept whatever the others are. Sending the same rows again is safe: a record id counts once. Quantities are
        strings, so that no digit is lost; an offset is required where a period has a time of day. NDJSON and CSV are recorded
        while they arrive. Bodies may be compressed with gzip. With `Prefer: respond-async`, and beyond 32 MiB of NDJSON or CSV
        whose length is declared, the upload is kept and recorded by a job. The receipt, and the result of the job, name the
        mapping profile and the version of it that the file was read with.
        """
        caller = caller_of(request)
        # Asked before the body is read: a reader's 32 MiB are not worth receiving.
        caller.must(Action.RECORD)
        media = media_of(request.headers.get("content-type"))
        chosen = await choose_profile(push_services.units, caller, profile, profile_version)
        if is_for_later(request, media, readers.limits):
            encoding = encoding_of(request, allowed=ENCODINGS)
            authority = authority_of(request)
            arguments = {
                "media": media,
                "encoding": encoding,
                "profile": chosen.profile,
                **chosen.members,
                "caller": caller,
                "way": authority.auth_method,
                "credential": authority.credential,
            }
            async with readers.receive(request, media, to_keep=True) as chunks:
                job = await submit_push(push_services, accounting, caller, park, chunks, arguments)
            headers = {"Location": f"/v1/jobs/{job.job_id}", "Preference-Applied": "respond-async", "Retry-After": "1"}
            return answer(members(job), 202, headers)
        spool = ResultSpool()
        try:
            async with readers.receive(request, media) as chunks:
                parts = applied(readers.parts(chunks, media, chosen.profile.layout if profile else PLAIN), chosen.profile)
                acting = partial(rights_now, authorities, authority_of(request))
                tally = await activity.push_activity(accounting, acting, park, parts, spool.add, limits=readers.limits)
        except BaseException:
            spool.close()
            raise
        if tally.rows > tally.rejected:
            await platforms.record_push(caller, auth_method_of(request), park)
        return receipt_answer(park, chosen, tally, spool, results, language(request))

    return routes
