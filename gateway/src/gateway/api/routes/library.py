"""Routes of the library."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gateway.api.openapi import body_of, refusals
from gateway.api.parameters import PageSize, PageToken, caller_of
from gateway.api.reading.uploads import STREAM_HELD_BYTES, Uploads, read_json
from gateway.api.responses import answer
from gateway.api.schemas.library import DocumentAnswer, DocumentBody, DocumentsAnswer, DocumentStatisticsAnswer
from gateway.api.schemas.model import ID_PATTERN
from gateway.application.library import documents
from gateway.application.ports import StorageServices
from gateway.domain.callers import Action
from gateway.domain.errors import ParameterInvalid, Unsupported
from gateway.domain.library.documents import MEDIA_TYPES, Description, Document, Kind
from gateway.domain.months import month

DocumentId = Annotated[str, Path(alias="document", pattern=ID_PATTERN, description="The document's id", examples=["gb-t-32150"])]
Version = Annotated[int | None, Query(ge=1, le=10**9, description="Which version; the newest when left out")]
_TOKEN = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})~([A-Za-z0-9._-]{1,64})", re.ASCII)
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FILES: dict[str, Any] = {
    "text/plain": {"schema": {"type": "string"}, "example": "园区碳达峰实施方案"},
    **{media: _BINARY for media in MEDIA_TYPES if media != "text/plain"},
}


def router(storage: StorageServices, uploads: Uploads) -> APIRouter:
    """Returns the routes of the library."""
    routes = APIRouter(prefix="/v1", tags=["documents"])

    @routes.put(
        "/documents/{document}",
        status_code=201,
        response_model=DocumentAnswer,
        responses={
            200: {"model": DocumentAnswer, "description": "The newest version says the same"},
            **refusals(400, 403, 408, 409, 413, 415, 422, 429),
        },
        openapi_extra=body_of(DocumentBody),
    )
    async def save_document(request: Request, document: DocumentId) -> Response:
        """Saves what a document is as its next version; the same again changes nothing.

        A document belongs to the caller that made it, if a bound holds that caller, or else to the tenant. Whoever is bound to
        parks, regions or enterprises changes only its own documents: `DOCUMENT_TAKEN`.
        """
        caller = caller_of(request)
        caller.must(Action.REGISTER)
        body = await read_json(uploads, request, DocumentBody)
        saved, new = await documents.save_document(storage, caller, document, Description(**body.model_dump()))
        return answer(_document_members(saved), 201 if new else 200)

    @routes.get("/documents", response_model=DocumentsAnswer, responses=refusals(403, 422))
    async def list_documents(
        request: Request,
        kind: Annotated[Kind | None, Query(description="Of one kind only")] = None,
        query: Annotated[str, Query(max_length=200, description="Words that title, issuing body or summary all have")] = "",
        page_size: PageSize = 100,
        page_token: PageToken = "",
    ) -> Response:
        """Returns documents in their newest version, the last issued first; found by Chinese and English words."""
        found, after = await documents.list_documents(
            storage, caller_of(request), kind=kind or "", query=query, after=_after(page_token), limit=page_size
        )
        return answer(
            {"documents": [_document_members(each) for each in found], "next_page_token": "~".join(after) if after else ""}
        )

    @routes.get("/documents/{document}", response_model=DocumentAnswer, responses=refusals(403, 404, 422))
    async def get_document(request: Request, document: DocumentId, version: Version = None) -> Response:
        """Returns a document and how often it was viewed, this view included."""
        found, views = await documents.get_document(storage, caller_of(request), document, version)
        return answer({**_document_members(found), "views": views})

    @routes.put(
        "/documents/{document}/file",
        response_model=DocumentAnswer,
        responses=refusals(400, 403, 404, 408, 409, 413, 415, 422, 429),
        openapi_extra={"requestBody": {"required": True, "content": _FILES}},
    )
    async def save_document_file(request: Request, document: DocumentId) -> Response:
        """Saves the file of a document as its next version; the same file again changes nothing.

        Of a document that is not the caller's to change: `DOCUMENT_TAKEN`.
        """
        caller = caller_of(request)
        caller.must(Action.REGISTER)
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media not in MEDIA_TYPES:
            raise Unsupported("MEDIA_TYPE_UNSUPPORTED", found=media or "none", allowed=", ".join(MEDIA_TYPES))
        held = min(STREAM_HELD_BYTES, uploads.limits.upload_bytes)
        async with uploads.stream(request, limit_bytes=uploads.limits.upload_bytes, held_at_most=held) as chunks:
            return answer(_document_members(await documents.save_content(storage, caller, document, media, chunks)))

    @routes.get(
        "/documents/{document}/file",
        response_class=Response,
        responses={200: {"content": _FILES, "description": "The file"}, **refusals(403, 404, 422)},
    )
    async def get_document_file(request: Request, document: DocumentId, version: Version = None) -> Response:
        """Returns the file of a document, to be saved and not to be shown by a browser as if it were ours."""
        found, content, chunks = await documents.read_content(storage, caller_of(request), document, version)
        headers = {
            "Content-Disposition": f'attachment; filename="{found.document_id}"',
            "Content-Security-Policy": "sandbox",
            "ETag": f'"{content.sha256}"',
        }
        return StreamingResponse(chunks, headers=headers, media_type=content.media_type)

    @routes.get("/document-statistics", response_model=DocumentStatisticsAnswer, responses=refusals(403, 422))
    async def get_document_statistics(
        request: Request,
        from_: Annotated[str, Query(alias="from", description="YYYY-MM or YYYY, inclusive", examples=["2026-01"])],
        to: Annotated[str, Query(description="YYYY-MM or YYYY, exclusive", examples=["2027-01"])],
    ) -> Response:
        """Returns documents and views by month, the five titles read most, and the five bodies of most documents."""
        found = await documents.statistics(storage, caller_of(request), month("from", from_), month("to", to))
        return answer(
            {
                "added": [{"month": key, "count": count} for key, count in found.added],
                "views": [{"month": key, "count": count} for key, count in found.views],
                "top_titles": [{"document_id": key, "title": title, "views": count} for key, title, count in found.top_titles],
                "top_issuing_bodies": [{"issuing_body": key, "documents": count} for key, count in found.top_issuing_bodies],
            }
        )

    return routes


def _after(token: str) -> tuple[str, str] | None:
    if not token:
        return None
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise ParameterInvalid(
            field="page_token",
            found=token,
            allowed="`next_page_token` of the page before, or nothing",
            allowed_zh="上一页的 `next_page_token`,或为空",
        )
    return found[1], found[2]


def _document_members(document: Document) -> dict[str, Any]:
    description, content = document.description, document.content
    members: dict[str, Any] = {
        "document_id": document.document_id,
        "version": document.version,
        "kind": description.kind,
        "title": description.title,
        "issuing_body": description.issuing_body,
        "issued_date": description.issued_date,
        "summary": description.summary,
        "saved_time": document.saved_time,
        "saved_by": document.saved_by,
    }
    if document.owner:
        members["owner"] = document.owner
    if content is not None:
        members["file"] = {"sha256": content.sha256, "media_type": content.media_type, "size_bytes": content.size_bytes}
    return members
