"""The directory of parks: finding a park for a caller, its account known here.

Facts alone would leave a service that starts late with holes: topics keep them for a while only. So a park counts as known once its
account was read through accounting's lists, on behalf of the caller who asks first; from then on facts keep it.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from kernel.access import Caller, sees
from kernel.refusals import ParkNotFound
from parkcopies.parks import Enterprise, IncomingFact, Park, Source, YearFigures
from parkcopies.ports import Accounting, Clock, Copies, CopiesWork, ParkCopies


@dataclass(frozen=True, slots=True)
class ParkDirectory:
    """Finds parks.

    Attributes:
        read: opens a tenant's copies for reading.
        write: opens a transaction of a tenant.
        accounting: has what is not known here yet.
        clock: tells the time.
    """

    read: Callable[[str], AbstractAsyncContextManager[Copies]]
    write: Callable[[str], AbstractAsyncContextManager[CopiesWork]]
    accounting: Accounting
    clock: Clock

    async def reach(self, caller: Caller, park_id: str) -> Park:
        """Returns a park that the caller sees, and sees to it that its account is known here.

        Raises:
            ParkNotFound: it does not exist for this caller.
            AccountingUnavailable: it is not known here yet, and accounting does not answer.
        """
        async with self.read(caller.tenant) as copies:
            park = await copies.parks.get(park_id)
        if park is None or park.synced_time is None:
            park = await self._sync(caller, park_id)
        if not sees(caller, park.place):
            raise ParkNotFound(park_id)
        return park

    async def reach_region(self, caller: Caller, region_code: str) -> list[Park]:
        """Returns the caller's parks whose region codes begin with a text, their accounts known here.

        A credential that may not list parks is shown those that are known here already: by facts, or because somebody asked.

        Raises:
            AccountingUnavailable: accounting does not answer.
        """
        listed = await self.accounting.park_ids(caller)
        async with self.read(caller.tenant) as copies:
            known = {park.park_id: park for park in await copies.parks.of_tenant(caller.tenant)}
        parks = []
        for park_id in sorted(known) if listed is None else listed:
            park = known.get(park_id)
            if park is None or (park.synced_time is None and listed is not None):
                park = await self._sync(caller, park_id)
            if park.region_code.startswith(region_code) and sees(caller, park.place):
                parks.append(park)
        return parks

    async def _sync(self, caller: Caller, park_id: str) -> Park:
        account = await self.accounting.account(caller, park_id)
        now = self.clock.now()
        async with self.write(caller.tenant) as work:
            await work.parks.keep_park(account.park)
            await work.parks.keep_enterprises(account.enterprises)
            await work.parks.keep_sources(account.sources, replace=True)
            await work.parks.keep_figures(account.figures)
            await work.parks.keep_sums(account.sums)
            await work.parks.synced(account.park.park_id, now)
            await work.commit()
        return replace(account.park, synced_time=now)


async def apply(copies: ParkCopies, fact: IncomingFact) -> None:
    """Applies a fact of accounting to the copies; the transaction is the consumer's."""
    match fact:
        case Park():
            await copies.keep_park(fact)
        case Enterprise():
            await copies.keep_enterprises([fact])
        case Source():
            await copies.keep_sources([fact])
        case YearFigures():
            await copies.keep_figures([fact])
        case _:
            await copies.keep_sums(fact)
