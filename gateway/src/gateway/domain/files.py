"""Files that are stored in chunks."""

from dataclasses import dataclass

CHUNK_BYTES = 512 * 1024
"""The size of the chunks in which an upload is kept."""


DOCUMENT = "document."
"""What the name of a file begins with that is kept for good."""

UPLOAD = ".upload"
"""What the name of an upload ends with; before it stands the id of its job."""

RESULTS = ".results"
"""What the name of the results of a job ends with; before it stands the id of the job."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in chunks.

    Attributes:
        size_bytes: Of all chunks.
        chunks: How many; they count from 0.
    """

    file_id: str
    size_bytes: int
    chunks: int
