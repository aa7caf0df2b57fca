"""Documents as callers send and see them."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from gateway.api.schemas.model import Answer, RequestBody
from gateway.domain.library.documents import Kind

_DOCUMENT: dict[str, Any] = {
    "kind": "standard",
    "title": "工业企业温室气体排放核算和报告通则 GB/T 32150-2015",
    "issuing_body": "国家标准化管理委员会",
    "issued_date": "2015-11-19",
    "summary": "General guideline of the greenhouse gas emissions accounting and reporting for industrial enterprises",
}
_SHOWN: dict[str, Any] = {
    "document_id": "gb-t-32150",
    "version": 1,
    **_DOCUMENT,
    "saved_time": "2026-11-21T02:00:00.000000Z",
    "saved_by": "ada",
}
Line = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]+$")]


class DocumentBody(RequestBody):
    """What a document is."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DOCUMENT]})

    kind: Kind
    title: Line
    issuing_body: Line
    issued_date: Annotated[str, Field(pattern=r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]
    summary: Annotated[str, Field(max_length=5000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")] = ""


class FileAnswer(Answer):
    """The file of a document."""

    sha256: str
    media_type: str
    size_bytes: int


class DocumentAnswer(Answer):
    """A version of a document; `views` counts those of all versions."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_SHOWN]})

    document_id: str
    version: int
    kind: Kind
    title: str
    issuing_body: str
    issued_date: str
    summary: str
    saved_time: str
    saved_by: str
    owner: str | None = Field(default=None, description="Whose it is; left out where it is the tenant's")
    file: FileAnswer | None = None
    views: int | None = None


class DocumentsAnswer(Answer):
    """Documents, the last issued first."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"documents": [_SHOWN], "next_page_token": ""}]})

    documents: list[DocumentAnswer]
    next_page_token: str


class MonthCountAnswer(Answer):
    """How many in a month, YYYY-MM."""

    month: str
    count: int


class TitleCountAnswer(Answer):
    """How often a document was viewed."""

    document_id: str
    title: str
    views: int


class BodyCountAnswer(Answer):
    """How many documents an issuing body has in the library."""

    issuing_body: str
    documents: int


class DocumentStatisticsAnswer(Answer):
    """What the library holds and what of it is read."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "added": [{"month": "2026-11", "count": 3}],
                    "views": [{"month": "2026-11", "count": 12}],
                    "top_titles": [{"document_id": "gb-t-32150", "title": "GB/T 32150", "views": 7}],
                    "top_issuing_bodies": [{"issuing_body": "国家标准化管理委员会", "documents": 2}],
                }
            ]
        },
    )

    added: list[MonthCountAnswer]
    views: list[MonthCountAnswer]
    top_titles: list[TitleCountAnswer]
    top_issuing_bodies: list[BodyCountAnswer]
