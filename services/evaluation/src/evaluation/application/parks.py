"""Knowing parks: hearing accounting's facts, and reading a park's account as a whole the first time that it is asked for.

Facts alone would leave a service that starts late with holes: topics keep them for a while only. So a park counts as known once its
account was read through accounting's lists, on behalf of the caller who asks first; from then on facts keep it.
"""

from dataclasses import replace

from evaluation.application.ports import Outside, ParkCopy
from evaluation.domain.parks import Enterprise, Park, Platform, Source, SpanSum, YearFigures
from kernel.access import Caller, sees
from kernel.refusals import ParkNotFound

Heard = Park | Enterprise | Source | YearFigures | Platform | list[SpanSum]


async def hear(copy: ParkCopy, heard: Heard) -> None:
    """Keeps what a fact of accounting or of the gateway tells; the transaction is the consumer's."""
    match heard:
        case Park():
            await copy.keep_park(heard)
        case Enterprise():
            await copy.keep_enterprises([heard])
        case Source():
            await copy.keep_sources([heard])
        case YearFigures():
            await copy.keep_figures([heard])
        case Platform():
            await copy.keep_platform(heard)
        case _:
            await copy.keep_sums(heard)


async def reach_park(outside: Outside, caller: Caller, park_id: str) -> Park:
    """Returns a park that the caller reaches, and sees to it that its account is known here.

    Raises:
        ParkNotFound: it does not exist for this caller.
        AccountingAway: it is not known here yet, and accounting does not answer.
    """
    async with outside.read() as records:
        park = await records.park(park_id)
    if park is None or park.caught_up_time is None:
        park = await _catch_up(outside, caller, park_id)
    if not sees(caller, park.place):
        raise ParkNotFound(park_id)
    return park


async def reach_region(outside: Outside, caller: Caller, region_code: str) -> list[Park]:
    """Returns the caller's parks whose region codes begin with a text, their accounts known here.

    A credential that may not list parks is shown those that are known here already: by facts, or because somebody asked.
    """
    listed = await outside.accounting.park_ids(caller)
    async with outside.read() as records:
        known = {park.park_id: park for park in await records.parks(caller.tenant)}
    parks = []
    for park_id in sorted(known) if listed is None else listed:
        park = known.get(park_id)
        if park is None or (park.caught_up_time is None and listed is not None):
            park = await _catch_up(outside, caller, park_id)
        if park.region_code.startswith(region_code) and sees(caller, park.place):
            parks.append(park)
    return parks


async def _catch_up(outside: Outside, caller: Caller, park_id: str) -> Park:
    account = await outside.accounting.account(caller, park_id)
    now = outside.clock.now()
    async with outside.write() as uow:
        await uow.keep_park(account.park)
        await uow.keep_enterprises(account.enterprises)
        await uow.keep_sources(account.sources, over=True)
        await uow.keep_figures(account.figures)
        await uow.keep_sums(account.sums)
        await uow.caught_up(account.park, now)
        await uow.commit()
    return replace(account.park, caught_up_time=now)
