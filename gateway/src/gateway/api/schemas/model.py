"""What all request bodies and answers have in common."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.api.reading.json import strict_json
from gateway.domain import messages
from gateway.domain.errors import FieldProblem, FieldsInvalid

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""Ids that stand in paths."""

Id = Annotated[str, Field(pattern=ID_PATTERN)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Code = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
DecimalText = Annotated[str, Field(max_length=64, pattern=r"^-?[0-9]+(\.[0-9]+)?$")]

B = TypeVar("B", bound=BaseModel)


class RequestBody(BaseModel):
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
    field = messages.shortened(".".join(map(_printable, entry["loc"])) or "body")
    found = _printable(entry["input"]) if isinstance(entry["input"], str | int | float | None) else type(entry["input"]).__name__
    context = entry.get("ctx", {})
    match entry["type"]:
        case "missing":
            return FieldProblem("FIELD_MISSING", field, "", "a value", "一个值")
        case "extra_forbidden":
            return FieldProblem("FIELD_UNKNOWN", field, messages.shortened(found), members)
        case "string_type":
            return FieldProblem("FIELD_NOT_A_STRING", field, messages.shortened(found), "a string", "字符串")
        case "string_pattern_mismatch":
            allowed = f"text of the form {context['pattern']}"
        case "literal_error":
            allowed = str(context["expected"])
        case "matching":
            return FieldProblem("FIELD_INVALID", field, messages.shortened(found), context["allowed"], context["allowed_zh"])
        case _:
            allowed = entry["msg"].removeprefix("Input should be ").removeprefix("String should have ")
    allowed_zh = _ALLOWED_ZH.get(entry["type"], "").format_map(context).replace(" or ", " 或 ")
    return FieldProblem("FIELD_INVALID", field, messages.shortened(found), allowed, allowed_zh)


def _printable(value: object) -> str:
    text = str(value)
    return text if text.isprintable() else ascii(text)


class Answer(BaseModel):
    """An answer of the API."""

    model_config = ConfigDict(extra="forbid")


def example_of(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [value]})
