"""A memory of callers, so that not every request asks the database for its credential."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from chassis.clock import Clock
from gateway.application.access.ports import Credentials, TokenKey, TokenStore
from gateway.domain.access.credentials import RegisteredCaller, StoredKey
from gateway.domain.callers import Caller

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(Generic[K, V]):
    """Remembers what was found, for a while.

    Only what exists is remembered: a flood of guesses must not push out the callers that are at work. What is withdrawn works until
    its memory ends.
    """

    def __init__(self, clock: Clock, *, lifetime: timedelta, size: int) -> None:
        """Remembers nothing yet.

        Args:
            clock: Tells when a memory ends.
            lifetime: How long something is remembered.
            size: The most that is remembered, >= 1; the least recently used goes first.
        """
        self._clock = clock
        self._lifetime = lifetime
        self._size = size
        self._known: OrderedDict[K, tuple[V, datetime]] = OrderedDict()

    async def find(self, key: K, look: Callable[[K], Awaitable[V | None]]) -> V | None:
        """Returns what is remembered of a key, or else what `look` finds."""
        now = self._clock.now()
        known = self._known.get(key)
        if known is not None and now < known[1]:
            self._known.move_to_end(key)
            return known[0]
        found = await look(key)
        if found is None:
            self._known.pop(key, None)
            return None
        self._known[key] = (found, now + self._lifetime)
        self._known.move_to_end(key)
        if len(self._known) > self._size:
            self._known.popitem(last=False)
        return found


class CachedCallers:
    """A TokenStore that remembers what another one found."""

    def __init__(self, store: TokenStore, clock: Clock, *, lifetime: timedelta, size: int) -> None:
        """Remembers nothing yet; the arguments are those of `Memory`."""
        self._store = store
        self._known: Memory[str, Caller] = Memory(clock, lifetime=lifetime, size=size)

    async def find(self, sha256: str) -> Caller | None:
        """Returns the caller of a token that is in force, by the token's digest."""
        return await self._known.find(sha256, self._store.find)


class CachedCredentials:
    """Credentials that remember what others found."""

    def __init__(self, store: Credentials, clock: Clock, *, lifetime: timedelta, size: int) -> None:
        """Remembers nothing yet; the arguments are those of `Memory`."""
        self._store = store
        self._keys: Memory[str, StoredKey] = Memory(clock, lifetime=lifetime, size=size)
        self._external: Memory[tuple[str, str], RegisteredCaller] = Memory(clock, lifetime=lifetime, size=size)
        self._token_keys: Memory[str, TokenKey] = Memory(clock, lifetime=lifetime, size=size)

    async def key(self, key_id: str) -> StoredKey | None:
        """Returns a key with its caller."""
        return await self._keys.find(key_id, self._store.key)

    async def external(self, issuer: str, subject: str) -> RegisteredCaller | None:
        """Returns whom a subject of an OIDC issuer stands for."""
        return await self._external.find((issuer, subject), lambda pair: self._store.external(*pair))

    async def caller(self, tenant_id: str, caller_id: str) -> RegisteredCaller | None:
        """Returns a registered caller; asked anew, as a session is at each request."""
        return await self._store.caller(tenant_id, caller_id)

    async def token_key(self, kid: str) -> TokenKey | None:
        """Returns one of our own signing keys."""
        return await self._token_keys.find(kid, self._store.token_key)

    async def token_keys(self, since: datetime) -> Sequence[TokenKey]:
        """Returns our own signing keys made since a moment, the newest first; asked anew, as few ask."""
        return await self._store.token_keys(since)
