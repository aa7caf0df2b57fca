"""Problem documents (RFC 9457)."""

from pydantic import BaseModel, ConfigDict


class ProblemError(BaseModel):
    """One wrong member or row."""

    row: int | None = None
    field: str
    found: str
    allowed: str
    message: str
    reason: str


class Problem(BaseModel):
    """RFC 9457: why a request was refused. Further members carry the facts, such as row, found and allowed."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    reason: str
    errors: list[ProblemError] | None = None
