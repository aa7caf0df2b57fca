"""How much one request may carry."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what a caller sends; each is inclusive.

    Attributes:
        upload_bytes: A body of activity rows that is read as a whole: JSON, XLSX, Parquet.
        rows: Rows of a body that is read as a whole, and of a workbook.
        stream_bytes: A body of activity rows that is read as it arrives: NDJSON, CSV.
        stream_rows: Rows of a body that is read as it arrives, and of a Parquet file.
        row_bytes: One row or line.
        body_bytes: Any other body.
        body_seconds: How long a body may take to arrive; one of rows is given a second more for every 64 KiB.
        batch_rows: Rows sent to accounting in one transaction.
        batch_bytes: Text sent to accounting in one transaction.
        uploads_in_memory_bytes: All uploads under way together.
        requests_per_minute: Of one caller, over all replicas.
        open_requests_per_minute: Of one address, to what is asked without a credential, such as signing in.
        unpacked_bytes: What the parts of a workbook unpack to.
        worker_memory_bytes: What the process that reads one workbook or Parquet file may take.
        worker_cpu_seconds: The processor's time that it may take.
        workers: How many such processes run at a time.
    """

    upload_bytes: int = 32 * 1024 * 1024
    rows: int = 100_000
    stream_bytes: int = 2 * 1024 * 1024 * 1024
    stream_rows: int = 10_000_000
    row_bytes: int = 64 * 1024
    body_bytes: int = 64 * 1024
    body_seconds: float = 60.0
    batch_rows: int = 5_000
    batch_bytes: int = 4 * 1024 * 1024
    uploads_in_memory_bytes: int = 256 * 1024 * 1024
    requests_per_minute: int = 60_000
    open_requests_per_minute: int = 600
    unpacked_bytes: int = 256 * 1024 * 1024
    worker_memory_bytes: int = 512 * 1024 * 1024
    worker_cpu_seconds: int = 30
    workers: int = 2
