"""The registration cache: parks and sources that were read once need not be read again."""

from collections.abc import Iterable

from cachetools import LRUCache

from accounting.domain.parks import Park, Source
from chassis.tenancy import Scope

_KNOWN_PARKS = 10_000
_KNOWN_SOURCES = 200_000
"""About 100 MB at most."""


class RegistrationCache:
    """Parks and sources as they were read by any transaction of the same scope: what one tenant has read, no other is shown.

    One that is registered never changes, so that what was read once stays true.
    """

    def __init__(self) -> None:
        """Begins with none."""
        self._parks: LRUCache[tuple[Scope, str], Park] = LRUCache(_KNOWN_PARKS)
        self._sources: LRUCache[tuple[Scope, str, str], Source] = LRUCache(_KNOWN_SOURCES)

    def of(self, scope: Scope) -> "TransactionRegistrations":
        """Returns the cache for one transaction of a scope."""
        return TransactionRegistrations(scope, self._parks, self._sources)


class TransactionRegistrations:
    """What of the cache one transaction sees and adds.

    Once the transaction has registered something it adds nothing more: it may still be rolled back.
    """

    def __init__(
        self, scope: Scope, parks: LRUCache[tuple[Scope, str], Park], sources: LRUCache[tuple[Scope, str, str], Source]
    ) -> None:
        """Stores whose view it is, and of what."""
        self._scope = scope
        self._parks = parks
        self._sources = sources
        self._changed = False

    def changed(self) -> None:
        """Notes that the transaction registers something."""
        self._changed = True

    def park(self, park_id: str) -> Park | None:
        """Returns a park if it is known."""
        return self._parks.get((self._scope, park_id))

    def keep_park(self, park: Park) -> None:
        """Remembers a park that was read."""
        if not self._changed:
            self._parks[self._scope, park.park_id] = park

    def source(self, park_id: str, source_id: str) -> Source | None:
        """Returns a source if it is known."""
        return self._sources.get((self._scope, park_id, source_id))

    def keep_sources(self, park_id: str, sources: Iterable[Source]) -> None:
        """Remembers sources of a park that were read."""
        if not self._changed:
            self._sources.update({(self._scope, park_id, source.source_id): source for source in sources})
