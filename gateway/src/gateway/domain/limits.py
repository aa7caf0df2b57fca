"""How much one request may carry."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what a caller sends; each is inclusive.

    Attributes:
        upload_bytes: A body of activity rows.
        rows: Rows of one upload.
        row_bytes: One row or line.
        body_bytes: Any other body.
        body_seconds: How long a body may take to arrive.
        batch_rows: Rows sent to accounting in one transaction.
        batch_bytes: Text sent to accounting in one transaction.
        uploads_in_memory_bytes: All uploads under way together.
    """

    upload_bytes: int = 32 * 1024 * 1024
    rows: int = 100_000
    row_bytes: int = 64 * 1024
    body_bytes: int = 64 * 1024
    body_seconds: float = 60.0
    batch_rows: int = 5_000
    batch_bytes: int = 4 * 1024 * 1024
    uploads_in_memory_bytes: int = 256 * 1024 * 1024
