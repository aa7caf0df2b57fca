"""The small bodies that callers send, checked member by member, and the shapes of the gateway's own answers for the description."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.api.bodies import strict_json
from gateway.domain import wording
from gateway.domain.errors import FieldProblem, FieldsInvalid

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""Ids that stand in paths."""

Id = Annotated[str, Field(pattern=ID_PATTERN)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Code = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
DecimalText = Annotated[str, Field(max_length=64, pattern=r"^-?[0-9]+(\.[0-9]+)?$")]

B = TypeVar("B", bound=BaseModel)


class Sent(BaseModel):
    """A body as callers send it: no other members, no conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def parse_body(model: type[B], body: bytes) -> B:
    """Returns a small JSON body as its model.

    Raises:
        MalformedBody: It is not strict JSON.
        FieldsInvalid: Names every wrong member.
    """
    try:
        return model.model_validate(strict_json(body))
    except ValidationError as error:
        # Names that the body itself brings are cut like any other input.
        raise fields_invalid(error.errors(include_url=False), ", ".join(model.model_fields)) from None


def fields_invalid(errors: list[Any], members: str) -> FieldsInvalid:
    """Returns the refusal that pydantic's errors amount to.

    Args:
        errors: As `ValidationError.errors()` gives them.
        members: The names that are allowed, for a name that is not.
    """
    return FieldsInvalid([_field_problem(entry, members) for entry in errors[:20]])


_ALLOWED_ZH = {
    "string_pattern_mismatch": "形如 {pattern} 的文本",
    "string_too_short": "至少 {min_length} 个字符",
    "string_too_long": "至多 {max_length} 个字符",
    "literal_error": "{expected}",
    "greater_than_equal": "大于或等于 {ge}",
    "less_than_equal": "小于或等于 {le}",
    "int_type": "整数",
    "int_parsing": "整数",
    "int_parsing_size": "整数",
    "model_type": "JSON 对象",
}
"""What pydantic says of the types of error that the bodies and parameters here can meet."""


def _field_problem(entry: dict[str, Any], members: str) -> FieldProblem:
    field = wording.shortened(".".join(map(_printable, entry["loc"])) or "body")
    found = _printable(entry["input"]) if isinstance(entry["input"], str | int | float | None) else type(entry["input"]).__name__
    context = entry.get("ctx", {})
    match entry["type"]:
        case "missing":
            return FieldProblem("FIELD_MISSING", field, "", "a value", "一个值")
        case "extra_forbidden":
            return FieldProblem("FIELD_UNKNOWN", field, wording.shortened(found), members)
        case "string_type":
            return FieldProblem("FIELD_NOT_A_STRING", field, wording.shortened(found), "a string", "字符串")
        case "string_pattern_mismatch":
            allowed = f"text of the form {context['pattern']}"
        case "literal_error":
            allowed = str(context["expected"])
        case "matching":
            return FieldProblem("FIELD_INVALID", field, wording.shortened(found), context["allowed"], context["allowed_zh"])
        case _:
            allowed = entry["msg"].removeprefix("Input should be ").removeprefix("String should have ")
    allowed_zh = _ALLOWED_ZH.get(entry["type"], "").format_map(context).replace(" or ", " 或 ")
    return FieldProblem("FIELD_INVALID", field, wording.shortened(found), allowed, allowed_zh)


def _printable(value: object) -> str:
    text = str(value)
    return text if text.isprintable() else ascii(text)


class Answer(BaseModel):
    """An answer of the API."""

    model_config = ConfigDict(extra="forbid")


_JOB: dict[str, Any] = {"job_id": "019-job", "state": "running", "progress": 0.5}


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [value]})


class RowProblemAnswer(Answer):
    """Why a row was rejected."""

    reason: str
    field: str
    found: str
    allowed: str
    message: str


class RowResultAnswer(Answer):
    """What became of one row."""

    row: int
    record_id: str
    outcome: Literal["accepted", "duplicate", "superseded", "rejected"]
    problem: RowProblemAnswer | None = None


class ReceiptAnswer(Answer):
    """What became of the rows of an upload."""

    model_config = _example(
        {
            "park_id": "ganzhou-etdz",
            "rows": 2,
            "accepted": 1,
            "duplicate": 0,
            "superseded": 0,
            "rejected": 1,
            "results": [
                {"row": 1, "record_id": "r-1", "outcome": "accepted"},
                {
                    "row": 2,
                    "record_id": "r-2",
                    "outcome": "rejected",
                    "problem": {
                        "reason": "QUANTITY_NOT_A_STRING",
                        "field": "quantity",
                        "found": "12.5",
                        "allowed": "a string",
                        "message": "quantity must be a string, got 12.5: write it as a string so that no digit is lost",
                    },
                },
            ],
            "results_shown": "all",
        }
    )

    park_id: str
    rows: int
    accepted: int
    duplicate: int
    superseded: int
    rejected: int
    results: list[RowResultAnswer]
    results_shown: Literal["all", "rejected", "none"]


class JobAnswer(Answer):
    """A long task. `result` or `error` stands when it has ended."""

    model_config = _example(_JOB)

    job_id: str
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    progress: float
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


class ChangeAnswer(Answer):
    """One fact that the platform heard from its services."""

    position: int
    topic: str
    type: str
    park_id: str
    time: str
    event_id: str
    data: dict[str, Any]


class ChangesAnswer(Answer):
    """Facts in order; keep `next` once they are applied, and continue from it."""

    model_config = _example(
        {
            "changes": [
                {
                    "position": 1,
                    "topic": "accounting.park.v1",
                    "type": "parkcarbon.accounting.events.v1.ParkRegistered",
                    "park_id": "ganzhou-etdz",
                    "time": "2026-11-21T02:00:00Z",
                    "event_id": "0193",
                    "data": {"park_id": "ganzhou-etdz", "tenant_id": "ganzhou", "region_code": "360700"},
                }
            ],
            "next": "1",
            "more": False,
        }
    )

    changes: list[ChangeAnswer]
    next: str
    more: bool


class HealthAnswer(Answer):
    """The process is up."""

    model_config = _example({"status": "up"})

    status: Literal["up"]


class ReadinessAnswer(Answer):
    """What a request needs, and whether it answers; without `events` the change feed stands still, and the rest goes on."""

    model_config = _example({"ready": True, "accounting": True, "database": True, "events": True})

    ready: bool
    accounting: bool
    database: bool
    events: bool


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
