"""The body of a signed request: received whole and compared with what was signed, before anyone acts on it."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Message, Receive

from gateway.domain.errors import MalformedBody, TokenRefused, TooLarge, TooSlow
from gateway.domain.limits import Limits

_IN_MEMORY_BYTES = 1024 * 1024
_PART_BYTES = 256 * 1024


@asynccontextmanager
async def verified_body(receive: Receive, body_sha256: str, limits: Limits) -> AsyncIterator[Receive]:
    """Receives a body, and opens what it can be received from again until the block ends.

    Raises:
        TokenRefused: SIGNATURE_BODY_DIFFERS.
        TooLarge, TooSlow, MalformedBody: As for every body.
    """
    digest, length, more = hashlib.sha256(), 0, True
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as spool:
        try:
            async with asyncio.timeout(limits.body_seconds):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise MalformedBody("CLIENT_GONE")
                    part = message.get("body", b"")
                    length += len(part)
                    if length > limits.upload_bytes:
                        raise TooLarge("BODY_TOO_LARGE", allowed=limits.upload_bytes)
                    digest.update(part)
                    spool.write(part)
                    more = message.get("more_body", False)
        except TimeoutError:
            raise TooSlow(allowed_s=limits.body_seconds) from None
        if digest.hexdigest() != body_sha256:
            raise TokenRefused("SIGNATURE_BODY_DIFFERS")
        spool.seek(0)
        complete = False

        async def again() -> Message:
            nonlocal complete
            if complete:
                return await receive()
            part = spool.read(_PART_BYTES)
            complete = len(part) < _PART_BYTES
            return {"type": "http.request", "body": part, "more_body": not complete}

        yield again
