"""How the body of an upload is received and read, whatever its format."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.requests import Request

from gateway.api.reading.streams import read_parts
from gateway.api.reading.uploads import STREAM_HELD_BYTES, Uploads, decompressed
from gateway.api.reading.workbooks import Workbooks
from gateway.domain.files import CHUNK_BYTES
from gateway.domain.limits import Limits
from gateway.domain.push.activity import Layout, ReadRows
from gateway.domain.push.media import WORKBOOKS, Format, Media, most_bytes


class BodyReader:
    """How each format is received and read."""

    def __init__(self, uploads: Uploads, workbooks: Workbooks) -> None:
        """Reads with these."""
        self.uploads = uploads
        self._workbooks = workbooks

    @property
    def limits(self) -> Limits:
        """How much one upload may carry."""
        return self.uploads.limits

    def parts(self, chunks: AsyncIterator[bytes], media: Media, layout: Layout) -> AsyncGenerator[ReadRows]:
        """Yields the rows of a body in parts.

        Args:
            chunks: The body.
            media: How it is written.
            layout: The names that the columns have.
        """
        if media.format in WORKBOOKS:
            return self._workbooks.read(chunks, media.format, layout)
        return read_parts(chunks, media, self.limits, layout)

    async def decompressed(self, chunks: AsyncIterator[bytes], encoding: str, limit_bytes: int) -> AsyncGenerator[bytes]:
        """Yields an upload without its content encoding.

        Args:
            chunks: The upload as it was sent.
            encoding: gzip or identity.
            limit_bytes: The most that it may decompress to, inclusive.

        Raises:
            TooLarge: It is longer.
            MalformedBody: It is not gzip, or ends too early.
        """
        async for chunk in decompressed(chunks, limit_bytes) if encoding == "gzip" else chunks:
            yield chunk

    async def cells(self, chunks: AsyncIterator[bytes], rows: int) -> Sequence[tuple[int, Sequence[str]]]:
        """Returns the rows of a workbook that are not empty, with their numbers on the sheet.

        Args:
            chunks: The workbook.
            rows: The most rows below the headings.
        """
        return await self._workbooks.read_cells(chunks, rows)

    @asynccontextmanager
    async def receive(self, request: Request, media: Media, *, to_keep: bool = False) -> AsyncIterator[AsyncIterator[bytes]]:
        """Receives the body of a push within the bounds of its format.

        Args:
            request: Whose body.
            media: How it is written.
            to_keep: Whether it is kept as it comes, and read later.
        """
        limit_bytes = most_bytes(media, self.limits)
        held = 2 * CHUNK_BYTES if to_keep else limit_bytes if media.format is Format.JSON else STREAM_HELD_BYTES
        async with self.uploads.stream(request, limit_bytes=limit_bytes, held_at_most=held, unpack=not to_keep) as chunks:
            yield chunks
