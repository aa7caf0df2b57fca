"""A memory of callers, so that not every request asks the database for its token."""

from collections import OrderedDict
from datetime import datetime, timedelta

from chassis.clock import Clock
from gateway.application.ports import TokenStore
from gateway.domain.callers import Caller


class KnownCallers:
    """A TokenStore that remembers what another one found.

    Only tokens that exist are remembered: a flood of guesses must not push out the callers that are at work. A token that is
    withdrawn works until its memory ends.
    """

    def __init__(self, store: TokenStore, clock: Clock, *, lifetime: timedelta, size: int) -> None:
        """Remembers nothing yet.

        Args:
            store: Is asked for what is not remembered.
            clock: Tells when a memory ends.
            lifetime: How long a caller is remembered.
            size: The most callers that are remembered, >= 1; the least recently used go first.
        """
        self._store = store
        self._clock = clock
        self._lifetime = lifetime
        self._size = size
        self._known: OrderedDict[str, tuple[Caller, datetime]] = OrderedDict()

    async def find(self, sha256: str) -> Caller | None:
        """Returns the caller of a token that is in force, by the token's digest."""
        now = self._clock.now()
        known = self._known.get(sha256)
        if known is not None and now < known[1]:
            self._known.move_to_end(sha256)
            return known[0]
        caller = await self._store.find(sha256)
        if caller is None:
            self._known.pop(sha256, None)
            return None
        self._known[sha256] = (caller, now + self._lifetime)
        self._known.move_to_end(sha256)
        if len(self._known) > self._size:
            self._known.popitem(last=False)
        return caller
