"""Telling which platforms are connected to which parks, each once."""

from collections import OrderedDict
from collections.abc import Callable, Collection

from gateway.application.ports import Clock, UnitsOfWork
from gateway.domain.callers import Caller
from gateway.domain.platforms import PlatformKind, connected, connects

_REMEMBERED = 100_000


class Connections:
    """Platforms as they are seen. The database says which are new; those that this replica has seen before do not ask it.

    What a request did is done when its platform is noted, so its answer goes out whatever happens here: that a platform could not
    be noted is told to `failed`, and it is noted with its next request.
    """

    def __init__(self, units: UnitsOfWork, clock: Clock, failed: Callable[[Exception], None]) -> None:
        """Has seen none yet.

        Args:
            units: Where they are kept.
            clock: Tells when one was seen.
            failed: Is told why platforms could not be noted.
        """
        self._units = units
        self._clock = clock
        self._failed = failed
        self._seen: OrderedDict[tuple[str, str, str, PlatformKind], None] = OrderedDict()

    async def pushed(self, caller: Caller, way: str, park_id: str) -> None:
        """Notes that rows of a push were accepted.

        Args:
            caller: Who pushed.
            way: How it was told who asks.
            park_id: Into which park.
        """
        await self._note(caller, way, PlatformKind.ENTERPRISE, {park_id})

    async def pulled(self, caller: Caller, way: str, park_ids: Collection[str]) -> None:
        """Notes that parks, or changes of them, were read."""
        await self._note(caller, way, PlatformKind.REGION, park_ids)

    async def _note(self, caller: Caller, way: str, kind: PlatformKind, park_ids: Collection[str]) -> None:
        if not connects(caller, way, kind):
            return
        new = [key for park_id in sorted(park_ids) if (key := (caller.tenant, caller.subject, park_id, kind)) not in self._seen]
        if not new:
            return
        try:
            async with self._units(caller.tenant) as unit:
                for _, _, park_id, _ in new:
                    fact = connected(caller, way, kind, park_id, self._clock.now())
                    if await unit.platforms.add(fact):
                        unit.collect(fact)
                await unit.commit()
        except Exception as error:
            self._failed(error)
            return
        for key in new:
            self._seen[key] = None
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
