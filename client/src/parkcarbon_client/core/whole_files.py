"""Files that cannot be cut: a workbook or a Parquet file is sent whole, and a job of the platform records it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from parkcarbon_client.core.answers import Job, RowResult
from parkcarbon_client.core.call import Call
from parkcarbon_client.core.errors import AnswerNotUnderstood, JobFailed
from parkcarbon_client.core.receipts import COUNTS, PushProgress, Receipt
from parkcarbon_client.core.requests import path, query
from parkcarbon_client.core.responses import value_of

WHOLE_MEDIA_TYPES = {
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".parquet": "application/vnd.apache.parquet",
}


@dataclass(frozen=True)
class WholeFile:
    """A file to send, and what it is known by: the same file for the same park is the same push for a day."""

    park_id: str
    media_type: str
    content: bytes
    profile: str

    @property
    def key(self) -> str:
        """The idempotency key: whoever sends the file again, after a crash too, is led to the job that has it."""
        identity = json.dumps([self.park_id, self.media_type, self.profile, hashlib.sha256(self.content).hexdigest()])
        return hashlib.sha256(identity.encode()).hexdigest()

    def submission(self, *, idempotent: bool = True) -> Call[Job]:
        """Returns the call that sends the file.

        Args:
            idempotent: False for a push of its own, whatever became of the same file before.
        """
        key = {"Idempotency-Key": self.key} if idempotent else {}
        return Call(
            "POST",
            path("/v1/parks/{park_id}/activity-records", park_id=self.park_id),
            value_of(Job),
            params=query(profile=self.profile),
            content=self.content,
            media_type=self.media_type,
            headers={"Prefer": "respond-async", **key},
        )

    def progress(self, job: Job) -> PushProgress:
        """Returns how far a job is, in bytes of the file."""
        total = len(self.content)
        return PushProgress(int(total * (job.progress or 0)), total, Receipt(self.park_id))


def whole_file(park_id: str, file: Path, profile: str) -> WholeFile | None:
    """Returns a file that is sent whole, None for one that goes in pieces."""
    media_type = WHOLE_MEDIA_TYPES.get(file.suffix.lower())
    return None if media_type is None else WholeFile(park_id, media_type, file.read_bytes(), profile)


def receipt_of(job: Job, park_id: str, rejected: tuple[RowResult, ...]) -> Receipt:
    """Returns what became of a file.

    Raises:
        JobFailed: The job did not succeed.
        AnswerNotUnderstood: Its result holds no counts.
    """
    if job.state != "succeeded" or job.result is None:
        raise JobFailed(job)
    try:
        counts = {name: int(job.result[name]) for name in COUNTS}
    except (KeyError, TypeError, ValueError) as error:
        raise AnswerNotUnderstood("Job.result", ", ".join(COUNTS), job.result) from error
    return Receipt(park_id, **counts, rejected_rows=rejected)
