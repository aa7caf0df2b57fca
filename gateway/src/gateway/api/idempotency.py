"""Answers under idempotency keys: a request that is sent again with its key is answered as before, and done once.

Source: draft-ietf-httpapi-idempotency-key-header-07. Beyond it: a key belongs to its caller, is kept for 24 hours, and is free
again when its request was not carried out.
"""

import asyncio
import hashlib
import re
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.application import idempotency
from gateway.application.ports import StorageServices
from gateway.domain.callers import Caller
from gateway.domain.files import CHUNK_BYTES
from gateway.domain.idempotency import KEY_LEASE, HeldKey, IdempotencyKey, KeyMalformed, KeyReused, StoredAnswer

_HEADER = b"idempotency-key"
_KEY = re.compile(r'"([\x20\x21\x23-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255})', re.ASCII)
_METHODS = ("POST", "PATCH")
_OWN_HEADERS = frozenset({b"content-type", b"location", b"content-language", b"preference-applied", b"vary"})
_FINGERPRINTED_HEADERS = frozenset({b"content-type", b"content-encoding", b"prefer"})
_NOT_KEPT = frozenset({401, 403, 408, 409, 429})
"""Refusals that may end otherwise when the request is sent again."""


def takes_key(path: str) -> bool:
    """Tells whether requests to an address may carry a key: not where the answer shows a secret, which nobody may keep."""
    return path.startswith("/v1/") and not path.startswith(("/v1/api-keys", "/v1/oauth", "/v1/webhooks"))


class Idempotency:
    """ASGI middleware inside of the authentication, so that it has the caller."""

    def __init__(self, app: ASGIApp, *, storage: StorageServices) -> None:
        self._app = app
        self._storage = storage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request.

        Raises:
            KeyMalformed: The header holds no key.
            KeyInUse: A request with the key is under way.
            KeyReused: The key was used for another request.
            KeyBeyondRights: The answer was given to a credential that may more than the present one.
        """
        given = [value for name, value in scope.get("headers", ()) if name == _HEADER]
        caller = scope.get("state", {}).get("caller")
        if not given or scope["method"] not in _METHODS or not takes_key(scope["path"]) or not isinstance(caller, Caller):
            await self._app(scope, receive, send)
            return
        key = IdempotencyKey(caller.tenant, caller.subject, _key(given))
        seen = _Seen(scope)
        taken = await idempotency.take(self._storage, key, caller)
        if isinstance(taken, StoredAnswer):
            await self._again(key, taken, seen, receive, send)
            return
        renewing = asyncio.create_task(self._renew(taken))
        try:
            recorded = _Recorded(send)
            await self._app(scope, seen.watched(receive), recorded)
            if seen.ended and recorded.status < 500 and recorded.status not in _NOT_KEPT and recorded.whole:
                answered = (recorded.status, recorded.headers, recorded.chunks)
                await idempotency.keep(self._storage, taken, caller, seen.fingerprint(), *answered)
                return
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing
            # Without an answer it is free again; with one this changes nothing.
            await idempotency.release(self._storage, taken)

    async def _again(self, key: IdempotencyKey, kept: StoredAnswer, seen: "_Seen", receive: Receive, send: Send) -> None:
        watched = seen.watched(receive)
        while not seen.ended and not seen.gone:
            await watched()
        if seen.fingerprint() != kept.fingerprint:
            raise KeyReused(key.key)
        headers = [(name.encode(), value.encode()) for name, value in kept.headers.items()]
        headers.append((b"idempotency-replayed", b"true"))
        await send({"type": "http.response.start", "status": kept.status, "headers": headers})
        async for chunk in idempotency.body(self._storage, key, kept):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _renew(self, held: HeldKey) -> None:
        while True:
            await asyncio.sleep(KEY_LEASE.total_seconds() / 3)
            await idempotency.renew(self._storage, held)


def _key(given: list[bytes]) -> str:
    text = b", ".join(given).decode("latin-1")
    found = _KEY.fullmatch(text.strip())
    if found is None or len(given) > 1:
        raise KeyMalformed(text)
    return found[1] or found[2]


class _Seen:
    """What a request says, as its body goes by."""

    def __init__(self, scope: Scope) -> None:
        self._digest = hashlib.sha256()
        media = b",".join(value for name, value in scope["headers"] if name in _FINGERPRINTED_HEADERS)
        for part in (scope["method"].encode(), scope["path"].encode(), scope["query_string"], media):
            self._digest.update(len(part).to_bytes(4, "big") + part)
        self.ended = False
        self.gone = False

    def watched(self, receive: Receive) -> Receive:
        """Returns a receive that looks at what passes."""

        async def watch() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                self._digest.update(message.get("body", b""))
                self.ended = self.ended or not message.get("more_body", False)
            elif message["type"] == "http.disconnect":
                self.gone = True
            return message

        return watch

    def fingerprint(self) -> str:
        """Returns the digest of what was seen."""
        return self._digest.hexdigest()


class _Recorded:
    """A send that remembers what it passed on; a body of many megabytes is not."""

    _MOST_BYTES = 16 * CHUNK_BYTES

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 500
        self.headers: dict[str, str] = {}
        self.chunks: list[bytes] = []
        self.whole = False
        self._size = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {
                name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"] if name in _OWN_HEADERS
            }
        elif message["type"] == "http.response.body":
            body = message.get("body", b"")
            self._size += len(body)
            if self._size <= self._MOST_BYTES:
                self.chunks.append(body)
                self.whole = not message.get("more_body", False)
            else:
                self.chunks.clear()
        await self._send(message)
