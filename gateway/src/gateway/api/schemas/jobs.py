"""Jobs as callers see them."""

from typing import Any, Literal

from gateway.api.schemas.model import Answer, example_of

_JOB: dict[str, Any] = {"job_id": "019-job", "state": "running", "progress": 0.5}


class JobAnswer(Answer):
    """A long task. `result` or `error` stands when it has ended."""

    model_config = example_of(_JOB)

    job_id: str
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    progress: float
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
