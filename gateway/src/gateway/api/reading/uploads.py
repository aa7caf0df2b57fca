"""Receiving a body within bounds: bytes, time, and the memory of all uploads together."""

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TypeVar

from pydantic import BaseModel
from starlette.requests import ClientDisconnect, Request

from gateway.api.reading.media import media_of
from gateway.api.schemas.model import parse_body
from gateway.domain.errors import Busy, MalformedBody, TooLarge, TooSlow, Unsupported
from gateway.domain.limits import Limits
from gateway.domain.push.media import Format

B = TypeVar("B", bound=BaseModel)

ENCODINGS = ("gzip", "identity")
"""How a body of rows may be encoded."""

STREAM_HELD_BYTES = 16 * 1024 * 1024
"""What a body that is read as it arrives counts as held: a group of lines as bytes, as text, as columns and as a message."""

_DECOMPRESSED_PIECE = 64 * 1024
_DECOMPRESSED_FREELY = 1024 * 1024
MOST_COMPRESSION = 200
"""How many times its size a body may decompress to; rows of meters reach 30, a bomb 1,000."""

_SLOWEST_BYTES_PER_SECOND = 64 * 1024


class Uploads:
    """The bodies that are being received or worked on. One per gateway."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._held_bytes = 0

    @asynccontextmanager
    async def receive(self, request: Request, *, limit_bytes: int) -> AsyncIterator[bytes]:
        """Receives a body and counts it as held until the block ends.

        Args:
            request: Whose body.
            limit_bytes: The most that is read, inclusive; what Content-Length says is believed only where it is more.

        Raises:
            Unsupported: The body is compressed: what it decompresses to has no bound.
            TooLarge: It is longer than the limit.
            TooSlow: It does not arrive in time.
            Busy: The memory for uploads is taken.
            MalformedBody: The connection ended before the body.
        """
        encoding_of(request, allowed=("identity",))
        if declared_bytes(request) > limit_bytes:
            raise TooLarge("BODY_TOO_LARGE", allowed=limit_bytes)
        held = 0
        parts: list[bytes] = []
        try:
            try:
                async with asyncio.timeout(self.limits.body_seconds):
                    async for part in request.stream():
                        if self._held_bytes + len(part) > self.limits.uploads_in_memory_bytes:
                            raise Busy
                        held += len(part)
                        self._held_bytes += len(part)
                        if held > limit_bytes:
                            raise TooLarge("BODY_TOO_LARGE", allowed=limit_bytes)
                        parts.append(part)
            except TimeoutError:
                raise TooSlow(allowed_s=self.limits.body_seconds) from None
            except ClientDisconnect:
                raise MalformedBody("CLIENT_GONE") from None
            yield b"".join(parts)
        finally:
            self._held_bytes -= held

    @asynccontextmanager
    async def stream(
        self, request: Request, *, limit_bytes: int, held_at_most: int, unpack: bool = True
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Receives a body in chunks; the sender is kept waiting while a chunk is worked on.

        Time counts only while the body is waited for: `body_seconds`, and a second more for every 64 KiB that have arrived.

        Args:
            request: Whose body.
            limit_bytes: The most that is read, inclusive, compressed and decompressed.
            held_at_most: What it counts as held at most, bytes, until the block ends.
            unpack: Whether a gzip body is decompressed on the way.

        Raises:
            Unsupported: It is encoded otherwise than by gzip.
            TooLarge: It is longer than the limit, or decompresses to too much.
            TooSlow: It does not arrive in time.
            Busy: The memory for uploads is taken.
            MalformedBody: The connection ended before the body, or it is not gzip.
        """
        encoding = encoding_of(request, allowed=ENCODINGS)
        if declared_bytes(request) > limit_bytes:
            raise TooLarge("BODY_TOO_LARGE", allowed=limit_bytes)
        held = 0

        async def received() -> AsyncGenerator[bytes]:
            nonlocal held
            loop = asyncio.get_running_loop()
            source = request.stream().__aiter__()
            size, waited_s = 0, 0.0
            while True:
                began_s = loop.time()
                allowed_s = self.limits.body_seconds + size / _SLOWEST_BYTES_PER_SECOND
                try:
                    async with asyncio.timeout(allowed_s - waited_s):
                        part = await anext(source)
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    raise TooSlow(allowed_s=allowed_s) from None
                except ClientDisconnect:
                    raise MalformedBody("CLIENT_GONE") from None
                waited_s += loop.time() - began_s
                size += len(part)
                if size > limit_bytes:
                    raise TooLarge("BODY_TOO_LARGE", allowed=limit_bytes)
                more = min(len(part), held_at_most - held)
                if self._held_bytes + more > self.limits.uploads_in_memory_bytes:
                    raise Busy
                held += more
                self._held_bytes += more
                if part:
                    yield part

        chunks = received()
        try:
            async with aclosing(chunks):
                if encoding == "gzip" and unpack:
                    async with aclosing(decompressed(chunks, limit_bytes)) as decompressing:
                        yield decompressing
                else:
                    yield chunks
        finally:
            self._held_bytes -= held


def encoding_of(request: Request, *, allowed: Sequence[str]) -> str:
    """Returns how a body is encoded.

    Raises:
        Unsupported: By none of the ways that are allowed.
    """
    found = request.headers.get("content-encoding", "identity")
    encoding = found.strip().lower()
    if encoding not in allowed:
        raise Unsupported("CONTENT_ENCODING_UNSUPPORTED", found=found, allowed=", ".join(allowed))
    return encoding


def declared_bytes(request: Request) -> int:
    """Returns what Content-Length says, 0 where it says nothing: it is believed only where it is too much."""
    declared = request.headers.get("content-length", "")
    return int(declared[:20]) if declared.isdecimal() else 0


async def decompressed(chunks: AsyncIterator[bytes], limit_bytes: int) -> AsyncGenerator[bytes]:
    """Yields what a gzip body decompresses to, in pieces of at most 64 KiB; members may follow each other.

    Args:
        chunks: The body as it arrives.
        limit_bytes: The most that it may decompress to, inclusive.

    Raises:
        TooLarge: It decompresses to more bytes, or to more than MOST_COMPRESSION its size.
        MalformedBody: It is not gzip, or ends too early.

    Source: RFC 1952.
    """
    member = zlib.decompressobj(wbits=31)
    packed_bytes = decompressed_bytes = 0
    async for chunk in chunks:
        packed_bytes += len(chunk)
        rest = chunk
        while rest:
            if member.eof:
                member = zlib.decompressobj(wbits=31)
            try:
                piece = member.decompress(rest, _DECOMPRESSED_PIECE)
            except zlib.error as error:
                raise MalformedBody("GZIP_BROKEN", found=str(error)) from None
            rest = member.unused_data if member.eof else member.unconsumed_tail
            decompressed_bytes += len(piece)
            if decompressed_bytes > limit_bytes:
                raise TooLarge("BODY_TOO_LARGE", allowed=limit_bytes)
            if decompressed_bytes > _DECOMPRESSED_FREELY and decompressed_bytes > MOST_COMPRESSION * packed_bytes:
                raise TooLarge("UNPACKS_TOO_FAR", allowed=MOST_COMPRESSION)
            if piece:
                yield piece
            # a chunk may decompress to many pieces, and other requests are waiting
            await asyncio.sleep(0)
    if not member.eof:
        raise MalformedBody("GZIP_BROKEN", found="it ends too early")


async def read_json(uploads: Uploads, request: Request, model: type[B]) -> B:
    """Returns a small JSON body as its model.

    Raises:
        Unsupported: It is not sent as JSON.
        MalformedBody: It is not strict JSON.
        FieldsInvalid: Members are wrong; names each.
        TooLarge, TooSlow, Busy: As for every body.
    """
    media_of(request.headers.get("content-type"), allowed=(Format.JSON,))
    async with uploads.receive(request, limit_bytes=uploads.limits.body_bytes) as body:
        return parse_body(model, body)
