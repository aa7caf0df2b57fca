"""What can go wrong between a program and the platform.

ClientError
├── ProblemError          the server answered, and the answer is a refusal (RFC 9457)
├── ServerUnreachable     no answer came, after every retry
├── AnswerNotUnderstood   an answer came that does not have the promised shape
├── FileNotReadable       a file is not the CSV, NDJSON or JSON it should be; nothing was sent
├── PushInterrupted       part of a file was sent; sending it again is safe
├── JobNotFinished        a job was still running when the time to wait for it was over
└── JobFailed             a job ended without having done what it was for
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parkcarbon_client.core.answers import Job
    from parkcarbon_client.core.receipts import Receipt


class ClientError(Exception):
    """Everything this library raises on purpose."""


@dataclass(frozen=True)
class FieldProblem:
    """One entry of a problem's `errors`: which field of which row, what was found, what was allowed."""

    field: str
    found: str
    allowed: str
    message: str
    reason: str = ""
    row: int | None = None


class ProblemError(ClientError):
    """The server refused a request: a problem of RFC 9457.

    An answer that is no problem document (a proxy's page, say) becomes one of type `about:blank` with the status line's words.

    Attributes:
        type: The problem's URI, `about:blank` when there is none.
        title: One line, in the client's language.
        status: The HTTP status, 300 to 599.
        reason: Stable and in capitals, such as PARK_NOT_FOUND; "" when there is none.
        detail: A sentence about this one case; "" when there is none.
        instance: The path of the request.
        request_id: The name of this request in the server's logs.
        errors: Refused fields or rows.
        members: The whole document, with the members that only this type has.
        retry_after_seconds: How long the server asks to wait, if it does.
    """

    def __init__(
        self,
        *,
        type: str,  # the name is RFC 9457's
        title: str,
        status: int,
        reason: str,
        detail: str,
        instance: str,
        request_id: str,
        errors: tuple[FieldProblem, ...],
        members: Mapping[str, Any],
        retry_after_seconds: float | None,
    ) -> None:
        self.type = type
        self.title = title
        self.status = status
        self.reason = reason
        self.detail = detail
        self.instance = instance
        self.request_id = request_id
        self.errors = errors
        self.members = members
        self.retry_after_seconds = retry_after_seconds
        super().__init__(type, title, status, reason, detail)

    def __str__(self) -> str:
        words = [f"{self.status} {self.reason or self.title}"]
        if self.reason and self.title:
            words.append(self.title)
        if self.detail and self.detail != self.title:
            words.append(self.detail)
        words.extend(error.message for error in self.errors[:3] if error.message and error.message not in self.detail)
        return ": ".join(words)


class ServerUnreachable(ClientError):
    """No answer came.

    Attributes:
        url: Of the server.
        attempts: How often, >= 1.
        cause: What the last attempt ended with.
    """

    def __init__(self, url: str, attempts: int, cause: Exception) -> None:
        self.url = url
        self.attempts = attempts
        self.cause = cause
        super().__init__(url, attempts, cause)

    def __str__(self) -> str:
        cause = str(self.cause) or type(self.cause).__name__
        return f"no answer from {self.url} after {self.attempts} attempt{'s' if self.attempts != 1 else ''}: {cause}"


class AnswerNotUnderstood(ClientError):
    """The server's answer does not have the promised shape.

    Attributes:
        where: The path inside the answer, such as `Park.park_id`.
        expected: What should stand there.
        found: What stands there, cut to 200 characters.
    """

    def __init__(self, where: str, expected: str, found: object) -> None:
        self.where = where
        self.expected = expected
        self.found = repr(found)[:200]
        super().__init__(where, expected, self.found)

    def __str__(self) -> str:
        return f"answer not understood at {self.where}: expected {self.expected}, found {self.found}"


class FileNotReadable(ClientError):
    """A file cannot be sent because of what it is; nothing of it was sent.

    Attributes:
        path: The file.
        found: What it is.
        allowed: What it may be.
    """

    def __init__(self, path: str, found: str, allowed: str) -> None:
        self.path = path
        self.found = found
        self.allowed = allowed
        super().__init__(path, found, allowed)

    def __str__(self) -> str:
        return f"{self.path}: {self.found}; allowed: {self.allowed}"


class PushInterrupted(ClientError):
    """Sending a file ended before its last row. Sending the same file again is safe and ends it.

    Attributes:
        receipt: What became of the rows that were answered.
        cause: Why it ended: a ProblemError, ServerUnreachable or AnswerNotUnderstood.
    """

    def __init__(self, receipt: Receipt, cause: ClientError) -> None:
        self.receipt = receipt
        self.cause = cause
        super().__init__(receipt, cause)

    def __str__(self) -> str:
        return f"interrupted after {self.receipt.rows} rows, send the same file again: {self.cause}"


class JobFailed(ClientError):
    """A job failed or was cancelled.

    Attributes:
        job: The job; its `error` says why.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        super().__init__(job)

    def __str__(self) -> str:
        reason = (self.job.error or {}).get("message") or self.job.state
        return f"job {self.job.job_id} {self.job.state}: {reason}"


class JobNotFinished(ClientError):
    """The time to wait for a job was over before the job was.

    Attributes:
        job: The job as last seen.
        waited_seconds: How long the client waited, s.
    """

    def __init__(self, job: Job, waited_seconds: float) -> None:
        self.job = job
        self.waited_seconds = waited_seconds
        super().__init__(job, waited_seconds)

    def __str__(self) -> str:
        return f"job {self.job.job_id} is {self.job.state} after {self.waited_seconds:.0f} s"
