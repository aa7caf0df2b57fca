"""Refusals on the wire: RFC 9457 problem documents. The one table from kinds to status codes is here."""

from collections.abc import Mapping, Sequence

import msgspec
from starlette.responses import Response

from gateway.domain import messages
from gateway.domain.access.rate_limit import RateExceeded
from gateway.domain.errors import FieldsInvalid, GatewayError, NothingReadable, PushInterrupted, ServiceRefused, TokenRefused
from gateway.domain.messages import Language
from gateway.domain.push.activity import RowProblem

STATUS: Mapping[str, int] = {
    "malformed": 400,
    "unauthenticated": 401,
    "denied": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "timeout": 408,
    "already_exists": 409,
    "conflict": 409,
    "gone": 410,
    "too_large": 413,
    "unsupported": 415,
    "invalid": 422,
    "exhausted": 429,
    "internal": 500,
    "unavailable": 503,
}

TYPE_PREFIX = "https://parkcarbon.example/problems/"
MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER_SECONDS = "2"


def language_of(accept_language: str) -> Language:
    """Returns the language that an Accept-Language header prefers; English where it names neither.

    Source: RFC 9110 section 12.5.4.

    >>> language_of("zh-CN,zh;q=0.9,en;q=0.8"), language_of("en;q=0.5, zh;q=0.1"), language_of("")
    ('zh', 'en', 'en')
    """
    weights: dict[str, float] = {}
    for entry in accept_language[:1000].split(","):
        name, _, parameter = entry.partition(";")
        primary = name.strip().lower().partition("-")[0]
        if primary not in ("zh", "en"):
            continue
        quality = parameter.strip().removeprefix("q=") if parameter else "1"
        try:
            weights[primary] = max(weights.get(primary, 0.0), float(quality))
        except ValueError:
            continue
    return "zh" if weights.get("zh", 0.0) > weights.get("en", 0.0) else "en"


def problem(error: GatewayError, *, instance: str, request_id: str, language: Language) -> dict[str, object]:
    """Returns the members of the problem document of an error.

    Args:
        error: What went wrong.
        instance: The request's path.
        request_id: Of the answer.
        language: Of title and sentences.
    """
    members: dict[str, object] = {
        name: int(value) if name in ("row", "count") and value.isdecimal() else value
        for name, value in error.facts(language).items()
    }
    if error.rows_handled is not None:
        members["rows_handled"] = error.rows_handled
    if isinstance(error, PushInterrupted):
        members["rows"] = error.rows
    elif isinstance(error, NothingReadable):
        members.update(rows=0, accepted=0, duplicate=0, superseded=0, rejected=0, errors=[_error(error, language)])
    elif isinstance(error, ServiceRefused) and "field" in error.facts():
        members["errors"] = [_error(error, language)]
    elif isinstance(error, FieldsInvalid):
        members["errors"] = [
            {**entry.facts(language), "message": entry.sentence(language), "reason": entry.reason} for entry in error.problems
        ]
    members.update(
        type=TYPE_PREFIX + error.reason.lower().replace("_", "-"),
        title=error.title(language),
        status=STATUS[error.kind],
        detail=error.sentence(language),
        instance=messages.shortened(instance),
        request_id=request_id,
        reason=error.reason,
    )
    return members


def _error(error: GatewayError, language: Language) -> dict[str, str]:
    facts = error.facts(language)
    return {
        "field": facts.get("field", ""),
        "found": facts.get("found", ""),
        "allowed": facts.get("allowed", ""),
        "message": error.sentence(language),
        "reason": error.reason,
    }


def problem_response(error: GatewayError, *, instance: str, request_id: str, language: Language) -> Response:
    """Returns the answer that an error is given.

    Args:
        error: What went wrong.
        instance: The request's path.
        request_id: Of the answer.
        language: Of title and sentences.
    """
    headers = {"Content-Language": language, "Vary": "Accept-Language"}
    if isinstance(error, TokenRefused):
        # RFC 6750 section 3: an error code is given only where a token was.
        missing = error.reason == "TOKEN_MISSING"
        headers["WWW-Authenticate"] = "Bearer" if missing else 'Bearer error="invalid_token"'
    if error.kind in ("exhausted", "unavailable"):
        headers["Retry-After"] = str(error.retry_after_s) if isinstance(error, RateExceeded) else _RETRY_AFTER_SECONDS
    if error.kind == "method_not_allowed":
        headers["Allow"] = error.facts()["allowed"]
    members = problem(error, instance=instance, request_id=request_id, language=language)
    return Response(msgspec.json.encode(members), STATUS[error.kind], headers, MEDIA_TYPE)


def rejected_rows(problems: Sequence[RowProblem], language: Language) -> list[dict[str, object]]:
    """Returns the rejected rows of a receipt as results."""
    return [
        {"row": entry.row, "record_id": entry.record_id, "outcome": "rejected", "problem": row_problem(entry, language)}
        for entry in problems
    ]


def row_problem(entry: RowProblem, language: Language) -> dict[str, str]:
    """Returns why a row was rejected, in one language."""
    return {
        "reason": entry.reason,
        "field": entry.field,
        "found": messages.shortened(entry.found),
        "allowed": entry.allowed,
        "message": entry.message_zh if language == "zh" else entry.message_en,
    }
