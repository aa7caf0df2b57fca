"""Refusals of the server as errors (RFC 9457)."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from parkcarbon_client.core.decoding import parse
from parkcarbon_client.core.errors import AnswerNotUnderstood, FieldProblem, ProblemError


def problem_of(response: httpx.Response) -> ProblemError:
    """Returns the refusal in an answer, whether it is a problem document or not."""
    try:
        document = parse(response.content)
    except AnswerNotUnderstood:
        document = None
    members: dict[str, Any] = document if isinstance(document, dict) else {}

    def text(name: str, default: str = "") -> str:
        value = members.get(name)
        return value if isinstance(value, str) else default

    return ProblemError(
        type=text("type", "about:blank"),
        title=text("title", response.reason_phrase),
        status=response.status_code,
        reason=text("reason"),
        # the token endpoint refuses in the words of RFC 6749
        detail=text("detail", text("error_description") if members else response.text[:200]),
        instance=text("instance"),
        request_id=text("request_id", response.headers.get("X-Request-Id", "")),
        errors=tuple(_field_problem(entry) for entry in _list(members.get("errors")) if isinstance(entry, dict)),
        members=members,
        retry_after_seconds=retry_after_seconds(response),
    )


def retry_after_seconds(response: httpx.Response) -> float | None:
    """Returns what Retry-After asks for, s, >= 0; None when it is absent or unreadable.

    A date is measured from the answer's own Date, so that a client whose clock is wrong waits no longer than it should.

    Source: RFC 9110, 10.2.3.
    """
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(response.headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return max(0.0, wait.total_seconds())


def _field_problem(entry: dict[str, Any]) -> FieldProblem:
    # refused rows come either flat or as results, whose problem is a member
    nested = entry.get("problem")
    problem: dict[str, Any] = nested if isinstance(nested, dict) else entry
    row = entry.get("row")
    return FieldProblem(
        field=str(problem.get("field", "")),
        found=str(problem.get("found", "")),
        allowed=str(problem.get("allowed", "")),
        message=str(problem.get("message", "")),
        reason=str(problem.get("reason", "")),
        row=row if isinstance(row, int) else None,
    )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
