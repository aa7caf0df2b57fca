"""Receiving a body within bounds: bytes, time, and the memory of all uploads together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from pydantic import BaseModel
from starlette.requests import ClientDisconnect, Request

from gateway.api.bodies import Format, media_of
from gateway.api.models import parse_body
from gateway.domain.errors import Busy, MalformedBody, TooLarge, TooSlow, Unsupported
from gateway.domain.limits import Limits

B = TypeVar("B", bound=BaseModel)


class Uploads:
    """The bodies that are being received or worked on. One per gateway."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._held_bytes = 0

    @property
    def held_bytes(self) -> int:
        """What all bodies under way hold."""
        return self._held_bytes

    @asynccontextmanager
    async def receive(self, request: Request, *, limit_bytes: int) -> AsyncIterator[bytes]:
        """Receives a body and counts it as held until the block ends.

        Args:
            request: Whose body.
            limit_bytes: The most that is read, inclusive; what Content-Length says is believed only where it is more.

        Raises:
            Unsupported: The body is compressed: what it unpacks to has no bound.
            TooLarge: It is longer than the limit.
            TooSlow: It does not arrive in time.
            Busy: The memory for uploads is taken.
            MalformedBody: The connection ended before the body.
        """
        encoding = request.headers.get("content-encoding", "identity")
        if encoding.strip().lower() != "identity":
            raise Unsupported("CONTENT_ENCODING_UNSUPPORTED", found=encoding)
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > limit_bytes:
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
