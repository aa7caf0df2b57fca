"""Files that are stored in chunks."""

from dataclasses import dataclass

CHUNK_BYTES = 512 * 1024
"""The size of the chunks in which an upload is kept."""


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
