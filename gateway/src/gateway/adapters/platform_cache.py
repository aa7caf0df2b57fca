"""Platforms that this replica has recorded already, so that not every request asks the database."""

from collections import OrderedDict
from collections.abc import Callable, Collection

from gateway.application.feed.platforms import record_platforms
from gateway.application.ports import Clock, UnitOfWorkFactory
from gateway.domain.callers import Caller
from gateway.domain.feed.platforms import PlatformKind, connects

_REMEMBERED = 100_000


class PlatformCache:
    """Records platforms as they are seen. The database says which are new; those that this replica has seen do not ask it.

    What a request did is done when its platform is recorded, so its answer goes out whatever happens here: that a platform could
    not be recorded is reported to `failed`, and it is recorded with its next request.
    """

    def __init__(self, units: UnitOfWorkFactory, clock: Clock, failed: Callable[[Exception], None]) -> None:
        """Has seen none yet.

        Args:
            units: Where they are stored.
            clock: Tells when one was seen.
            failed: Is called with why platforms could not be recorded.
        """
        self._units = units
        self._clock = clock
        self._failed = failed
        self._seen: OrderedDict[tuple[str, str, str, PlatformKind], None] = OrderedDict()

    async def record_push(self, caller: Caller, auth_method: str, park_id: str) -> None:
        """Records that rows of a push were accepted.

        Args:
            caller: Who pushed.
            auth_method: By what it was authenticated.
            park_id: Into which park.
        """
        await self._record(caller, auth_method, PlatformKind.ENTERPRISE, {park_id})

    async def record_pull(self, caller: Caller, auth_method: str, park_ids: Collection[str]) -> None:
        """Records that parks, or changes of them, were read."""
        await self._record(caller, auth_method, PlatformKind.REGION, park_ids)

    async def _record(self, caller: Caller, auth_method: str, kind: PlatformKind, park_ids: Collection[str]) -> None:
        if not connects(caller, auth_method, kind):
            return
        new = {park_id: key for park_id in park_ids if (key := (caller.tenant, caller.subject, park_id, kind)) not in self._seen}
        if not new:
            return
        try:
            await record_platforms(self._units, caller, auth_method, kind, new, self._clock.now())
        except Exception as error:
            self._failed(error)
            return
        for key in new.values():
            self._seen[key] = None
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
